package dev.vitrail.models.swin;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.models.layers.Window;
import dev.vitrail.nn.Activation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The numbers and options that tell one Swin Transformer from another (names in parentheses are timm's, or the authors' where
 * timm has none). Lists have an entry for each stage.
 *
 * @param version which paper
 * @param imageHeight rows of the images that windows are fitted to, pixels (img_size)
 * @param imageWidth columns of those images, pixels
 * @param patch side of a patch, pixels (patch_size)
 * @param channels colour channels (in_chans)
 * @param classes rows of the head; 0 for none (num_classes)
 * @param width C, channels of the first stage, doubled by every further one (embed_dim)
 * @param depths blocks (depths)
 * @param heads attention heads (num_heads)
 * @param headWidths d, channels of a head; 0 where the heads share the stage's channels (head_dim)
 * @param windows sides of a window, tokens; it is never larger than the map (window_size)
 * @param pretrainedWindows sides of the windows that version 2 was trained with before; 0 for none (pretrained_window_sizes)
 * @param mlpRatios hidden channels of the MLPs over the stage's channels (mlp_ratio)
 * @param qkvBias whether queries, keys and values have biases; in version 2 keys have none (qkv_bias)
 * @param attentionScale factor of the scores in version 1; empty for 1/√d (qk_scale)
 * @param patchNorm whether patches are normalised (patch_norm)
 * @param absolutePositions whether positions are added to patches (ape)
 * @param fixedWindows whether windows and shifts stay as the configured image size has them when images of another size come;
 *     else they are fitted again (strict_img_size=False)
 * @param activation the MLPs' non-linearity (act_layer)
 * @param normEps eps of the layer normalisations
 * @param headDropout probability before the head (drop_rate)
 * @param positionDropout probability after the patch embedding (the authors' drop_rate)
 * @param projectionDropout probability after projections (proj_drop_rate)
 * @param attentionDropout probability of attention weights (attn_drop_rate)
 * @param dropPath rate of stochastic depth of the last block; it rises linearly from 0 (drop_path_rate)
 */
public record SwinConfig(
        Version version,
        int imageHeight,
        int imageWidth,
        int patch,
        int channels,
        int classes,
        int width,
        List<Integer> depths,
        List<Integer> heads,
        List<Integer> headWidths,
        List<Window> windows,
        List<Integer> pretrainedWindows,
        List<Double> mlpRatios,
        boolean qkvBias,
        OptionalDouble attentionScale,
        boolean patchNorm,
        boolean absolutePositions,
        boolean fixedWindows,
        Activation activation,
        double normEps,
        double headDropout,
        double positionDropout,
        double projectionDropout,
        double attentionDropout,
        double dropPath)
        implements AdjustableConfig<SwinConfig, SwinConfig.Options> {
    /** Which of the two papers. */
    public enum Version {
        /** arXiv:2103.14030. */
        V1,
        /** arXiv:2111.09883. */
        V2
    }

    public SwinConfig {
        depths = List.copyOf(depths);
        heads = List.copyOf(heads);
        headWidths = List.copyOf(headWidths);
        windows = List.copyOf(windows);
        pretrainedWindows = List.copyOf(pretrainedWindows);
        mlpRatios = List.copyOf(mlpRatios);
        require(
                imageHeight > 0 && imageWidth > 0 && patch > 0,
                "image of %d×%d pixels and patch %d must be positive",
                imageHeight,
                imageWidth,
                patch);
        Sizes.requireChannelsAndClasses(channels, classes);
        int stages = depths.size();
        require(stages > 0 && stages <= 16, "a Swin Transformer has 1 to 16 stages, found %d depths", stages);
        requireSame("heads", heads, stages);
        requireSame("head widths", headWidths, stages);
        requireSame("windows", windows, stages);
        requireSame("pretrained windows", pretrainedWindows, stages);
        requireSame("MLP ratios", mlpRatios, stages);
        for (int i = 0; i < stages; i++) {
            int channelsHere = width << i, count = heads.get(i);
            require(
                    width > 0 && depths.get(i) > 0 && count > 0,
                    "width %d, depth %d and heads %d of stage %d must be positive",
                    width,
                    depths.get(i),
                    count,
                    i + 1);
            require(
                    headWidths.get(i) > 0 || channelsHere % count == 0,
                    "the %d channels of stage %d are not a multiple of its %d heads: take %d heads, or a width that is",
                    channelsHere,
                    i + 1,
                    count,
                    Sizes.nearestDivisor(channelsHere, count));
            require(
                    version == Version.V1 || headWidths.get(i) == 0,
                    "heads of a width of their own (%d) are for version 1 only: leave head widths at 0",
                    headWidths.get(i));
        }
    }

    private static void requireSame(String what, List<?> list, int stages) {
        require(list.size() == stages, "%d %s do not go with %d stages: give one for each", list.size(), what, stages);
    }

    /** A Swin as timm's constructor makes it: patches of 4 pixels, MLP ratio 4, all biases, 1000 classes, drop path 0.1. */
    public static SwinConfig of(
            Version version, int image, int width, List<Integer> depths, List<Integer> heads, int window) {
        int stages = depths.size();
        // spotless:off
        return new SwinConfig(
                version, image, image, 4, 3, 1000, width, depths, heads, Collections.nCopies(stages, 0),
                Collections.nCopies(stages, new Window(window, window)), Collections.nCopies(stages, 0),
                Collections.nCopies(stages, 4.0), true, OptionalDouble.empty(), true, false, false, Activation.GELU, 1e-5,
                0, 0, 0, 0, 0.1);
        // spotless:on
    }

    /** Number of stages. */
    public int stages() {
        return depths.size();
    }

    /** Channels of a stage's tokens. */
    public int widthOf(int stage) {
        return width << stage;
    }

    int headWidthOf(int stage) {
        return headWidths.get(stage) > 0 ? headWidths.get(stage) : widthOf(stage) / heads.get(stage);
    }

    int hiddenOf(int stage) {
        return (int) (widthOf(stage) * mlpRatios.get(stage));
    }

    Grid grid() {
        return new Grid(gridHeight(), gridWidth());
    }

    /** Rows of patches. */
    public int gridHeight() {
        return Sizes.ceilDiv(imageHeight, patch);
    }

    /** Columns of patches. */
    public int gridWidth() {
        return Sizes.ceilDiv(imageWidth, patch);
    }

    /** The windows of a stage for the configured image size, which its table of biases is for. */
    ShiftedWindows windowsOf(int stage, boolean shifted) {
        return fitted(stage, gridHeight(), gridWidth(), windows.get(stage), shifted);
    }

    /** The windows of a stage for a map of patches of that size. */
    ShiftedWindows windowsOf(int stage, int rows, int columns, boolean shifted) {
        var built = windowsOf(stage, shifted);
        return fixedWindows ? built : fitted(stage, rows, columns, new Window(built.height(), built.width()), shifted);
    }

    private static ShiftedWindows fitted(int stage, int rows, int columns, Window window, boolean shifted) {
        // As timm counts, an odd side is halved downwards here, though merging pads it.
        return ShiftedWindows.fit(
                Math.max(1, rows >> stage), Math.max(1, columns >> stage), window.height(), window.width(), shifted);
    }

    @Override
    public SwinTransformer create() {
        return new SwinTransformer(this);
    }

    @Override
    public List<String> adjustments(int height, int width) {
        var notes = new ArrayList<String>();
        int rows = Sizes.ceilDiv(height, patch), columns = Sizes.ceilDiv(width, patch);
        if (rows * patch != height || columns * patch != width) {
            notes.add("images of %d×%d pixels are padded to %d×%d, a multiple of the patch of %d pixels"
                    .formatted(height, width, rows * patch, columns * patch, patch));
        }
        int H = rows, W = columns;
        for (int stage = 0; stage < stages(); stage++) {
            if (stage > 0) {
                H = Sizes.ceilDiv(H, 2);
                W = Sizes.ceilDiv(W, 2);
            }
            var wanted = windows.get(stage);
            var cut = windowsOf(stage, rows, columns, false);
            if (cut.height() != wanted.height() || cut.width() != wanted.width()) {
                notes.add("stage %d has windows of %d×%d tokens instead of %d×%d"
                        .formatted(stage + 1, cut.height(), cut.width(), wanted.height(), wanted.width()));
            }
            int fullH = cut.rows(H) * cut.height(), fullW = cut.columns(W) * cut.width();
            if (fullH != H || fullW != W) {
                notes.add("stage %d pads its map of %d×%d tokens to %d×%d for windows of %d×%d"
                        .formatted(stage + 1, H, W, fullH, fullW, cut.height(), cut.width()));
            }
        }
        return List.copyOf(notes);
    }

    @Override
    public String poolName() {
        return "avg";
    }

    @Override
    public SwinConfig withArguments(ConstructorArguments a) {
        return with(o -> {
            a.image((height, width) -> {
                o.imageHeight = height;
                o.imageWidth = width;
            });
            a.side("patch_size", value -> o.patch = value);
            a.integer("embed_dim", value -> o.width = value);
            a.integers("depths", value -> o.depths = value);
            int stages = o.depths.size();
            if (stages != depths.size()) {
                o.headWidths = Collections.nCopies(stages, 0);
                o.pretrainedWindows = Collections.nCopies(stages, 0);
                o.mlpRatios = Collections.nCopies(stages, mlpRatios.get(0));
                o.windows = Collections.nCopies(stages, windows.get(0));
            }
            a.stages("num_heads", stages, value -> o.heads = value);
            a.stages("head_dim", stages, value -> o.headWidths = value);
            a.pair(
                    "window_size",
                    (height, width) -> o.windows = Collections.nCopies(stages, new Window(height, width)));
            a.stages("pretrained_window_sizes", stages, value -> o.pretrainedWindows = value);
            a.numbers(
                    "mlp_ratio",
                    value -> o.mlpRatios = value.size() == 1 ? Collections.nCopies(stages, value.get(0)) : value);
            a.flag("qkv_bias", value -> o.qkvBias = value);
            a.flag("strict_img_size", value -> o.fixedWindows = !value);
            a.activation("act_layer", value -> o.activation = value);
            a.number("drop_rate", value -> o.headDropout = value);
            a.number("proj_drop_rate", value -> o.projectionDropout = value);
            a.number("attn_drop_rate", value -> o.attentionDropout = value);
            a.number("drop_path_rate", value -> o.dropPath = value);
            a.only("norm_layer", "layernorm");
            a.only("always_partition", false);
            a.pass("weight_init");
        });
    }

    @Override
    public Options options() {
        return new Options();
    }

    /** The components by their names, to be changed one by one. */
    public final class Options extends ModelOptions<SwinConfig> {
        public int patch = patch(), width = width();
        public double normEps = normEps(), headDropout = headDropout(), positionDropout = positionDropout();
        public double projectionDropout = projectionDropout(), attentionDropout = attentionDropout();
        public boolean qkvBias = qkvBias(), patchNorm = patchNorm(), absolutePositions = absolutePositions();
        public boolean fixedWindows = fixedWindows();
        public Version version = version();
        public List<Integer> depths = depths(), heads = heads(), headWidths = headWidths();
        public List<Integer> pretrainedWindows = pretrainedWindows();
        public List<Window> windows = windows();
        public List<Double> mlpRatios = mlpRatios();
        public OptionalDouble attentionScale = attentionScale();
        public Activation activation = activation();

        private Options() {
            super(SwinConfig.this);
        }

        @Override
        public SwinConfig config() {
            // spotless:off
            return new SwinConfig(
                    version, imageHeight, imageWidth, patch, channels, classes, width, depths, heads, headWidths,
                    windows, pretrainedWindows, mlpRatios, qkvBias, attentionScale, patchNorm, absolutePositions,
                    fixedWindows, activation, normEps, headDropout, positionDropout, projectionDropout,
                    attentionDropout, dropPath);
            // spotless:on
        }
    }
}
