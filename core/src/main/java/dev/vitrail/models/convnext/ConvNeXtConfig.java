package dev.vitrail.models.convnext;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.Pools;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.GlobalPool;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Linear;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The numbers and options that tell one {@link ConvNeXt} from another (names in parentheses are timm's).
 *
 * @param imageHeight rows of the input that the variant was made for, pixels; any other that is not too small works
 * @param imageWidth columns of it
 * @param channels colour channels (in_chans)
 * @param classes rows of the head; 0 for none (num_classes)
 * @param pool how the last feature map becomes a vector (global_pool)
 * @param depths blocks of each stage (depths)
 * @param widths channels of each stage (dims)
 * @param kernels sides of the depthwise kernels of each stage, odd (kernel_sizes)
 * @param layerScale initial value of LayerScale; empty for none (ls_init_value)
 * @param stem how the image becomes the first feature map (stem_type)
 * @param patch side of a patch of {@link Stem#PATCH}, pixels (patch_size)
 * @param stemNorm whether the stem normalises; false in the paper's isotropic networks
 * @param headInitScale what the head's initial values are multiplied by (head_init_scale)
 * @param normsBeforePool whether normalisation comes before the pool instead of after it (head_norm_first)
 * @param headHidden channels of a MLP before the classifier; 0 for none (head_hidden_size)
 * @param convolvedMlp whether the MLPs' weights are stored as 1×1 convolutions (conv_mlp)
 * @param convBias whether convolutions have biases (conv_bias)
 * @param responseNorm whether the MLPs have global response normalisation, as in V2 (use_grn)
 * @param activation the MLPs' non-linearity (act_layer)
 * @param normEps eps of the layer normalisations (norm_eps)
 * @param headNormEps eps of the last of them, before the classifier; transformers has another there
 * @param headDropout probability before the classifier (drop_rate)
 * @param dropPath rate of stochastic depth of the last block, rising linearly to it (drop_path_rate)
 */
public record ConvNeXtConfig(
        int imageHeight,
        int imageWidth,
        int channels,
        int classes,
        GlobalPool.Kind pool,
        List<Integer> depths,
        List<Integer> widths,
        List<Integer> kernels,
        OptionalDouble layerScale,
        Stem stem,
        int patch,
        boolean stemNorm,
        double headInitScale,
        boolean normsBeforePool,
        int headHidden,
        boolean convolvedMlp,
        boolean convBias,
        boolean responseNorm,
        Activation activation,
        double normEps,
        double headNormEps,
        double headDropout,
        double dropPath)
        implements AdjustableConfig<ConvNeXtConfig, ConvNeXtConfig.Options> {
    /** How the image becomes the first feature map. */
    public enum Stem {
        /** Patches that do not overlap, as the paper's. */
        PATCH,
        /** Two 3×3 convolutions, each halving the sides. */
        OVERLAP,
        /** The same with half of the channels between them. */
        OVERLAP_TIERED,
        /** {@link #OVERLAP} with a non-linearity between them. */
        OVERLAP_ACT
    }

    /** The largest stride that a stage may end with; timm dilates beyond it. */
    private static final int LARGEST_STRIDE = 32;

    public ConvNeXtConfig {
        depths = List.copyOf(depths);
        widths = List.copyOf(widths);
        kernels = List.copyOf(kernels);
        require(
                !depths.isEmpty() && depths.size() == widths.size() && depths.size() == kernels.size(),
                "a ConvNeXt needs a depth, a width and a kernel for each of its stages: found the depths %s, the widths"
                        + " %s and the kernels %s",
                depths,
                widths,
                kernels);
        require(
                depths.stream().allMatch(depth -> depth > 0)
                        && widths.stream().allMatch(width -> width > 0)
                        && kernels.stream().allMatch(kernel -> kernel > 0 && kernel % 2 == 1),
                "depths %s and widths %s must be positive, and kernels %s odd",
                depths,
                widths,
                kernels);
        require(patch > 0, "a patch of %d pixels is empty: give a positive side, such as 4", patch);
        require(
                depths.size() == 1 || strideBefore(depths.size() - 1, stem, patch) < LARGEST_STRIDE,
                "with patches of %d pixels, %d stages would shrink the image more than %d times: take smaller patches,"
                        + " such as 4",
                patch,
                depths.size(),
                LARGEST_STRIDE);
        require(
                pool == GlobalPool.Kind.AVG
                        || pool == GlobalPool.Kind.MAX
                        || pool == GlobalPool.Kind.AVGMAX
                        || (pool == GlobalPool.Kind.CATAVGMAX && normsBeforePool),
                "a ConvNeXt cannot be pooled by %s here: take avg, max or avgmax",
                pool);
        require(
                headHidden == 0 || !normsBeforePool,
                "a head with %d hidden channels normalises after the pool: leave out one of headHidden and"
                        + " normsBeforePool",
                headHidden);
        require(
                channels > 0 && classes >= 0 && headHidden >= 0,
                "channels %d must be positive, classes %d and hidden channels %d of the head not negative",
                channels,
                classes,
                headHidden);
        requireSize(imageHeight, imageWidth, smallest(depths.size(), stem, patch));
    }

    /** A network as timm's constructor makes it: 4×4 patches, 7×7 kernels, LayerScale from 10⁻⁶. */
    public static ConvNeXtConfig of(List<Integer> depths, List<Integer> widths) {
        // spotless:off
        return new ConvNeXtConfig(
                224, 224, 3, 1000, GlobalPool.Kind.AVG, depths, widths, depths.stream().map(depth -> 7).toList(),
                OptionalDouble.of(1e-6), Stem.PATCH, 4, true, 1, false, 0, false, true, false, Activation.GELU, 1e-6,
                1e-6, 0, 0);
        // spotless:on
    }

    /** What a stage divides the sides by: like timm's, the first one halves a map of half the image's sides. */
    int stride(int stage) {
        return stage > 0 || strideBefore(0, stem, patch) == 2 ? 2 : 1;
    }

    /** Pixels of the image for each position of a stage's result. */
    int strideAfter(int stage) {
        return strideBefore(stage, stem, patch) * stride(stage);
    }

    /** Pixels of the image for each position that a stage is given. */
    private static int strideBefore(int stage, Stem stem, int patch) {
        int first = stem == Stem.PATCH ? patch : 4;
        return stage == 0 ? first : Math.max(first, first == 2 ? 4 : first) << (stage - 1);
    }

    /** Side of the smallest image that leaves a position after the last stage. */
    private static int smallest(int stages, Stem stem, int patch) {
        int before = strideBefore(stages - 1, stem, patch);
        return stages > 1 || before == 2 ? 2 * before : before;
    }

    /** Throws if images of that size are too small for the stages. */
    void requireSize(long height, long width) {
        requireSize(height, width, smallest(depths.size(), stem, patch));
    }

    private static void requireSize(long height, long width, int smallest) {
        require(
                height >= smallest && width >= smallest,
                "images of %d×%d pixels leave no position after the last stage: they need at least %3$d×%3$d",
                height,
                width,
                smallest);
    }

    /** Channels of the last feature map. */
    int lastWidth() {
        return widths.get(widths.size() - 1);
    }

    /** Channels before the classifier. */
    int headWidth() {
        return headHidden > 0 ? headHidden : pool.width(lastWidth());
    }

    Conv2d conv(int in, int out, int kernel, int stride, int padding, int groups) {
        var shape = Conv2d.Shape.square(in, out, kernel, stride, padding).withGroups(groups);
        return new Conv2d(convBias ? shape : shape.withoutBias(), Init.truncatedNormal(0.02), Init.zeros());
    }

    Linear headLinear(int in, int out) {
        return new Linear(in, out, true, Init.truncatedNormal(0.02).times(headInitScale), Init.zeros());
    }

    @Override
    public ConvNeXt create() {
        return new ConvNeXt(this);
    }

    @Override
    public String poolName() {
        return Pools.name(pool);
    }

    @Override
    public ConvNeXtConfig withPool(String name) {
        return with(o -> o.pool = Pools.of(name, GlobalPool.Kind.values()));
    }

    @Override
    public ConvNeXtConfig withArguments(ConstructorArguments a) {
        return with(o -> {
            a.integers("depths", value -> o.depths = value);
            a.integers("dims", value -> o.widths = value);
            int stages = o.depths.size();
            if (stages != depths.size()) {
                o.kernels = Collections.nCopies(stages, kernels.get(0));
            }
            a.stages("kernel_sizes", stages, value -> o.kernels = value);
            a.layerScale("ls_init_value", value -> o.layerScale = value);
            a.text("stem_type", name -> o.stem = Pools.of(name, Stem.values()));
            a.integer("patch_size", value -> o.patch = value);
            a.number("head_init_scale", value -> o.headInitScale = value);
            a.flag("head_norm_first", value -> o.normsBeforePool = value);
            a.integer("head_hidden_size", value -> o.headHidden = value);
            a.flag("conv_mlp", value -> o.convolvedMlp = value);
            a.flag("conv_bias", value -> o.convBias = value);
            a.flag("use_grn", value -> o.responseNorm = value);
            a.activation("act_layer", value -> o.activation = value);
            a.number("norm_eps", value -> o.normEps = value);
            a.number("drop_rate", value -> o.headDropout = value);
            a.number("drop_path_rate", value -> o.dropPath = value);
            a.only("output_stride", 32);
        });
    }

    @Override
    public Options options() {
        return new Options();
    }

    /** The components by their names, to be changed one by one. */
    public final class Options extends ModelOptions<ConvNeXtConfig> {
        public int patch = patch(), headHidden = headHidden();
        public double headInitScale = headInitScale(), normEps = normEps(), headNormEps = headNormEps();
        public double headDropout = headDropout();
        public boolean stemNorm = stemNorm(), normsBeforePool = normsBeforePool(), convolvedMlp = convolvedMlp();
        public boolean convBias = convBias(), responseNorm = responseNorm();
        public GlobalPool.Kind pool = pool();
        public List<Integer> depths = depths(), widths = widths(), kernels = kernels();
        public OptionalDouble layerScale = layerScale();
        public Stem stem = stem();
        public Activation activation = activation();

        private Options() {
            super(ConvNeXtConfig.this);
        }

        @Override
        public ConvNeXtConfig config() {
            // spotless:off
            return new ConvNeXtConfig(
                    imageHeight, imageWidth, channels, classes, pool, depths, widths, kernels, layerScale, stem,
                    patch, stemNorm, headInitScale, normsBeforePool, headHidden, convolvedMlp, convBias,
                    responseNorm, activation, normEps, headNormEps, headDropout, dropPath);
            // spotless:on
        }
    }
}
