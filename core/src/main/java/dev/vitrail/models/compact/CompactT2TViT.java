package dev.vitrail.models.compact;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.compact.CompactTransformer.Style;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.T2TViT;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Pool;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * vit-pytorch's T2T-ViT. Against {@link T2TViT}: between the soft splits tokens are not narrowed, but go through a
 * whole encoder layer at the width of their window, so they grow by {@code k²} at every split.
 *
 * <p>Yuan et al., 2021, <a href="https://arxiv.org/abs/2101.11986">arXiv:2101.11986</a>. Weights carry
 * the names of lucidrains/vit-pytorch.
 *
 * <p>Shapes: {@code B} images, {@code C} channels, {@code H×W} pixels, {@code N} tokens with the class token, {@code D}
 * channels, {@code k×k} pixels or tokens in a window.
 */
public final class CompactT2TViT extends Model {
    /**
     * The configuration of a model (names in parentheses are vit-pytorch's).
     *
     * @param image size of the images (image_size, channels)
     * @param splits soft splits; an encoder layer follows each but the last (t2t_layers)
     * @param encoder numbers of the encoder after them
     * @param head classifier and pool (num_classes, pool); there is a class token either way
     * @param embeddingDropout probability after positions are added (emb_dropout)
     */
    public record Config(ImageInput image, List<SoftSplit> splits, Shape encoder, Head head, double embeddingDropout)
            implements ModelConfig {
        private static final List<Pool> POOLS = List.of(Pool.TOKEN, Pool.AVG);

        public Config {
            splits = List.copyOf(splits);
            require(!splits.isEmpty(), "tokens need at least one soft split, found none");
            require(
                    SoftSplit.grid(splits, image.height()) > 0 && SoftSplit.grid(splits, image.width()) > 0,
                    "images of %d×%d pixels are too small for the soft splits %s: they need at least %4$d×%4$d pixels",
                    image.height(),
                    image.width(),
                    splits,
                    SoftSplit.smallest(splits));
            head.requirePool(POOLS);
        }

        /** A soft split as vit-pytorch pads it: by half the stride. */
        public static SoftSplit split(int kernel, int stride) {
            return new SoftSplit(kernel, stride, stride / 2);
        }

        Grid grid() {
            return new Grid(SoftSplit.grid(splits, image.height()), SoftSplit.grid(splits, image.width()));
        }

        @Override
        public CompactT2TViT create() {
            return new CompactT2TViT(this);
        }

        @Override
        public List<Pool> pools() {
            return POOLS;
        }

        @Override
        public Config withImage(ImageInput other) {
            return new Config(other, splits, encoder, head, embeddingDropout);
        }

        @Override
        public Config withHead(Head other) {
            return new Config(image, splits, encoder, other, embeddingDropout);
        }

        @Override
        public Config withDropPath(double rate) {
            return CompactTransformer.withoutDropPath(this, rate);
        }
    }

    /**
     * The original's steps for each split, as {@code to_patch_embedding} counts them: lay out, cut, transpose, encode.
     */
    public static final int STEPS = 4;

    private final Parameter positions;
    private final Parameter cls;
    private final TokensFromWindows tokens;
    private final Dropout dropout;
    private final CompactTransformer transformer;

    public CompactT2TViT(Config c) {
        super(c);
        int D = c.encoder.width();
        classifier("mlp_head", classes -> CompactTransformer.linear(D, classes, true));
        positions = parameter("pos_embedding", Init.normal(1), 1, 1 + c.grid().patches(), D);
        cls = parameter("cls_token", Init.normal(1), 1, 1, D);
        tokens = child("to_patch_embedding", new TokensFromWindows(c));
        dropout = child("dropout", new Dropout(c.embeddingDropout));
        transformer = child("transformer", new CompactTransformer(c.encoder, Style.VIT));
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

    /** Tokens after the last layer, normalised; the first is the class token, {@code [B, N, D]}. */
    @Override
    protected Tensor features(Tensor images) {
        var x = tokens.apply(images);
        x = Tensor.cat(1, cls.value().expand(x.size(0), -1, -1), x);
        return transformer.apply(dropout.apply(x.plus(positions.value())));
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        int stride = config().splits.stream().mapToInt(SoftSplit::stride).reduce(1, Math::multiplyExact);
        return CompactTransformer.featureInfo("transformer", config().encoder, Patch.square(stride));
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return transformer.normalised(output);
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return Positions.map(output.narrow(1, 1, config().grid().patches()), config().grid());
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return CompactTransformer.pooled(features, config().head.pool());
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        return name.equals("pos_embedding")
                ? Positions.fit(values, 1, source.map(c -> ((Config) c).grid()), config().grid(), width(), true)
                : Optional.empty();
    }

    /** The first layer that mixes channels: linear, on the pixels of a window, channel by channel. */
    @Override
    public String firstConv() {
        return config().splits.size() == 1 ? "to_patch_embedding.4" : "to_patch_embedding.3.layers.0.0.to_qkv";
    }

    @Override
    protected LayerGroups layerGroups() {
        return CompactTransformer.layerGroups(config().encoder.depth());
    }

    /**
     * Soft splits with an encoder layer after each but the last, then a projection, {@code [B, C, H, W] → [B, N−1, D]}.
     */
    private static final class TokensFromWindows extends Layer {
        private final Config config;
        private final List<CompactTransformer> encoders = new ArrayList<>();
        private final Linear projection;

        TokensFromWindows(Config c) {
            config = c;
            int width = c.channels();
            for (int i = 0; i < c.splits.size(); i++) {
                width = Math.multiplyExact(width, c.splits.get(i).window());
                if (i < c.splits.size() - 1) {
                    var layer = new Shape(width, 1, 1, width, width, c.encoder.dropout());
                    encoders.add(
                            child(Integer.toString(STEPS * i + STEPS - 1), new CompactTransformer(layer, Style.VIT)));
                }
            }
            projection = child(
                    Integer.toString(STEPS * c.splits.size()),
                    CompactTransformer.linear(width, c.encoder.width(), true));
        }

        @Override
        protected Tensor forward(Tensor images) {
            config.image.requireSize(images);
            var x = config.splits.get(0).cut(images); //                                  [B, N, C·k²]
            int rows = config.imageHeight(), columns = config.imageWidth();
            for (int i = 0; i < encoders.size(); i++) {
                rows = config.splits.get(i).positions(rows);
                columns = config.splits.get(i).positions(columns);
                x = config.splits.get(i + 1).cut(encoders.get(i).apply(x), rows, columns);
            }
            return projection.apply(x);
        }
    }
}
