package dev.vitrail.models.compact;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.compact.CompactTransformer.Patches;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.SinCos;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Constant;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;

/**
 * vit-pytorch's SimpleViT: no class token, no dropout, fixed positions.
 *
 * <p>Beyer et al., <i>Better plain ViT baselines for ImageNet-1k</i>, 2022, <a
 * href="https://arxiv.org/abs/2205.01580">arXiv:2205.01580</a>. Weights carry the names of lucidrains/vit-pytorch.
 *
 * <p>Shapes: {@code B} images, {@code C} channels, {@code H×W} pixels, {@code N} tokens of {@code D} channels.
 */
public final class SimpleViT extends Model {
    /**
     * The configuration of a model (names in parentheses are vit-pytorch's).
     *
     * @param image size of the images (image_size, channels)
     * @param patch size of the patches, pixels (patch_size)
     * @param encoder numbers of the encoder; its dropout must be 0
     * @param head classifier, of the mean over tokens (num_classes)
     */
    public record Config(ImageInput image, Patch patch, Shape encoder, Head head) implements ModelConfig {
        private static final List<Pool> POOLS = List.of(Pool.AVG);

        public Config {
            patch.requireDivides(image);
            head.requirePool(POOLS);
            int width = encoder.width();
            require(
                    width % 4 == 0 && width >= 8,
                    "sine and cosine of rows and columns need a width that is a multiple of 4 and at least 8, found %d:"
                            + " the nearest is %d",
                    width,
                    Math.max(8, Sizes.nearestMultiple(width, 4)));
            require(encoder.dropout() == 0, "a SimpleViT has no dropout, found %s: set it to 0", encoder.dropout());
        }

        Grid grid() {
            return patch.grid(image);
        }

        @Override
        public SimpleViT create() {
            return new SimpleViT(this);
        }

        @Override
        public List<Pool> pools() {
            return POOLS;
        }

        @Override
        public Config withImage(ImageInput other) {
            return new Config(other, patch, encoder, head);
        }

        @Override
        public Config withHead(Head other) {
            return new Config(image, patch, encoder, other);
        }

        @Override
        public Config withDropPath(double rate) {
            return CompactTransformer.withoutDropPath(this, rate);
        }
    }

    private final Constant positions;
    private final Patches patches;
    private final CompactTransformer transformer;

    public SimpleViT(Config c) {
        super(c);
        int D = c.encoder.width();
        classifier("linear_head", classes -> CompactTransformer.linear(D, classes, true));
        positions = constant(() -> SinCos.grid(c.grid().rows(), c.grid().columns(), D));
        patches = child("to_patch_embedding", new Patches(c.image, c.patch, D));
        transformer = child("transformer", new CompactTransformer(c.encoder, CompactTransformer.Style.SIMPLE));
    }

    @Override
    public Config config() {
        return (Config) super.config();
    }

    @Override
    public int width() {
        return config().encoder.width();
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return CompactTransformer.noWeightDecay(parameter);
    }

    /** Tokens after the last layer, normalised, {@code [B, N, D]}. */
    @Override
    protected Tensor features(Tensor images) {
        var x = patches.apply(images);
        return transformer.apply(x.plus(positions.on(x.device())));
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return CompactTransformer.featureInfo("transformer", config().encoder, config().patch);
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return transformer.normalised(output);
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return Positions.map(output, config().grid());
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return CompactTransformer.pooled(features, Pool.AVG);
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        return Patches.resample(name, values, wanted, config().image);
    }

    /** A linear layer on the pixels of a patch, not a convolution. */
    @Override
    public String firstConv() {
        return "to_patch_embedding.2";
    }

    @Override
    protected LayerGroups layerGroups() {
        return CompactTransformer.layerGroups(config().encoder.depth());
    }
}
