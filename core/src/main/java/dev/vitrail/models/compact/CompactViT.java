package dev.vitrail.models.compact;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.FeatureTap;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Pools;
import dev.vitrail.models.compact.CompactTransformer.Patches;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.vit.VisionTransformer;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Parameter;
import java.util.List;
import java.util.Optional;

/**
 * vit-pytorch's Vision Transformer: the ViT in its shortest form, for images and patches of any rectangle.
 *
 * <p>Dosovitskiy et al., 2021, <a href="https://arxiv.org/abs/2010.11929">arXiv:2010.11929</a>. Against
 * {@link VisionTransformer}: patches are normalised before and after their projection, the width of a head is free, and
 * positions start from unit normal samples. Weights carry the names of lucidrains/vit-pytorch.
 *
 * <p>Shapes: {@code B} images, {@code C} channels, {@code H×W} pixels, {@code N} tokens (the class token among them, if there
 * is one), {@code D} channels.
 */
public final class CompactViT extends CompactModel<CompactViT.Config> {
    /**
     * The numbers of a model (names in parentheses are vit-pytorch's).
     *
     * @param image size of images and patches (image_size, patch_size, channels)
     * @param classes rows of the classifier; 0 for none (num_classes)
     * @param encoder numbers of the encoder
     * @param pool how tokens become one vector; without {@code CLS} there is no class token (pool)
     * @param embeddingDropout probability after positions are added (emb_dropout)
     */
    public record Config(CompactImage image, int classes, Shape encoder, Pool pool, double embeddingDropout)
            implements CompactConfig<Config> {
        public Config {
            requireClasses(classes);
        }

        int prefix() {
            return pool == Pool.CLS ? 1 : 0;
        }

        @Override
        public CompactViT create() {
            return new CompactViT(this);
        }

        @Override
        public String poolName() {
            return Pools.name(pool);
        }

        @Override
        public Config withPool(String name) {
            return new Config(image, classes, encoder, Pools.of(name, Pool.values()), embeddingDropout);
        }

        @Override
        public Config withClasses(int count) {
            return new Config(image, count, encoder, pool, embeddingDropout);
        }

        @Override
        public Config withImage(CompactImage cut) {
            return new Config(cut, classes, encoder, pool, embeddingDropout);
        }

        @Override
        public Config withDropPath(double rate) {
            return withoutDropPath(this, rate);
        }
    }

    private final Parameter cls;
    private final Parameter positions;
    private final Patches patches;
    private final Dropout dropout;
    private final CompactTransformer transformer;

    public CompactViT(Config c) {
        super(c, "mlp_head", c.encoder.width());
        int D = c.encoder.width();
        // Stored even where it is empty, as the original does.
        cls = parameter("cls_token", Init.normal(1), c.prefix(), D);
        positions = parameter("pos_embedding", Init.normal(1), c.prefix() + c.image.patches(), D);
        patches = child("to_patch_embedding", new Patches(c.image, D));
        dropout = child("dropout", new Dropout(c.embeddingDropout));
        transformer = child("transformer", new CompactTransformer(c.encoder, CompactTransformer.Style.VIT));
    }

    /** Tokens after the last layer, normalised, {@code [B, N, D]}. */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        var x = patches.apply(images);
        x = Tensor.cat(1, cls.value().unsqueeze(0).expand(x.size(0), -1, -1), x);
        return transformer.apply(dropout.apply(x.plus(positions.value())), tap, tokens -> config().image
                .map(tokens.narrow(1, config().prefix(), config().image.patches())));
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return config().image.featureInfo("transformer", config().encoder);
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return config().pool.of(features);
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (!name.equals("pos_embedding")) {
            return Patches.resample(name, values, wanted, config().image);
        }
        var from = source.map(c -> ((Config) c).image.grid());
        if (values.dims() != 2) {
            return Optional.empty();
        }
        var table = values.unsqueeze(0);
        return Positions.fit(table, config().prefix(), from, config().image.grid(), width(), true)
                .map(fitted -> fitted == table ? values : fitted.squeeze(0));
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
