package dev.vitrail.models.compact;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.compact.CompactTransformer.FeedForward;
import dev.vitrail.models.compact.CompactTransformer.Patches;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.LayerScale;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Pool;
import dev.vitrail.nn.Residual;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * vit-pytorch's CaiT: patches attend to each other first, and a class token reads them afterwards, so that neither has
 * to do the other's work; each branch is scaled by trained factors that start the smaller the deeper they lie.
 *
 * <p>Touvron et al., <i>Going deeper with Image Transformers</i>, 2021,
 * <a href="https://arxiv.org/abs/2103.17239">arXiv:2103.17239</a>. Against the authors' CaiT, the class token's layers
 * have talking heads too, heads are of any width, and stochastic depth leaves out whole layers. Weights carry the names
 * of lucidrains/vit-pytorch.
 *
 * <p>Shapes: {@code B} images, {@code N} patches of {@code D} channels, {@code h} heads of {@code d} channels,
 * {@code M} tokens that are attended to.
 */
public final class CompactCaiT extends Model {
    /**
     * The configuration of a model (names in parentheses are vit-pytorch's).
     *
     * @param image size of the images (image_size, channels)
     * @param patch size of the patches, pixels (patch_size)
     * @param encoder numbers of the patches' layers; the class token's have all but the depth from it
     * @param classDepth layers of the class token (cls_depth)
     * @param head classifier, of the class token (num_classes)
     * @param embeddingDropout probability after positions are added (emb_dropout)
     * @param layerDropout probability that a whole layer is left out while training; at least one stays (layer_dropout)
     */
    public record Config(
            ImageInput image,
            Patch patch,
            Shape encoder,
            int classDepth,
            Head head,
            double embeddingDropout,
            double layerDropout)
            implements ModelConfig {
        private static final List<Pool> POOLS = List.of(Pool.TOKEN);

        public Config {
            patch.requireDivides(image);
            require(classDepth > 0, "the class token needs at least one layer, found %d", classDepth);
            head.requirePool(POOLS);
        }

        Grid grid() {
            return patch.grid(image);
        }

        @Override
        public CompactCaiT create() {
            return new CompactCaiT(this);
        }

        @Override
        public List<Pool> pools() {
            return POOLS;
        }

        @Override
        public Config withImage(ImageInput other) {
            return new Config(other, patch, encoder, classDepth, head, embeddingDropout, layerDropout);
        }

        @Override
        public Config withHead(Head other) {
            return new Config(image, patch, encoder, classDepth, other, embeddingDropout, layerDropout);
        }

        /** Stochastic depth is by whole layers here, all at the same rate. */
        @Override
        public Config withDropPath(double rate) {
            return new Config(image, patch, encoder, classDepth, head, embeddingDropout, rate);
        }
    }

    private final Parameter positions;
    private final Parameter cls;
    private final Patches patches;
    private final Dropout dropout;
    private final Layers patchLayers;
    private final Layers classLayers;
    private final LayerNorm norm;

    public CompactCaiT(Config c) {
        super(c);
        int D = c.encoder.width();
        classifier("mlp_head.1", classes -> CompactTransformer.linear(D, classes, true));
        positions = parameter("pos_embedding", Init.normal(1), 1, c.grid().patches(), D);
        cls = parameter("cls_token", Init.normal(1), 1, 1, D);
        patches = child("to_patch_embedding", new Patches(c.image, c.patch, D));
        dropout = child("dropout", new Dropout(c.embeddingDropout));
        patchLayers = child("patch_transformer", new Layers(c, c.encoder.depth()));
        classLayers = child("cls_transformer", new Layers(c, c.classDepth));
        norm = child("mlp_head.0", new LayerNorm(D, CompactTransformer.EPS));
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

    /** The class token after the last layer, not normalised, {@code [B, 1, D]}. */
    @Override
    protected Tensor features(Tensor images) {
        var x = dropout.apply(patches.apply(images).plus(positions.value())); //           [B, N, D]
        x = patchLayers.apply(x, null);
        return classLayers.apply(cls.value().expand(x.size(0), -1, -1), x); //             [B, 1, D]
    }

    /** The class token's layers do not change the patches, and no normalisation of the model is made for those. */
    @Override
    public List<FeatureInfo> featureInfo() {
        return CompactTransformer.featureInfo("patch_transformer", config().encoder, config().patch);
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return Positions.map(output, config().grid());
    }

    /** The class token normalised, {@code [B, 1, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor features) {
        return norm.apply(features.select(1, 0));
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (!name.equals("pos_embedding")) {
            return Patches.resample(name, values, wanted, config().image);
        }
        var from = source.map(c -> ((Config) c).grid());
        return Positions.fit(values, 0, from, config().grid(), width(), true);
    }

    /** A linear layer on the pixels of a patch, not a convolution. */
    @Override
    public String firstConv() {
        return "to_patch_embedding.2";
    }

    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.of("patch_transformer.layers", config().encoder.depth())
                .then("cls_transformer.layers", config().classDepth)
                .embedding("cls_token", "pos_embedding", "to_patch_embedding");
    }

    /** Layers of scaled attention and a scaled MLP, with an optional context to attend to. */
    private static final class Layers extends Module {
        private final double layerDropout;
        private final List<ScaledLayer> layers;

        Layers(Config c, int depth) {
            layerDropout = c.layerDropout;
            layers = children("layers", depth, i -> new ScaledLayer(c.encoder, i));
        }

        /** {@code [B, n, D] → [B, n, D]}, each token attending to all of {@code x} and of {@code context}. */
        Tensor apply(Tensor x, @Nullable Tensor context) {
            return framed(() -> {
                var y = x;
                var chosen = chosen();
                for (int i = 0; i < layers.size(); i++) {
                    y = layers.get(i).apply(y, context, chosen.contains(i));
                }
                return y;
            });
        }

        /** The layers to run. The original leaves some out in evaluation too; here only while training. */
        private Set<Integer> chosen() {
            var chosen = new HashSet<Integer>();
            boolean drops = training() && layerDropout > 0;
            var draws = drops ? Tensor.rand(layers.size()).toFloats() : new float[0];
            for (int i = 0; i < layers.size(); i++) {
                if (!drops || draws[i] >= layerDropout) {
                    chosen.add(i);
                }
            }
            if (chosen.isEmpty()) {
                chosen.add((int) (Tensor.rand(1).item() * layers.size()));
            }
            return chosen;
        }
    }

    /** Scaled attention, then a scaled MLP, each beside a shortcut. */
    private static final class ScaledLayer extends Module {
        private final ScaledAttention attention;
        private final ScaledPerceptron MLP;

        ScaledLayer(Shape shape, int layer) {
            hookPoint(HookPoint.BLOCK, "");
            attention = child("0", new ScaledAttention(shape, layer));
            MLP = child("1", new ScaledPerceptron(shape, layer));
        }

        /** {@code [B, n, D] → [B, n, D]}; {@code x} itself where the layer is left out. */
        Tensor apply(Tensor x, @Nullable Tensor context, boolean runs) {
            if (!runs) {
                ForwardHook.record(this, "", x);
                return x;
            }
            return context == null ? framed(x, y -> forward(y, null)) : framed(() -> forward(x, context));
        }

        private Tensor forward(Tensor x, @Nullable Tensor context) {
            x = Residual.addInPlace(x, attention.apply(x, context));
            return Residual.addInPlace(x, MLP.apply(x));
        }
    }

    /** Initial LayerScale factor of a branch: the deeper its layer, counted from 0, the smaller (section 2). */
    private static double firstScale(int layer) {
        return layer < 18 ? 0.1 : layer < 24 ? 1e-5 : 1e-6;
    }

    private static final class ScaledPerceptron extends dev.vitrail.nn.Layer {
        private final Parameter scale;
        private final FeedForward MLP;

        ScaledPerceptron(Shape shape, int layer) {
            scale = parameter("scale", Init.constant(firstScale(layer)), 1, 1, shape.width());
            MLP = child("fn", new FeedForward(shape.width(), shape.hidden(), shape.dropout(), 4));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return LayerScale.scaleInPlace(MLP.apply(x), scale);
        }
    }

    private static final class ScaledAttention extends Module {
        private final Parameter scale;
        private final TalkingHeads attention;

        ScaledAttention(Shape shape, int layer) {
            scale = parameter("scale", Init.constant(firstScale(layer)), 1, 1, shape.width());
            attention = child("fn", new TalkingHeads(shape));
        }

        Tensor apply(Tensor x, @Nullable Tensor context) {
            return framed(() -> LayerScale.scaleInPlace(attention.apply(x, context), scale));
        }
    }

    /**
     * Normalisation, then attention whose heads mix their scores before the softmax and their weights after it (Shazeer
     * et al., 2020, arXiv:2003.02436).
     */
    private static final class TalkingHeads extends Module {
        private final Shape shape;
        private final LayerNorm norm;
        private final Linear queries;
        private final Linear keysAndValues;
        private final Dropout dropout;
        private final Parameter mixBefore;
        private final Parameter mixAfter;
        private final Linear out;
        private final Dropout outDropout;

        TalkingHeads(Shape shape) {
            hookPoint(HookPoint.ATTENTION, CompactTransformer.WEIGHTS);
            this.shape = shape;
            int D = shape.width(), h = shape.heads();
            mixBefore = parameter("mix_heads_pre_attn", Init.normal(1), h, h);
            mixAfter = parameter("mix_heads_post_attn", Init.normal(1), h, h);
            norm = child("norm", new LayerNorm(D, CompactTransformer.EPS));
            queries = child("to_q", CompactTransformer.linear(D, shape.inner(), false));
            keysAndValues = child("to_kv", CompactTransformer.linear(D, 2L * shape.inner(), false));
            dropout = child("dropout", new Dropout(shape.dropout()));
            out = child("to_out.0", CompactTransformer.linear(shape.inner(), D, true));
            outDropout = child("to_out.1", new Dropout(shape.dropout()));
        }

        /** {@code [B, n, D] → [B, n, D]}; the context is attended to as it is, not normalised. */
        Tensor apply(Tensor tokens, @Nullable Tensor context) {
            return framed(() -> {
                long B = tokens.size(0), n = tokens.size(1), h = shape.heads(), d = shape.headWidth();
                var x = norm.apply(tokens);
                var attended = context == null ? x : Tensor.cat(1, x, context); //         [B, M, D]
                var q = queries.apply(x).reshape(B, n, h, d).transpose(1, 2); //           [B, h, n, d]
                var kv = keysAndValues
                        .apply(attended)
                        .reshape(B, attended.size(1), 2, h, d)
                        .permute(2, 0, 3, 1, 4)
                        .unbind(0); //                                                     2 × [B, h, M, d]
                var scores = q.times(shape.scale()).matmul(kv.get(0).transpose(-2, -1)); // [B, h, n, M]
                var weights = Functional.softmax(mixed(scores, mixBefore), -1);
                ForwardHook.record(this, CompactTransformer.WEIGHTS, weights);
                weights = mixed(dropout.apply(weights), mixAfter);
                var y = weights.matmul(kv.get(1)).transpose(1, 2).reshape(B, n, h * d);
                return outDropout.apply(out.apply(y));
            });
        }

        /** Heads mixed by a matrix, rows to columns: a 1×1 convolution that sees heads as channels. */
        private Tensor mixed(Tensor x, Parameter matrix) {
            long h = shape.heads();
            var kernel = matrix.value().transpose(0, 1).reshape(h, h, 1, 1);
            return Functional.conv2d(x, kernel, null, new long[] {1, 1}, new long[] {0, 0}, 1);
        }
    }
}
