package dev.vitrail.models.compact;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.FeatureTap;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Pools;
import dev.vitrail.models.compact.CompactTransformer.Patches;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.layers.SinCos;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Constant;
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
public final class SimpleViT extends CompactModel<SimpleViT.Config> {
    /**
     * The numbers of a model (names in parentheses are vit-pytorch's).
     *
     * @param image size of images and patches (image_size, patch_size, channels)
     * @param classes rows of the classifier; 0 for none (num_classes)
     * @param encoder numbers of the encoder; its dropout must be 0
     */
    public record Config(CompactImage image, int classes, Shape encoder) implements CompactConfig<Config> {
        public Config {
            requireClasses(classes);
            int width = encoder.width();
            require(
                    width % 4 == 0 && width >= 8,
                    "sine and cosine of rows and columns need a width that is a multiple of 4 and at least 8, found %d: the"
                            + " nearest is %d",
                    width,
                    Math.max(8, Sizes.nearestMultiple(width, 4)));
            require(encoder.dropout() == 0, "a SimpleViT has no dropout, found %s: set it to 0", encoder.dropout());
        }

        @Override
        public SimpleViT create() {
            return new SimpleViT(this);
        }

        @Override
        public String poolName() {
            return Pools.name(Pool.MEAN);
        }

        @Override
        public Config withClasses(int count) {
            return new Config(image, count, encoder);
        }

        @Override
        public Config withImage(CompactImage cut) {
            return new Config(cut, classes, encoder);
        }

        @Override
        public Config withDropPath(double rate) {
            return withoutDropPath(this, rate);
        }
    }

    private final Constant positions;
    private final Patches patches;
    private final CompactTransformer transformer;

    public SimpleViT(Config c) {
        super(c, "linear_head", c.encoder.width());
        int D = c.encoder.width();
        positions = constant(() -> SinCos.grid(c.image.gridHeight(), c.image.gridWidth(), D));
        patches = child("to_patch_embedding", new Patches(c.image, D));
        transformer = child("transformer", new CompactTransformer(c.encoder, CompactTransformer.Style.SIMPLE));
    }

    /** Tokens after the last layer, normalised, {@code [B, N, D]}. */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        var x = patches.apply(images);
        return transformer.apply(x.plus(positions.on(x.device())), tap, config().image::map);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return config().image.featureInfo("transformer", config().encoder);
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return Pool.MEAN.of(features);
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
    protected LayerGroups depths() {
        return CompactTransformer.depths(config().encoder.depth());
    }
}
