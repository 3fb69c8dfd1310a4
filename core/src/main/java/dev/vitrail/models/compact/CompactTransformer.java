package dev.vitrail.models.compact;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Channels;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Pool;
import dev.vitrail.nn.Residual;
import java.util.List;
import java.util.Optional;

/**
 * The encoder that vit-pytorch's models share, and their way of cutting patches, by that library's parameter names.
 *
 * <p>Dosovitskiy et al., 2021, <a href="https://arxiv.org/abs/2010.11929">arXiv:2010.11929</a>, with two liberties: the
 * width of a head is free, so that queries, keys and values together may be wider than a token, and each branch holds
 * its own normalisation. {@code [B, N, D] → [B, N, D]}.
 *
 * <p>Shapes: {@code B} images, {@code N} tokens of {@code D} channels, {@code h} heads of {@code d} channels.
 */
public final class CompactTransformer extends Layer {
    /** Epsilon of every layer normalization. */
    static final double EPS = 1e-5;

    /** Name of the attention weights below their layer. */
    static final String WEIGHTS = "attend";

    /**
     * The numbers of an encoder (names in parentheses are vit-pytorch's).
     *
     * @param width D (dim)
     * @param depth layers
     * @param heads h
     * @param headWidth d; h·d need not be D (dim_head)
     * @param hidden channels inside the MLPs (mlp_dim)
     * @param dropout probability of attention weights and after projections
     */
    public record Shape(int width, int depth, int heads, int headWidth, int hidden, double dropout) {
        public Shape {
            require(
                    width > 0 && depth > 0 && heads > 0 && headWidth > 0 && hidden > 0,
                    "width %d, depth %d, heads %d, head width %d and hidden width %d must be positive",
                    width,
                    depth,
                    heads,
                    headWidth,
                    hidden);
        }

        int inner() {
            return heads * headWidth;
        }

        double scale() {
            return 1 / Math.sqrt(headWidth);
        }
    }

    /** Style of the encoder: vit-pytorch's two encoders differ in biases, dropouts and so in names. */
    enum Style {
        /** {@code vit.py}, which {@code t2t.py} shares. */
        VIT,
        /** {@code simple_vit.py}: no dropout, no bias after attention. */
        SIMPLE
    }

    private final LayerNorm norm;
    private final List<EncoderLayer> layers;

    CompactTransformer(Shape shape, Style style) {
        norm = child("norm", new LayerNorm(shape.width, EPS));
        layers = children("layers", shape.depth, i -> new EncoderLayer(shape, style));
    }

    @Override
    protected Tensor forward(Tensor x) {
        for (var layer : layers) {
            x = layer.apply(x);
        }
        return norm.apply(x);
    }

    /** Tokens of a layer, normalised as those of the last are, {@code [B, N, D] → [B, N, D]}. */
    Tensor normalised(Tensor tokens) {
        return norm.apply(tokens);
    }

    /** The feature maps after each layer, for patches of that stride. */
    static List<FeatureInfo> featureInfo(String path, Shape shape, Patch stride) {
        return FeatureInfo.each(path + ".layers", shape.depth, shape.width, stride.height(), stride.width());
    }

    /** A linear layer with PyTorch's own initial values, as vit-pytorch leaves them. */
    static Linear linear(long in, long out, boolean biased) {
        return new Linear(in, out, biased, Init.fanInUniform(in), Init.fanInUniform(in));
    }

    /** Layer groups of a model with {@code depth} layers, followed by a final norm and a head. */
    static LayerGroups layerGroups(int depth) {
        return LayerGroups.of("transformer.layers", depth)
                .embedding("cls_token", "pos_embedding", "to_patch_embedding")
                .last("transformer.norm");
    }

    /** Refuses stochastic depth, which these models do not have. */
    static <C extends ModelConfig> C withoutDropPath(C config, double rate) {
        require(
                rate == 0,
                "vit-pytorch's models have no stochastic depth, found a drop path of %s: leave it at 0, or take a model"
                        + " of another family",
                rate);
        return config;
    }

    /** The class token, or the mean over all tokens with it, {@code [B, N, D] → [B, D]}. */
    static Tensor pooled(Tensor tokens, Pool pool) {
        return pool == Pool.TOKEN ? tokens.select(1, 0) : tokens.mean(false, 1);
    }

    static boolean noWeightDecay(String parameter) {
        return parameter.equals("cls_token") || parameter.equals("pos_embedding");
    }

    /** Attention, then a MLP, each beside a shortcut. */
    private static final class EncoderLayer extends Layer {
        private final CompactAttention attention;
        private final FeedForward MLP;

        EncoderLayer(Shape shape, Style style) {
            hookPoint(HookPoint.BLOCK, "");
            attention = child("0", new CompactAttention(shape, style));
            MLP = child("1", new FeedForward(shape.width, shape.hidden, shape.dropout, style == Style.VIT ? 4 : 3));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = Residual.addInPlace(x, attention.apply(x));
            return Residual.addInPlace(x, MLP.apply(x));
        }
    }

    /** Normalisation, then attention. */
    private static final class CompactAttention extends Layer {
        private final Shape shape;
        private final LayerNorm norm;
        private final Linear qkv;
        private final Layer out;
        private final Dropout dropout;

        CompactAttention(Shape shape, Style style) {
            hookPoint(HookPoint.ATTENTION, WEIGHTS);
            this.shape = shape;
            int D = shape.width;
            norm = child("norm", new LayerNorm(D, EPS));
            qkv = child("to_qkv", linear(D, 3L * shape.inner(), false));
            if (style == Style.SIMPLE) {
                out = child("to_out", linear(shape.inner(), D, false));
            } else if (shape.heads == 1 && shape.headWidth == D) {
                // One head as wide as the token needs no projection back.
                out = child("to_out", new Identity());
            } else {
                out = child("to_out.0", linear(shape.inner(), D, true));
            }
            dropout = child("to_out.1", new Dropout(out instanceof Identity ? 0 : shape.dropout));
        }

        @Override
        protected Tensor forward(Tensor x) {
            long B = x.size(0), N = x.size(1), h = shape.heads, d = shape.headWidth;
            var parts = qkv.apply(norm.apply(x))
                    .reshape(B, N, 3, h, d)
                    .permute(2, 0, 3, 1, 4)
                    .unbind(0); //                                                       q, k, v: [B, h, N, d]
            var y = Attention.attention(
                    this,
                    WEIGHTS,
                    parts.get(0),
                    parts.get(1),
                    parts.get(2),
                    null,
                    training() ? shape.dropout : 0,
                    shape.scale());
            return dropout.apply(out.apply(y.transpose(1, 2).reshape(B, N, h * d)));
        }
    }

    /** Normalisation, then a MLP. */
    static final class FeedForward extends Layer {
        private final LayerNorm norm;
        private final Linear up;
        private final Linear down;
        private final Dropout dropout;

        /** @param second number of the second linear layer among vit-pytorch's steps */
        FeedForward(int width, int hidden, double dropout, int second) {
            norm = child("net.0", new LayerNorm(width, EPS));
            up = child("net.1", linear(width, hidden, true));
            down = child("net." + second, linear(hidden, width, true));
            this.dropout = child("dropout", new Dropout(dropout));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var hidden = Activation.GELU.applyInPlace(up.apply(norm.apply(x)));
            return dropout.apply(down.apply(dropout.apply(hidden)));
        }
    }

    /**
     * Cuts images into patches, {@code [B, C, H, W] → [B, N, D]}: a patch's pixels row by row, each with its channels,
     * then normalised, projected and normalised again.
     */
    static final class Patches extends Layer {
        private final ImageInput image;
        private final Patch patch;
        private final LayerNorm norm;
        private final Linear projection;
        private final LayerNorm outNorm;

        Patches(ImageInput image, Patch patch, int width) {
            this.image = image;
            this.patch = patch;
            int pixels = image.channels() * patch.height() * patch.width();
            norm = child("1", new LayerNorm(pixels, EPS));
            projection = child("2", linear(pixels, width, true));
            outNorm = child("3", new LayerNorm(width, EPS));
        }

        /** The parameters that see channels, for another number of those. */
        static Optional<Tensor> resample(String name, Tensor values, long[] wanted, ImageInput image) {
            boolean first = name.startsWith("to_patch_embedding.1.") || name.equals("to_patch_embedding.2.weight");
            return first ? Channels.fitWindows(values, image.channels(), wanted, true) : Optional.empty();
        }

        @Override
        protected Tensor forward(Tensor images) {
            image.requireSize(images);
            long B = images.size(0), C = images.size(1);
            var grid = patch.grid(image);
            long rows = grid.rows(), columns = grid.columns(), p = patch.height(), q = patch.width();
            var patches = images.reshape(B, C, rows, p, columns, q)
                    .permute(0, 2, 4, 3, 5, 1)
                    .reshape(B, rows * columns, p * q * C);
            return outNorm.apply(projection.apply(norm.apply(patches)));
        }
    }
}
