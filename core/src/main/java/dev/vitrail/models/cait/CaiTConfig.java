package dev.vitrail.models.cait;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.Pools;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Activation;
import java.util.OptionalDouble;

/**
 * The numbers and options that tell one {@link CaiT} from another (paper, Table 2; names in parentheses are timm's).
 *
 * @param imageHeight rows of the input, pixels (img_size)
 * @param imageWidth columns of the input, pixels
 * @param patch side of a patch, pixels (patch_size)
 * @param channels colour channels (in_chans)
 * @param classes rows of the head; 0 for none (num_classes)
 * @param pool how tokens become one vector (global_pool)
 * @param width D, channels of every token (embed_dim)
 * @param depth blocks of self-attention (depth)
 * @param classDepth blocks of class attention after them (depth_token_only)
 * @param heads h; divides the width (num_heads)
 * @param mlpRatio hidden channels of the MLPs over the width (mlp_ratio)
 * @param classMlpRatio the same in blocks of class attention (mlp_ratio_token_only)
 * @param qkvBias whether queries, keys and values have biases (qkv_bias)
 * @param attentionScale factor of the scores; empty for 1/√d (qk_scale)
 * @param layerScale initial value of the branches' factors (init_values)
 * @param activation the MLPs' non-linearity (act_layer)
 * @param normEps eps of the layer normalisations
 * @param headDropout probability before the head (drop_rate)
 * @param positionDropout probability after the positions are added (pos_drop_rate)
 * @param projectionDropout probability after projections of self-attention blocks (proj_drop_rate)
 * @param attentionDropout probability of their attention weights (attn_drop_rate)
 * @param dropPath rate of stochastic depth, the same for all blocks of self-attention (drop_path_rate)
 */
public record CaiTConfig(
        int imageHeight,
        int imageWidth,
        int patch,
        int channels,
        int classes,
        Pool pool,
        int width,
        int depth,
        int classDepth,
        int heads,
        double mlpRatio,
        double classMlpRatio,
        boolean qkvBias,
        OptionalDouble attentionScale,
        double layerScale,
        Activation activation,
        double normEps,
        double headDropout,
        double positionDropout,
        double projectionDropout,
        double attentionDropout,
        double dropPath)
        implements AdjustableConfig<CaiTConfig, CaiTConfig.Options> {
    /** How tokens become one vector. */
    public enum Pool {
        /** The class token. */
        TOKEN,
        /** The mean over patches. */
        AVG
    }

    public CaiTConfig {
        require(
                width > 0 && depth > 0 && classDepth >= 0 && heads > 0,
                "width %d, depth %d and heads %d must be positive, and the depth of class attention %d not negative",
                width,
                depth,
                heads,
                classDepth);
        Sizes.requireHeads(width, heads);
        Sizes.requireMultiple("image height", imageHeight, "patch", patch);
        Sizes.requireMultiple("image width", imageWidth, "patch", patch);
        Sizes.requireChannelsAndClasses(channels, classes);
    }

    /** A CaiT with two blocks of class attention, all biases, 1000 classes, and the paper's LayerScale for its depth. */
    public static CaiTConfig of(int image, int patch, int width, int depth, int heads) {
        // spotless:off
        return new CaiTConfig(
                image, image, patch, 3, 1000, Pool.TOKEN, width, depth, 2, heads, 4, 4, true, OptionalDouble.empty(),
                layerScale(depth), Activation.GELU, 1e-6, 0, 0, 0, 0, 0);
        // spotless:on
    }

    /** The initial value of LayerScale for a depth (section 2). */
    static double layerScale(int depth) {
        return depth <= 18 ? 0.1 : depth <= 24 ? 1e-5 : 1e-6;
    }

    Grid grid() {
        return new Grid(gridHeight(), gridWidth());
    }

    /** Rows of patches. */
    public int gridHeight() {
        return imageHeight / patch;
    }

    /** Columns of patches. */
    public int gridWidth() {
        return imageWidth / patch;
    }

    double scale() {
        return attentionScale.orElse(1 / Math.sqrt((double) width / heads));
    }

    @Override
    public CaiT create() {
        return new CaiT(this);
    }

    @Override
    public String poolName() {
        return Pools.name(pool);
    }

    @Override
    public CaiTConfig withPool(String name) {
        return with(o -> o.pool = Pools.of(name, Pool.values()));
    }

    @Override
    public CaiTConfig withArguments(ConstructorArguments a) {
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
            a.integer("depth_token_only", value -> o.classDepth = value);
            a.number("mlp_ratio_token_only", value -> o.classMlpRatio = value);
            a.flag("qkv_bias", value -> o.qkvBias = value);
            a.number("init_values", value -> o.layerScale = value);
            a.activation("act_layer", value -> o.activation = value);
            a.number("drop_rate", value -> o.headDropout = value);
            a.number("pos_drop_rate", value -> o.positionDropout = value);
            a.number("proj_drop_rate", value -> o.projectionDropout = value);
            a.number("attn_drop_rate", value -> o.attentionDropout = value);
            a.number("drop_path_rate", value -> o.dropPath = value);
        });
    }

    @Override
    public Options options() {
        return new Options();
    }

    /** The components by their names, to be changed one by one. */
    public final class Options extends ModelOptions<CaiTConfig> {
        public int patch = patch(), width = width(), depth = depth(), classDepth = classDepth(), heads = heads();
        public double mlpRatio = mlpRatio(), classMlpRatio = classMlpRatio(), layerScale = layerScale();
        public double normEps = normEps(), headDropout = headDropout(), positionDropout = positionDropout();
        public double projectionDropout = projectionDropout(), attentionDropout = attentionDropout();
        public boolean qkvBias = qkvBias();
        public Pool pool = pool();
        public OptionalDouble attentionScale = attentionScale();
        public Activation activation = activation();

        private Options() {
            super(CaiTConfig.this);
        }

        @Override
        public CaiTConfig config() {
            // spotless:off
            return new CaiTConfig(
                    imageHeight, imageWidth, patch, channels, classes, pool, width, depth, classDepth, heads,
                    mlpRatio, classMlpRatio, qkvBias, attentionScale, layerScale, activation, normEps,
                    headDropout, positionDropout, projectionDropout, attentionDropout, dropPath);
            // spotless:on
        }
    }
}
