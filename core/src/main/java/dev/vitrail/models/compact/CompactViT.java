package dev.vitrail.models.compact;

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
import dev.vitrail.models.vit.VisionTransformer;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;

/**
 * vit-pytorch's Vision Transformer: the ViT in its shortest form, for images and patches of any rectangle.
 *
 * <p>Dosovitskiy et al., 2021, <a href="https://arxiv.org/abs/2010.11929">arXiv:2010.11929</a>. Against
 * {@link VisionTransformer}: patches are normalised before and after their projection, the width of a head is free, and
 * positions start from unit normal samples. Weights carry the names of lucidrains/vit-pytorch.
 *
 * <p>Shapes: {@code B} images, {@code C} channels, {@code H×W} pixels, {@code N} tokens (the class token among them, if
 * there is one), {@code D} channels.
 */
public final class CompactViT extends Model {
    /**
     * The configuration of a model (names in parentheses are vit-pytorch's).
     *
     * @param image size of the images (image_size, channels)
     * @param patch size of the patches, pixels (patch_size)
     * @param encoder numbers of the encoder
     * @param head classifier and pool (num_classes, pool); without a pool by it there is no class token
     * @param embeddingDropout probability after positions are added (emb_dropout)
     */
    public record Config(ImageInput image, Patch patch, Shape encoder, Head head, double embeddingDropout)
            implements ModelConfig {
        private static final List<Pool> POOLS = List.of(Pool.TOKEN, Pool.AVG);

        public Config {
            patch.requireDivides(image);
            head.requirePool(POOLS);
        }

        int prefix() {
            return head.pool() == Pool.TOKEN ? 1 : 0;
        }

        Grid grid() {
            return patch.grid(image);
        }

        @Override
        public CompactViT create() {
            return new CompactViT(this);
        }

        @Override
        public List<Pool> pools() {
            return POOLS;
        }

        @Override
        public Config withImage(ImageInput other) {
            return new Config(other, patch, encoder, head, embeddingDropout);
        }

        @Override
        public Config withHead(Head other) {
            return new Config(image, patch, encoder, other, embeddingDropout);
        }

        @Override
        public Config withDropPath(double rate) {
            return CompactTransformer.withoutDropPath(this, rate);
        }
    }

    private final Parameter cls;
    private final Parameter positions;
    private final Patches patches;
    private final Dropout dropout;
    private final CompactTransformer transformer;

    public CompactViT(Config c) {
        super(c);
        int D = c.encoder.width();
        classifier("mlp_head", classes -> CompactTransformer.linear(D, classes, true));
        // Stored even where it is empty, as the original does.
        cls = parameter("cls_token", Init.normal(1), c.prefix(), D);
        positions =
                parameter("pos_embedding", Init.normal(1), c.prefix() + c.grid().patches(), D);
        patches = child("to_patch_embedding", new Patches(c.image, c.patch, D));
        dropout = child("dropout", new Dropout(c.embeddingDropout));
        transformer = child("transformer", new CompactTransformer(c.encoder, CompactTransformer.Style.VIT));
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
        x = Tensor.cat(1, cls.value().unsqueeze(0).expand(x.size(0), -1, -1), x);
        return transformer.apply(dropout.apply(x.plus(positions.value())));
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
        return Positions.map(output.narrow(1, config().prefix(), config().grid().patches()), config().grid());
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return CompactTransformer.pooled(features, config().head.pool());
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (!name.equals("pos_embedding")) {
            return Patches.resample(name, values, wanted, config().image);
        }
        var from = source.map(c -> ((Config) c).grid());
        if (values.dims() != 2) {
            return Optional.empty();
        }
        var table = values.unsqueeze(0);
        return Positions.fit(table, config().prefix(), from, config().grid(), width(), true)
                .map(fitted -> fitted == table ? values : fitted.squeeze(0));
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
