package dev.vitrail.models.beit;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FamilyModel;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.FeatureTap;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.Pools;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.PatchConvolution;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.RelativePositionTables;
import dev.vitrail.models.layers.Sizes;
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
import dev.vitrail.nn.Residual;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * BEiT and BEiT v2 as image classifiers: a ViT whose blocks know where patches lie relative to each other, instead of where
 * each lies.
 *
 * <p>Bao et al., <i>BEiT: BERT Pre-Training of Image Transformers</i>, ICLR 2022, <a
 * href="https://arxiv.org/abs/2106.08254">arXiv:2106.08254</a>; Peng et al., <i>BEiT v2</i>, 2022, arXiv:2208.06366. Weights
 * carry the names of timm's {@code Beit}.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} colour channels, {@code H×W} pixels, {@code P} pixels along a patch,
 * {@code N = HW/P²} patches, {@code D} channels, {@code h} heads of {@code d} channels.
 */
public final class Beit extends FamilyModel<Beit.Config> {
    /** Relative positions besides those between patches: class to patch, patch to class, class to class. */
    private static final int CLASS_POSITIONS = 3;

    /** Fine-tuning starts from a nearly silent classifier. */
    private static final double HEAD_SCALE = 0.001;

    /**
     * The numbers of a BEiT (names in parentheses are timm's).
     *
     * @param imageHeight rows of the input, pixels (img_size)
     * @param imageWidth columns of the input, pixels
     * @param patch side of a patch, pixels (patch_size)
     * @param channels C, colour channels (in_chans)
     * @param classes rows of the head; 0 for none (num_classes)
     * @param width D (embed_dim)
     * @param depth blocks
     * @param heads h; divides the width (num_heads)
     * @param mlpRatio hidden channels of the MLPs over the width (mlp_ratio)
     * @param layerScale initial value of the factors of each branch (init_values)
     * @param pool how tokens become one vector (global_pool)
     * @param absolutePositions whether each token has a position of its own besides (use_abs_pos_emb)
     * @param normEps eps of the layer normalisations
     * @param dropPath rate of stochastic depth, rising linearly to it (drop_path_rate)
     */
    public record Config(
            int imageHeight,
            int imageWidth,
            int patch,
            int channels,
            int classes,
            int width,
            int depth,
            int heads,
            double mlpRatio,
            double layerScale,
            Pool pool,
            boolean absolutePositions,
            double normEps,
            double dropPath)
            implements AdjustableConfig<Config, Config.Options> {
        /** How tokens become one vector. */
        public enum Pool {
            /** The mean over patches, which is normalised then. */
            AVG,
            /** The class token, normalised before. */
            TOKEN
        }

        public Config {
            Sizes.requireMultiple("image height", imageHeight, "patch", patch);
            Sizes.requireMultiple("image width", imageWidth, "patch", patch);
            require(
                    width > 0 && depth > 0 && heads > 0 && channels > 0 && classes >= 0,
                    "width %d, depth %d, heads %d and channels %d must be positive, and classes %d not negative",
                    width,
                    depth,
                    heads,
                    channels,
                    classes);
            Sizes.requireHeads(width, heads);
        }

        /** A BEiT in patches of 16 pixels, 1000 classes. */
        public static Config of(int image, int width, int depth, int heads, double layerScale) {
            return new Config(image, image, 16, 3, 1000, width, depth, heads, 4, layerScale, Pool.AVG, false, 1e-6, 0);
        }

        int rows() {
            return imageHeight / patch;
        }

        int columns() {
            return imageWidth / patch;
        }

        /** All patches, each of which is in one window with all others. */
        Window window() {
            return new Window(rows(), columns());
        }

        int relativePositions() {
            return (2 * rows() - 1) * (2 * columns() - 1) + CLASS_POSITIONS;
        }

        @Override
        public Beit create() {
            return new Beit(this);
        }

        @Override
        public String poolName() {
            return Pools.name(pool);
        }

        @Override
        public Config withPool(String name) {
            return with(o -> o.pool = Pools.of(name, Pool.values()));
        }

        Grid grid() {
            return new Grid(rows(), columns());
        }

        @Override
        public Config withArguments(ConstructorArguments a) {
            return with(o -> {
                a.image((height, width) -> {
                    o.imageHeight = height;
                    o.imageWidth = width;
                });
                a.side("patch_size", value -> o.patch = value);
                a.integer("embed_dim", value -> o.width = value);
                a.integer("depth", value -> o.depth = value);
                a.integer("num_heads", value -> o.heads = value);
                a.number("mlp_ratio", value -> o.mlpRatio = value);
                a.number("init_values", value -> o.layerScale = value);
                a.number("drop_path_rate", value -> o.dropPath = value);
                a.only("qkv_bias", true);
                a.only("use_abs_pos_emb", false);
                a.only("use_rel_pos_bias", true);
                a.only("use_shared_rel_pos_bias", false);
                // There is no dropout in our BEiT, as none of its authors' recipes has any; without training they
                // change nothing.
                a.pass("drop_rate", "pos_drop_rate", "proj_drop_rate", "attn_drop_rate", "head_init_scale");
            });
        }

        @Override
        public Options options() {
            return new Options();
        }

        /** The components by their names, to be changed one by one. */
        public final class Options extends ModelOptions<Config> {
            public int patch = patch(), width = width(), depth = depth(), heads = heads();
            public double mlpRatio = mlpRatio(), layerScale = layerScale(), normEps = normEps();
            public Pool pool = pool();
            public boolean absolutePositions = absolutePositions();

            private Options() {
                super(Config.this);
            }

            @Override
            public Config config() {
                // spotless:off
                return new Config(
                        imageHeight, imageWidth, patch, channels, classes, width, depth, heads, mlpRatio, layerScale,
                        pool, absolutePositions, normEps, dropPath);
                // spotless:on
            }
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
        cls = parameter("cls_token", Init.truncatedNormal(0.02), 1, 1, c.width);
        positions = c.absolutePositions
                ? parameter("pos_embed", Init.truncatedNormal(0.02), 1, 1L + (long) c.rows() * c.columns(), c.width)
                : null;
        patches = child(
                "patch_embed",
                new PatchConvolution(c, new Conv2d(Conv2d.Shape.square(c.channels, c.width, c.patch, c.patch, 0))));
        // One table of indices serves all blocks.
        var indices = constant(() -> relativePositions(c.rows(), c.columns()));
        var dropPaths = DropPath.linear(c.dropPath, c.depth);
        blocks = children("blocks", c.depth, i -> new Block(c, i, dropPaths[i], indices));
        boolean last = c.pool == Config.Pool.AVG;
        norm = child("norm", last ? new Identity() : new LayerNorm(c.width, c.normEps));
        fcNorm = child("fc_norm", last ? new LayerNorm(c.width, c.normEps) : new Identity());
        classifier(
                "head",
                classes -> new Linear(
                        c.width, classes, true, Init.truncatedNormal(0.02).times(HEAD_SCALE), Init.zeros()));
    }

    /**
     * For each pair of tokens, which relative position they have: {@code [(1+N)²]}, I64. Patches that lie equally far apart
     * share one; the class token has three of its own, at the end.
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

    /** Tokens after the last block, the class token first, normalised only where that is pooled, {@code [B, 1+N, D]}. */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        var x = patches.apply(images); //                                                [B, N, D]
        x = Tensor.cat(1, cls.value().expand(x.size(0), -1, -1), x);
        if (positions != null) {
            x = x.plus(positions.value());
        }
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).apply(x);
            tap.take(i, x, tokens -> Positions.map(patchesOf(tokens), config().rows(), config().columns()));
        }
        return norm.apply(x);
    }

    private static Tensor patchesOf(Tensor tokens) {
        return tokens.narrow(1, 1, tokens.size(1) - 1);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return FeatureInfo.each("blocks", config().depth, config().width, config().patch);
    }

    /** The mean over patches, normalised, or the class token, {@code [B, 1+N, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor features) {
        return fcNorm.apply(
                config().pool == Config.Pool.AVG ? patchesOf(features).mean(false, 1) : features.select(1, 0));
    }

    @Override
    public int width() {
        return config().width;
    }

    @Override
    public String firstConv() {
        return "patch_embed.proj";
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.endsWith(".relative_position_bias_table") && values.dims() == 2 && values.size(1) == config().heads) {
            long between = values.size(0) - CLASS_POSITIONS;
            var part = values.narrow(0, 0, between);
            return RelativePositionTables.resample(part, source.map(c -> ((Config) c).window()), config().window())
                    .map(table ->
                            table == part ? values : Tensor.cat(0, table, values.narrow(0, between, CLASS_POSITIONS)));
        }
        return name.equals("pos_embed")
                ? Positions.fit(values, 1, source.map(c -> ((Config) c).grid()), config().grid(), config().width, true)
                : Optional.empty();
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return parameter.equals("cls_token")
                || parameter.equals("pos_embed")
                || parameter.endsWith("relative_position_bias_table");
    }

    @Override
    protected LayerGroups depths() {
        return LayerGroups.of("blocks", config().depth)
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
        private final Linear up;
        private final Linear down;
        private final DropPath dropPath2;

        Block(Config c, int layer, double dropPath, Constant indices) {
            hookPoint(HookPoint.BLOCK, "");
            int D = c.width, hidden = (int) (c.mlpRatio * c.width);
            // The deeper, the smaller: otherwise the sum of branches would grow with depth.
            var outInit = Init.truncatedNormal(0.02).times(1 / Math.sqrt(2.0 * (layer + 1)));
            gamma1 = parameter("gamma_1", Init.constant(c.layerScale), D);
            gamma2 = parameter("gamma_2", Init.constant(c.layerScale), D);
            norm1 = child("norm1", new LayerNorm(D, c.normEps));
            attention = child("attn", new PositionedAttention(c, indices, outInit));
            dropPath1 = child("drop_path1", new DropPath(dropPath));
            norm2 = child("norm2", new LayerNorm(D, c.normEps));
            up = child("mlp.fc1", new Linear(D, hidden));
            down = child("mlp.fc2", new Linear(hidden, D, true, outInit, Init.zeros()));
            dropPath2 = child("drop_path2", new DropPath(dropPath));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = Residual.sum(x, dropPath1.apply(LayerScale.scaled(attention.apply(norm1.apply(x)), gamma1)));
            var y = down.apply(Activation.GELU.consume(up.apply(norm2.apply(x))));
            return Residual.sum(x, dropPath2.apply(LayerScale.scaled(y, gamma2)));
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
            heads = c.heads;
            this.indices = indices;
            int D = c.width;
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
