package dev.vitrail.models.swin;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.PatchProjection;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.RelativePositionTables;
import dev.vitrail.models.layers.Window;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.Constant;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Residual;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The Swin Transformer: attention inside windows that shift from block to block, over a pyramid of feature maps.
 *
 * <p>Liu et al., <i>Swin Transformer: Hierarchical Vision Transformer using Shifted Windows</i>, ICCV 2021,
 * <a href="https://arxiv.org/abs/2103.14030">arXiv:2103.14030</a>; equation numbers below are the paper's. What version
 * 2 changes is in {@link SwinTransformerV2}. Weights carry the names of timm's {@code SwinTransformer}, which merges
 * patches at the beginning of a stage where the authors' code does it at the end of the one before.
 *
 * <p>Images of any size are taken: they are padded to whole patches, maps to even sides before patches are merged and
 * to whole windows before attention, and no window is larger than its map. {@link SwinConfig#adjustments} tells what
 * that means for a size.
 *
 * <p>Shapes: {@code B} images in a batch, {@code H×W} tokens in a map, {@code C} channels of a token, {@code n} tokens
 * in a window, {@code h} heads of {@code d} channels.
 */
public final class SwinTransformer extends Model {
    private final PatchEmbedding patches;
    private final @Nullable Parameter positions;
    private final Dropout positionDropout;
    private final List<Stage> stages;
    private final LayerNorm norm;

    public SwinTransformer(SwinConfig c) {
        super(c);
        patches = child("patch_embed", new PatchEmbedding(c));
        positions = c.patches().absolutePositions()
                ? parameter(
                        "absolute_pos_embed",
                        Init.truncatedNormal(0.02),
                        1,
                        c.grid().patches(),
                        c.stages().width())
                : null;
        positionDropout = child("pos_drop", new Dropout(c.dropouts().position()));
        stages = children("layers", c.stages().count(), i -> new Stage(c, i));
        norm = child(
                "norm",
                new LayerNorm(
                        c.stages().widthOf(c.stages().count() - 1), c.stages().normEps()));
        classifier(
                "head.fc", classes -> new Linear(c.stages().widthOf(c.stages().count() - 1), classes));
    }

    @Override
    public SwinConfig config() {
        return (SwinConfig) super.config();
    }

    /**
     * The map after the last stage, normalised.
     *
     * @param images {@code [B, channels, rows, columns]}, normalised; any size
     * @return {@code [B, H, W, C]}
     */
    @Override
    protected Tensor features(Tensor images) {
        var x = patches.apply(images); //                                              [B, H, W, C]
        int rows = (int) x.size(1), columns = (int) x.size(2);
        if (positions != null) {
            x = x.plus(Positions.resample(
                            positions.value(),
                            0,
                            config().grid().rows(),
                            config().grid().columns(),
                            rows,
                            columns)
                    .reshape(1, rows, columns, config().stages().width()));
        }
        x = positionDropout.apply(x);
        for (var stage : stages) {
            x = stage.apply(x, rows, columns);
        }
        return norm.apply(x);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return IntStream.range(0, config().stages().count())
                .mapToObj(i -> FeatureInfo.square(
                        "layers." + i,
                        config().stages().widthOf(i),
                        config().patches().size() << i))
                .toList();
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return isLast(info) ? norm.apply(output) : output;
    }

    /** {@code [B, H, W, C] → [B, C, H, W]}. */
    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return output.permute(0, 3, 1, 2);
    }

    /** {@code [B, H, W, C] → [B, C]}, the mean over the map. */
    @Override
    protected Tensor pooled(Tensor x) {
        return x.mean(false, 1, 2);
    }

    @Override
    public int width() {
        return config().stages().widthOf(config().stages().count() - 1);
    }

    @Override
    public String firstConv() {
        return "patch_embed.proj";
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.endsWith(".relative_position_bias_table")) {
            var stage = STAGE.matcher(name);
            if (stage.matches() && values.dims() == 2 && values.size(1) == wanted[1]) {
                int number = Integer.parseInt(stage.group(1));
                return RelativePositionTables.resample(
                        values, source.map(c -> window((SwinConfig) c, number)), window(config(), number));
            }
        }
        if (name.equals("absolute_pos_embed")) {
            return Positions.fit(
                    values,
                    0,
                    source.map(c -> ((SwinConfig) c).grid()),
                    config().grid(),
                    config().stages().width(),
                    true);
        }
        return name.equals("patch_embed.proj.weight") ? Positions.fitPatch(values, wanted) : Optional.empty();
    }

    private static Window window(SwinConfig c, int stage) {
        var cut = c.windowsOf(stage, false);
        return new Window(cut.height(), cut.width());
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return parameter.equals("absolute_pos_embed")
                || parameter.endsWith(".relative_position_bias_table")
                || parameter.contains(".cpb_mlp.")
                || parameter.endsWith(".logit_scale");
    }

    private static final Pattern STAGE = Pattern.compile("layers\\.(\\d+)\\..*");

    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.ofStages(
                        i -> "layers." + i, ".blocks", config().stages().depths())
                .embedding("patch_embed", "absolute_pos_embed")
                .last("norm");
    }

    /** Patch partition and linear embedding (Figure 3), {@code [B, channels, rows, columns] → [B, H, W, C]}. */
    private static final class PatchEmbedding extends Layer {
        private final PatchProjection projection;
        private final Layer norm;

        PatchEmbedding(SwinConfig c) {
            projection = child(
                    "proj",
                    new PatchProjection(
                            c.channels(), c.stages().width(), c.patches().size()));
            norm = child(
                    "norm",
                    c.patches().norm()
                            ? new LayerNorm(c.stages().width(), c.stages().normEps())
                            : new Identity());
        }

        @Override
        protected Tensor forward(Tensor images) {
            return norm.apply(projection.apply(images));
        }
    }

    /**
     * Patch merging (section 3.1), {@code [B, H, W, C] → [B, H/2, W/2, 2C]}; version 2 normalises after the reduction.
     */
    private static final class PatchMerging extends Layer {
        private final boolean normFirst;
        private final LayerNorm norm;
        private final Linear reduction;

        PatchMerging(SwinConfig c, int width) {
            normFirst = c.version() == SwinConfig.Version.V1;
            norm = child(
                    "norm",
                    new LayerNorm(
                            normFirst ? 4L * width : 2L * width, c.stages().normEps()));
            reduction = child("reduction", new Linear(4L * width, 2L * width, false));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = Functional.pad(x, 0, 0, 0, 0, x.size(2) % 2, 0, x.size(1) % 2);
            long B = x.size(0), H = x.size(1) / 2, W = x.size(2) / 2, C = x.size(3);
            // Of each 2×2 neighbours: the upper left, the lower left, the upper right, the lower right.
            x = x.reshape(B, H, 2, W, 2, C).permute(0, 1, 3, 4, 2, 5).reshape(B, H, W, 4 * C);
            return normFirst ? reduction.apply(norm.apply(x)) : norm.apply(reduction.apply(x));
        }
    }

    /** A stage: patch merging where it is not the first, then blocks whose windows are shifted by turns. */
    private static final class Stage extends Module {
        private final SwinConfig config;
        private final int number;
        private final Layer merging;
        private final List<Block> blocks;
        private final Map<ShiftedWindows, Constant> indices = new HashMap<>();
        private final Map<ShiftedWindows, Constant> masks = new HashMap<>();

        Stage(SwinConfig c, int number) {
            config = c;
            this.number = number;
            merging = child(
                    "downsample",
                    number == 0
                            ? new Identity()
                            : new PatchMerging(c, c.stages().widthOf(number - 1)));
            var dropPaths = DropPath.linear(c.dropouts().path(), c.stages().depths())[number];
            blocks = children(
                    "blocks",
                    dropPaths.length,
                    i -> c.version() == SwinConfig.Version.V1
                            ? new BlockV1(c, number, dropPaths[i])
                            : new SwinTransformerV2.Block(c, number, dropPaths[i]));
        }

        /**
         * @param rows rows of the map of patches
         * @param columns columns of the map of patches
         */
        Tensor apply(Tensor input, int rows, int columns) {
            return framed(() -> {
                var x = merging.apply(input);
                for (int i = 0; i < blocks.size(); i++) {
                    x = blocks.get(i).apply(x, windows(x, i % 2 == 1, rows, columns));
                }
                return x;
            });
        }

        private Windows windows(Tensor x, boolean shifted, int rows, int columns) {
            var table = config.windowsOf(number, shifted);
            var cut = config.windowsOf(number, new Grid(rows, columns), shifted);
            var index = table(indices, cut, () -> ShiftedWindows.relativePositions(
                            cut.height(), cut.width(), table.height(), table.width())
                    .flatten(0));
            var mask = cut.isShifted() ? table(masks, cut, () -> cut.kinds().unsqueeze(1)) : null;
            return new Windows(cut, index.on(x.device()), mask == null ? null : mask.on(x.device()));
        }

        private synchronized Constant table(
                Map<ShiftedWindows, Constant> tables, ShiftedWindows key, Supplier<Tensor> make) {
            return tables.computeIfAbsent(key, any -> constant(make));
        }
    }

    /**
     * The windows of one block for the maps of one size.
     *
     * @param cut how the map is cut
     * @param index rows of the bias table for all pairs of tokens, {@code [n²]} I64
     * @param kinds masks by kind of window, {@code [4, 1, n, n]}; null without a shift
     */
    record Windows(ShiftedWindows cut, Tensor index, @Nullable Tensor kinds) {
        /**
         * Biases of the attention scores: those of relative positions, and the mask of shifted windows.
         *
         * @param table biases by relative position, {@code [(2·height−1)·(2·width−1), h]}
         * @param H rows of the map
         * @param W columns of the map
         * @param B images
         * @return {@code [1, h, n, n]} for all windows alike, or {@code [B·windows, h, n, n]}
         */
        Tensor biases(Tensor table, long B, long H, long W) {
            long n = cut.tokens(), h = table.size(1);
            var bias = table.transpose(0, 1).indexSelect(1, index).reshape(1, h, n, n);
            if (kinds == null) {
                return bias;
            }
            var windows = cut.kindOfWindows(H, W);
            var each = Tensor.of(windows, windows.length).to(table.device());
            return bias.plus(kinds) //                                                  [4, h, n, n]
                    .indexSelect(0, each)
                    .unsqueeze(0)
                    .expand(B, -1, -1, -1, -1)
                    .reshape(B * windows.length, h, n, n);
        }
    }

    /** A block of either version, {@code [B, H, W, C] → [B, H, W, C]}. */
    abstract static class Block extends Module {
        Block() {
            hookPoint(HookPoint.BLOCK, "");
        }

        abstract Tensor forward(Tensor x, Windows windows);

        final Tensor apply(Tensor x, Windows windows) {
            return framed(x, y -> forward(y, windows));
        }
    }

    /** A block of version 1: attention and MLP, each after a normalisation (eq. 3). */
    private static final class BlockV1 extends Block {
        private final LayerNorm norm1;
        private final WindowAttention attention;
        private final DropPath dropPath1;
        private final LayerNorm norm2;
        private final Mlp mlp;
        private final DropPath dropPath2;

        BlockV1(SwinConfig c, int stage, double dropPath) {
            int C = c.stages().widthOf(stage);
            norm1 = child("norm1", new LayerNorm(C, c.stages().normEps()));
            attention = child("attn", new WindowAttention(c, stage));
            dropPath1 = child("drop_path1", new DropPath(dropPath));
            norm2 = child("norm2", new LayerNorm(C, c.stages().normEps()));
            mlp = child(
                    "mlp",
                    new Mlp(
                            C,
                            c.stages().hiddenOf(stage),
                            c.stages().activation(),
                            c.dropouts().projection()));
            dropPath2 = child("drop_path2", new DropPath(dropPath));
        }

        @Override
        Tensor forward(Tensor x, Windows windows) {
            x = Residual.addInPlace(x, dropPath1.apply(attention.apply(norm1.apply(x), windows)));
            return Residual.addInPlace(x, dropPath2.apply(mlp.apply(norm2.apply(x))));
        }
    }

    /** Attention in windows with relative position bias (eq. 4), {@code [B, H, W, C] → [B, H, W, C]}. */
    private static final class WindowAttention extends Module {
        private final int heads;
        private final int headWidth;
        private final double scale;
        private final double dropout;
        private final Parameter biases;
        private final Linear qkv;
        private final Linear out;
        private final Dropout outDropout;

        WindowAttention(SwinConfig c, int stage) {
            hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
            int C = c.stages().widthOf(stage);
            var window = c.windowsOf(stage, false);
            heads = c.stages().heads().get(stage);
            headWidth = c.stages().headWidthOf(stage);
            scale = c.stages().attentionScale().orElse(1 / Math.sqrt(headWidth));
            dropout = c.dropouts().attention();
            biases = parameter(
                    "relative_position_bias_table",
                    Init.truncatedNormal(0.02),
                    (2L * window.height() - 1) * (2L * window.width() - 1),
                    heads);
            qkv = child("qkv", new Linear(C, 3L * heads * headWidth, c.stages().qkvBias()));
            out = child("proj", new Linear((long) heads * headWidth, C));
            outDropout = child("proj_drop", new Dropout(c.dropouts().projection()));
        }

        Tensor apply(Tensor x, Windows windows) {
            return framed(() -> {
                long B = x.size(0), H = x.size(1), W = x.size(2);
                var tokens = windows.cut.partition(x); //                               [B·windows, n, C]
                long n = tokens.size(1);
                var parts = qkv.apply(tokens)
                        .reshape(-1, n, 3, heads, headWidth)
                        .permute(2, 0, 3, 1, 4)
                        .unbind(0); //                                              q, k, v: [B·windows, h, n, d]
                var y = Attention.attention(
                        this,
                        parts.get(0),
                        parts.get(1),
                        parts.get(2),
                        windows.biases(biases.value(), B, H, W),
                        training() ? dropout : 0,
                        scale);
                y = out.apply(y.transpose(1, 2).reshape(-1, n, (long) heads * headWidth));
                return windows.cut.merge(outDropout.apply(y), H, W);
            });
        }
    }
}
