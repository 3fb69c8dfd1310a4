package dev.vitrail.models.swin;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.models.layers.Window;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Pool;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;

/**
 * The configuration of a {@link SwinTransformer} (names in parentheses are timm's, or the authors' where
 * timm has none).
 *
 * @param version which paper
 * @param image the images that windows are fitted to
 * @param patches how they are cut
 * @param stages the pyramid
 * @param windows in which its tokens attend to each other
 * @param head classifier, of the mean over the map
 * @param dropouts probabilities; the rate of stochastic depth rises linearly from 0
 */
public record SwinConfig(
        Version version,
        ImageInput image,
        Patches patches,
        Stages stages,
        Windows windows,
        Head head,
        Dropouts dropouts)
        implements ModelConfig {
    private static final List<Pool> POOLS = List.of(Pool.AVG);

    /** Version of the architecture, by its paper. */
    public enum Version {
        /** arXiv:2103.14030. */
        V1,
        /** arXiv:2111.09883. */
        V2
    }

    /**
     * Patch embedding: the patches that images are cut into.
     *
     * @param size side of a patch, pixels (patch_size)
     * @param norm whether patches are normalized (patch_norm)
     * @param absolutePositions whether positions are added to them (ape)
     */
    public record Patches(int size, boolean norm, boolean absolutePositions) {
        public Patches {
            require(size > 0, "patch %d must be positive", size);
        }
    }

    /**
     * The pyramid; lists have an entry for each stage.
     *
     * @param width C, channels of the first stage, doubled by every further one (embed_dim)
     * @param depths blocks (depths)
     * @param heads attention heads (num_heads)
     * @param headWidths d, channels of a head; 0 where the heads share the stage's channels (head_dim)
     * @param mlpRatios hidden channels of the MLPs over the stage's channels (mlp_ratio)
     * @param qkvBias whether queries, keys and values have biases; in version 2 keys have none (qkv_bias)
     * @param attentionScale factor of the scores in version 1; empty for 1/√d (qk_scale)
     * @param activation the MLPs' non-linearity (act_layer)
     * @param normEps epsilon of the layer normalizations
     */
    public record Stages(
            int width,
            List<Integer> depths,
            List<Integer> heads,
            List<Integer> headWidths,
            List<Double> mlpRatios,
            boolean qkvBias,
            OptionalDouble attentionScale,
            Activation activation,
            double normEps) {
        public Stages {
            depths = List.copyOf(depths);
            heads = List.copyOf(heads);
            headWidths = List.copyOf(headWidths);
            mlpRatios = List.copyOf(mlpRatios);
            int stages = depths.size();
            require(stages > 0 && stages <= 16, "a Swin Transformer has 1 to 16 stages, found %d depths", stages);
            requireSame("heads", heads, stages);
            requireSame("head widths", headWidths, stages);
            requireSame("MLP ratios", mlpRatios, stages);
            for (int i = 0; i < stages; i++) {
                int channels = width << i, count = heads.get(i);
                require(
                        width > 0 && depths.get(i) > 0 && count > 0,
                        "width %d, depth %d and heads %d of stage %d must be positive",
                        width,
                        depths.get(i),
                        count,
                        i + 1);
                require(
                        headWidths.get(i) > 0 || channels % count == 0,
                        "the %d channels of stage %d are not a multiple of its %d heads: take %d heads, or a width that"
                                + " is",
                        channels,
                        i + 1,
                        count,
                        Sizes.nearestDivisor(channels, count));
            }
        }

        /** Stages as timm's constructor makes them: MLP ratio 4, all biases, exact GELU, epsilon 10⁻⁵. */
        public static Stages of(int width, List<Integer> depths, List<Integer> heads) {
            return new Stages(
                    width,
                    depths,
                    heads,
                    Collections.nCopies(depths.size(), 0),
                    Collections.nCopies(depths.size(), 4.0),
                    true,
                    OptionalDouble.empty(),
                    Activation.GELU,
                    1e-5);
        }

        /** Number of stages. */
        public int count() {
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

        Stages with(ConstructorArguments a) {
            var blocks = a.integers("depths", depths);
            int count = blocks.size();
            boolean same = count == depths.size();
            var ratios = a.numbers("mlp_ratio");
            return new Stages(
                    a.integer("embed_dim", width),
                    blocks,
                    a.stages("num_heads", count, heads),
                    a.stages("head_dim", count, same ? headWidths : Collections.nCopies(count, 0)),
                    ratios.isEmpty() && same
                            ? mlpRatios
                            : ratios.size() > 1
                                    ? ratios
                                    : Collections.nCopies(count, ratios.isEmpty() ? mlpRatios.get(0) : ratios.get(0)),
                    a.flag("qkv_bias", qkvBias),
                    attentionScale,
                    a.activation("act_layer", activation),
                    normEps);
        }
    }

    /**
     * The windows of each stage.
     *
     * @param sizes sides of a window, tokens; it is never larger than the map (window_size)
     * @param pretrained sides of the windows that version 2 was trained with before; 0 for none
     *     (pretrained_window_sizes)
     * @param fixed whether windows and shifts stay as the configured image size has them when images of another size
     *     come; else they are fitted again (strict_img_size=False)
     */
    public record Windows(List<Window> sizes, List<Integer> pretrained, boolean fixed) {
        public Windows {
            sizes = List.copyOf(sizes);
            pretrained = List.copyOf(pretrained);
        }

        /** Square windows of that side in each of some stages. */
        public static Windows of(int stages, int side) {
            return of(Collections.nCopies(stages, new Window(side, side)));
        }

        /** Windows of a model that was not trained with others before. */
        public static Windows of(List<Window> sizes) {
            return new Windows(sizes, Collections.nCopies(sizes.size(), 0), false);
        }

        Windows with(ConstructorArguments a, int count) {
            boolean same = count == sizes.size();
            return new Windows(
                    a.pair("window_size")
                            .map(sides -> Collections.nCopies(count, new Window(sides[0], sides[1])))
                            .orElse(same ? sizes : Collections.nCopies(count, sizes.get(0))),
                    a.stages("pretrained_window_sizes", count, same ? pretrained : Collections.nCopies(count, 0)),
                    !a.flag("strict_img_size", !fixed));
        }
    }

    public SwinConfig {
        int count = stages.count();
        requireSame("windows", windows.sizes, count);
        requireSame("pretrained windows", windows.pretrained, count);
        for (int width : stages.headWidths) {
            require(
                    version == Version.V1 || width == 0,
                    "heads of a width of their own (%d) are for version 1 only: leave head widths at 0",
                    width);
        }
        head.requirePool(POOLS);
    }

    private static void requireSame(String what, List<?> list, int stages) {
        require(list.size() == stages, "%d %s do not go with %d stages: give one for each", list.size(), what, stages);
    }

    /**
     * A Swin as timm's constructor makes it: patches of 4 pixels, MLP ratio 4, all biases, 1000 classes, drop path 0.1.
     */
    public static SwinConfig of(
            Version version, int image, int width, List<Integer> depths, List<Integer> heads, int window) {
        return new SwinConfig(
                version,
                ImageInput.square(image),
                new Patches(4, true, false),
                Stages.of(width, depths, heads),
                Windows.of(depths.size(), window),
                Head.of(Pool.AVG),
                Dropouts.NONE.withPath(0.1));
    }

    /** The patches of an image. */
    public Grid grid() {
        return Patch.square(patches.size).grid(image);
    }

    /** The windows of a stage for the configured image size, which its table of biases is for. */
    ShiftedWindows windowsOf(int stage, boolean shifted) {
        return fitted(stage, grid(), windows.sizes.get(stage), shifted);
    }

    /** The windows of a stage for a map of patches of that size. */
    public ShiftedWindows windowsOf(int stage, Grid map, boolean shifted) {
        var built = windowsOf(stage, shifted);
        return windows.fixed ? built : fitted(stage, map, new Window(built.height(), built.width()), shifted);
    }

    private static ShiftedWindows fitted(int stage, Grid map, Window window, boolean shifted) {
        // As timm counts, an odd side is halved downwards here, though merging pads it.
        return ShiftedWindows.fit(
                Math.max(1, map.rows() >> stage),
                Math.max(1, map.columns() >> stage),
                window.height(),
                window.width(),
                shifted);
    }

    @Override
    public SwinTransformer create() {
        return new SwinTransformer(this);
    }

    @Override
    public List<Pool> pools() {
        return POOLS;
    }

    @Override
    public List<String> adjustments(int height, int width) {
        var notes = new ArrayList<String>();
        int patch = patches.size;
        var map = Patch.square(patch).grid(image.withSize(height, width));
        if (map.rows() * patch != height || map.columns() * patch != width) {
            notes.add("images of %d×%d pixels are padded to %d×%d, a multiple of the patch of %d pixels"
                    .formatted(height, width, map.rows() * patch, map.columns() * patch, patch));
        }
        int H = map.rows(), W = map.columns();
        for (int stage = 0; stage < stages.count(); stage++) {
            if (stage > 0) {
                H = Sizes.ceilDiv(H, 2);
                W = Sizes.ceilDiv(W, 2);
            }
            var wanted = windows.sizes.get(stage);
            var cut = windowsOf(stage, map, false);
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
    public SwinConfig withArguments(ConstructorArguments a) {
        var changed = stages.with(a);
        a.only("norm_layer", "layernorm");
        a.only("always_partition", false);
        a.pass("weight_init");
        return new SwinConfig(
                version,
                a.image(image),
                new Patches(a.side("patch_size", patches.size), patches.norm, patches.absolutePositions),
                changed,
                windows.with(a, changed.count()),
                head.with(a, POOLS),
                dropouts.with(a));
    }

    @Override
    public SwinConfig withImage(ImageInput other) {
        return new SwinConfig(version, other, patches, stages, windows, head, dropouts);
    }

    public SwinConfig withPatches(Patches other) {
        return new SwinConfig(version, image, other, stages, windows, head, dropouts);
    }

    public SwinConfig withWindows(UnaryOperator<Windows> change) {
        return new SwinConfig(version, image, patches, stages, change.apply(windows), head, dropouts);
    }

    @Override
    public SwinConfig withHead(Head other) {
        return new SwinConfig(version, image, patches, stages, windows, other, dropouts);
    }

    @Override
    public SwinConfig withDropPath(double rate) {
        return new SwinConfig(version, image, patches, stages, windows, head, dropouts.withPath(rate));
    }
}
