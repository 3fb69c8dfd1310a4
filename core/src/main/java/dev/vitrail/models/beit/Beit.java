package dev.vitrail.models.beit;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.PatchConvolution;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.RelativePositionTables;
import dev.vitrail.models.layers.Window;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.Constant;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.LayerScale;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Pool;
import dev.vitrail.nn.Residual;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * BEiT and BEiT v2 as image classifiers: a ViT whose blocks know where patches lie relative to each other, instead of
 * where each lies.
 *
 * <p>Bao et al., <i>BEiT: BERT Pre-Training of Image Transformers</i>, ICLR 2022,
 * <a href="https://arxiv.org/abs/2106.08254">arXiv:2106.08254</a>; Peng et al., <i>BEiT v2</i>, 2022, arXiv:2208.06366.
 * Weights carry the names of timm's {@code Beit}.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} colour channels, {@code H×W} pixels, {@code P} pixels along a
 * patch, {@code N = HW/P²} patches, {@code D} channels, {@code h} heads of {@code d} channels.
 */
public final class Beit extends Model {
    /** Relative positions besides those between patches: class to patch, patch to class, class to class. */
    private static final int CLASS_POSITIONS = 3;

    /** Fine-tuning starts from a nearly silent classifier. */
    private static final double HEAD_SCALE = 0.001;

    /**
     * The configuration of a BEiT (names in parentheses are timm's).
     *
     * @param image size of the images
     * @param patch side of a patch, pixels (patch_size)
     * @param encoder width, depth and heads; queries and values have biases
     * @param layerScale initial value of the factors of each branch (init_values)
     * @param absolutePositions whether each token has a position of its own besides (use_abs_pos_emb)
     * @param head classifier and pool: the mean over patches, which is normalized then, or the class
     *     token, normalized before
     * @param dropPath rate of stochastic depth, rising linearly to it (drop_path_rate)
     */
    public record Config(
            ImageInput image,
            int patch,
            Encoder encoder,
            double layerScale,
            boolean absolutePositions,
            Head head,
            double dropPath)
            implements ModelConfig {
        private static final List<Pool> POOLS = List.of(Pool.AVG, Pool.TOKEN);

        public Config {
            Patch.square(patch).requireDivides(image);
            require(encoder.qkvBias(), "the queries and values of a BEiT have biases: leave qkv_bias at true");
            head.requirePool(POOLS);
            Dropouts.requireProbability("drop path", dropPath);
        }

        /** A BEiT in patches of 16 pixels, 1000 classes. */
        public static Config of(int image, int width, int depth, int heads, double layerScale) {
            return new Config(
                    ImageInput.square(image),
                    16,
                    Encoder.of(width, depth, heads),
                    layerScale,
                    false,
                    Head.of(Pool.AVG),
                    0);
        }

        Grid grid() {
            return Patch.square(patch).grid(image);
        }

        /** All patches, each of which is in one window with all others. */
        Window window() {
            return new Window(grid().rows(), grid().columns());
        }

        int relativePositions() {
            return (2 * grid().rows() - 1) * (2 * grid().columns() - 1) + CLASS_POSITIONS;
        }

        @Override
        public Beit create() {
            return new Beit(this);
        }

        @Override
        public List<Pool> pools() {
            return POOLS;
        }

        @Override
        public Config withArguments(ConstructorArguments a) {
            a.only("use_abs_pos_emb", false);
            a.only("use_rel_pos_bias", true);
            a.only("use_shared_rel_pos_bias", false);
            // There is no dropout inside our BEiT, as none of its authors' recipes has any; without training these
            // change nothing.
            a.pass("pos_drop_rate", "proj_drop_rate", "attn_drop_rate", "head_init_scale");
            return new Config(
                    a.image(image),
                    a.side("patch_size", patch),
                    encoder.with(a),
                    a.number("init_values", layerScale),
                    absolutePositions,
                    head.with(a, POOLS),
                    a.number("drop_path_rate", dropPath));
        }

        @Override
        public Config withImage(ImageInput other) {
            return new Config(other, patch, encoder, layerScale, absolutePositions, head, dropPath);
        }

        @Override
        public Config withHead(Head other) {
            return new Config(image, patch, encoder, layerScale, absolutePositions, other, dropPath);
        }

        @Override
        public Config withDropPath(double rate) {
            return new Config(image, patch, encoder, layerScale, absolutePositions, head, rate);
        }
    }

    private final Parameter cls;
    private final @Nullable Parameter positions;
    private final PatchConvolution patches;
    private final List<Block> blocks;
    private final Layer norm;
    private final Layer fcNorm;

    public Beit(Config c) {
        super(c);
        cls = parameter(
                "cls_token", Init.truncatedNormal(0.02), 1, 1, c.encoder().width());
        positions = c.absolutePositions()
                ? parameter(
                        "pos_embed",
                        Init.truncatedNormal(0.02),
                        1,
                        1 + c.grid().patches(),
                        c.encoder().width())
                : null;
        patches = child(
                "patch_embed",
                new PatchConvolution(
                        c.image(),
                        new Conv2d(Conv2d.Shape.square(c.channels(), c.encoder().width(), c.patch(), c.patch(), 0))));
        // One table of indices serves all blocks.
        var indices = constant(() -> relativePositions(c.grid().rows(), c.grid().columns()));
        var dropPaths = DropPath.linear(c.dropPath(), c.encoder().depth());
        blocks = children("blocks", c.encoder().depth(), i -> new Block(c, i, dropPaths[i], indices));
        boolean last = c.head().pool() == Pool.AVG;
        norm = child(
                "norm",
                last
                        ? new Identity()
                        : new LayerNorm(c.encoder().width(), c.encoder().normEps()));
        fcNorm = child(
                "fc_norm", last ? new LayerNorm(c.encoder().width(), c.encoder().normEps()) : new Identity());
        classifier(
                "head",
                classes -> new Linear(
                        c.encoder().width(),
                        classes,
                        true,
                        Init.truncatedNormal(0.02).times(HEAD_SCALE),
                        Init.zeros()));
    }

    @Override
    public Config config() {
        return (Config) super.config();
    }

    /**
     * Row of the bias table for each pair of tokens, {@code [(1+N)²]}, I64. Patches that lie equally far apart share
     * one; the class token has three of its own, at the end.
     */
    private static Tensor relativePositions(int rows, int columns) {
        int N = rows * columns;
        long last = (2L * rows - 1) * (2L * columns - 1) + CLASS_POSITIONS - 1;
        var index = new long[(1 + N) * (1 + N)];
        for (int i = 0; i <= N; i++) {
            for (int j = 0; j <= N; j++) {
                int a = i - 1, b = j - 1;
                index[i * (1 + N) + j] = i == 0
                        ? (j == 0 ? last : last - 2)
                        : j == 0
                                ? last - 1
                                : (a / columns - b / columns + rows - 1L) * (2L * columns - 1)
                                        + (a % columns - b % columns + columns - 1);
            }
        }
        return Tensor.of(index, index.length);
    }

    /**
     * Tokens after the last block, the class token first, normalised only where that is pooled, {@code [B, 1+N, D]}.
     */
    @Override
    protected Tensor features(Tensor images) {
        var x = patches.apply(images); //                                                [B, N, D]
        x = Tensor.cat(1, cls.value().expand(x.size(0), -1, -1), x);
        if (positions != null) {
            x = x.plus(positions.value());
        }
        for (var block : blocks) {
            x = block.apply(x);
        }
        return norm.apply(x);
    }

    private static Tensor patchesOf(Tensor tokens) {
        return tokens.narrow(1, 1, tokens.size(1) - 1);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return FeatureInfo.each(
                "blocks", config().encoder().depth(), config().encoder().width(), config().patch());
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return norm.apply(output);
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return Positions.map(patchesOf(output), config().grid());
    }

    /** The mean over patches, normalised, or the class token, {@code [B, 1+N, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor features) {
        return fcNorm.apply(
                config().head().pool() == Pool.AVG ? patchesOf(features).mean(false, 1) : features.select(1, 0));
    }

    @Override
    public int width() {
        return config().encoder().width();
    }

    @Override
    public String firstConv() {
        return "patch_embed.proj";
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.endsWith(".relative_position_bias_table")
                && values.dims() == 2
                && values.size(1) == config().encoder().heads()) {
            long between = values.size(0) - CLASS_POSITIONS;
            var part = values.narrow(0, 0, between);
            return RelativePositionTables.resample(part, source.map(c -> ((Config) c).window()), config().window())
                    .map(table ->
                            table == part ? values : Tensor.cat(0, table, values.narrow(0, between, CLASS_POSITIONS)));
        }
        return name.equals("pos_embed")
                ? Positions.fit(
                        values,
                        1,
                        source.map(c -> ((Config) c).grid()),
                        config().grid(),
                        config().encoder().width(),
                        true)
                : Optional.empty();
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return parameter.equals("cls_token")
                || parameter.equals("pos_embed")
                || parameter.endsWith("relative_position_bias_table");
    }

    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.of("blocks", config().encoder().depth())
                .embedding("cls_token", "pos_embed", "patch_embed")
                .last("norm");
    }

    /** A pre-norm encoder block with scaled branches, {@code [B, 1+N, D] → [B, 1+N, D]}. */
    private static final class Block extends Layer {
        private final Parameter gamma1;
        private final Parameter gamma2;
        private final LayerNorm norm1;
        private final PositionedAttention attention;
        private final DropPath dropPath1;
        private final LayerNorm norm2;
        private final Activation activation;
        private final Linear up;
        private final Linear down;
        private final DropPath dropPath2;

        Block(Config c, int layer, double dropPath, Constant indices) {
            hookPoint(HookPoint.BLOCK, "");
            int D = c.encoder().width(), hidden = c.encoder().hidden();
            // The deeper, the smaller: otherwise the sum of branches would grow with depth.
            var outInit = Init.truncatedNormal(0.02).times(1 / Math.sqrt(2.0 * (layer + 1)));
            gamma1 = parameter("gamma_1", Init.constant(c.layerScale()), D);
            gamma2 = parameter("gamma_2", Init.constant(c.layerScale()), D);
            norm1 = child("norm1", new LayerNorm(D, c.encoder().normEps()));
            attention = child("attn", new PositionedAttention(c, indices, outInit));
            dropPath1 = child("drop_path1", new DropPath(dropPath));
            norm2 = child("norm2", new LayerNorm(D, c.encoder().normEps()));
            activation = c.encoder().activation();
            up = child("mlp.fc1", new Linear(D, hidden));
            down = child("mlp.fc2", new Linear(hidden, D, true, outInit, Init.zeros()));
            dropPath2 = child("drop_path2", new DropPath(dropPath));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = Residual.addInPlace(
                    x, dropPath1.apply(LayerScale.scaleInPlace(attention.apply(norm1.apply(x)), gamma1)));
            var y = down.apply(activation.applyInPlace(up.apply(norm2.apply(x))));
            return Residual.addInPlace(x, dropPath2.apply(LayerScale.scaleInPlace(y, gamma2)));
        }
    }

    /** Attention with a trained bias for each head and relative position; keys alone have no bias of their own. */
    private static final class PositionedAttention extends Layer {
        private final int heads;
        private final Constant indices;
        private final Parameter queryBias;
        private final Parameter valueBias;
        private final Parameter positionBias;
        private final Parameter qkv;
        private final Linear out;

        PositionedAttention(Config c, Constant indices, Init outInit) {
            hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
            heads = c.encoder().heads();
            this.indices = indices;
            int D = c.encoder().width();
            queryBias = parameter("q_bias", Init.zeros(), D);
            valueBias = parameter("v_bias", Init.zeros(), D);
            positionBias = parameter("relative_position_bias_table", Init.zeros(), c.relativePositions(), heads);
            qkv = parameter("qkv.weight", Init.truncatedNormal(0.02), 3L * D, D);
            out = child("proj", new Linear(D, D, true, outInit, Init.zeros()));
        }

        @Override
        protected Tensor forward(Tensor x) {
            long B = x.size(0), M = x.size(1), D = x.size(2), h = heads, d = D / h;
            var q = queryBias.value();
            var bias = Tensor.cat(0, q, q.detach().times(0), valueBias.value());
            var parts = Functional.linear(x, qkv.value(), bias)
                    .reshape(B, M, 3, h, d)
                    .permute(2, 0, 3, 1, 4)
                    .unbind(0); //                                                       q, k, v: [B, h, M, d]
            var positions = positionBias
                    .value()
                    .indexSelect(0, indices.on(x.device()))
                    .reshape(M, M, h)
                    .permute(2, 0, 1)
                    .unsqueeze(0)
                    .contiguous(); //                                                    [1, h, M, M]
            var y = Attention.attention(this, parts.get(0), parts.get(1), parts.get(2), positions, 0, 1 / Math.sqrt(d));
            return out.apply(y.transpose(1, 2).reshape(B, M, D));
        }
    }
}
