package dev.vitrail.models;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.GlobalPool;
import dev.vitrail.nn.GlobalResponseNorm;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.LayerNorm2d;
import dev.vitrail.nn.LayerScale;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Pointwise;
import dev.vitrail.nn.Residual;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The convolutional network that was brought up to date by what vision transformers do.
 *
 * <p>Liu et al., <i>A ConvNet for the 2020s</i>, CVPR 2022, <a href="https://arxiv.org/abs/2201.03545">arXiv:2201.03545</a>;
 * Woo et al., <i>ConvNeXt V2</i>, CVPR 2023, <a href="https://arxiv.org/abs/2301.00808">arXiv:2301.00808</a>, for global
 * response normalisation. Weights carry the names of timm's {@code ConvNeXt}.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} channels, {@code H×W} positions of a feature map. Feature maps are
 * {@code [B, C, H, W]}, and lie in memory with the channels last, so that perceptrons read them without a copy.
 */
public final class ConvNeXt extends FamilyModel<ConvNeXt.Config> {
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

    /**
     * The numbers and options that tell one network from another (names in parentheses are timm's).
     *
     * @param imageHeight rows of the input that the variant was made for, pixels; any other that is not too small works
     * @param imageWidth columns of it
     * @param channels colour channels (in_chans)
     * @param classes rows of the head; 0 for none (num_classes)
     * @param pool how the last feature map becomes a vector (global_pool)
     * @param depths blocks of each stage (depths)
     * @param widths channels of each stage (dims)
     * @param kernels sides of the depthwise kernels of each stage, odd (kernel_sizes)
     * @param layerScale first value of LayerScale; empty for none (ls_init_value)
     * @param stem how the image becomes the first feature map (stem_type)
     * @param patch side of a patch of {@link Stem#PATCH}, pixels (patch_size)
     * @param stemNorm whether the stem normalises; false in the paper's isotropic networks
     * @param headInitScale what the head's first values are multiplied by (head_init_scale)
     * @param normsBeforePool whether normalisation comes before the pool instead of after it (head_norm_first)
     * @param headHidden channels of a perceptron before the classifier; 0 for none (head_hidden_size)
     * @param convolvedMlp whether the perceptrons' weights are stored as 1×1 convolutions (conv_mlp)
     * @param convBias whether convolutions have biases (conv_bias)
     * @param responseNorm whether the perceptrons have global response normalisation, as in V2 (use_grn)
     * @param activation the perceptrons' non-linearity (act_layer)
     * @param normEps eps of the layer normalisations (norm_eps)
     * @param headDropout probability before the classifier (drop_rate)
     * @param dropPath rate of stochastic depth of the last block, rising linearly to it (drop_path_rate)
     */
    public record Config(
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
            double headDropout,
            double dropPath)
            implements AdjustableConfig<Config, Config.Options> {
        /** The largest stride that a stage may end with; timm dilates beyond it. */
        private static final int LARGEST_STRIDE = 32;

        public Config {
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
        public static Config of(List<Integer> depths, List<Integer> widths) {
            // spotless:off
            return new Config(
                    224, 224, 3, 1000, GlobalPool.Kind.AVG, depths, widths, depths.stream().map(depth -> 7).toList(),
                    OptionalDouble.of(1e-6), Stem.PATCH, 4, true, 1, false, 0, false, true, false, Activation.GELU, 1e-6,
                    0, 0);
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
        public Options options() {
            return new Options();
        }

        /** The components by their names, to be changed one by one. */
        public final class Options extends ModelOptions<Config> {
            public int patch = patch(), headHidden = headHidden();
            public double headInitScale = headInitScale(), normEps = normEps(), headDropout = headDropout();
            public boolean stemNorm = stemNorm(), normsBeforePool = normsBeforePool(), convolvedMlp = convolvedMlp();
            public boolean convBias = convBias(), responseNorm = responseNorm();
            public GlobalPool.Kind pool = pool();
            public List<Integer> depths = depths(), widths = widths(), kernels = kernels();
            public OptionalDouble layerScale = layerScale();
            public Stem stem = stem();
            public Activation activation = activation();

            private Options() {
                super(Config.this);
            }

            @Override
            Config config() {
                // spotless:off
                return new Config(
                        imageHeight, imageWidth, channels, classes, pool, depths, widths, kernels, layerScale, stem,
                        patch, stemNorm, headInitScale, normsBeforePool, headHidden, convolvedMlp, convBias,
                        responseNorm, activation, normEps, headDropout, dropPath);
                // spotless:on
            }
        }
    }

    private final Root root;
    private final List<Stage> stages;
    private final Layer normPre;
    private final GlobalPool pool;
    private final Layer headNorm;
    private final Layer preLogits;
    private final Dropout headDropout;

    public ConvNeXt(Config c) {
        super(c);
        root = child("stem", new Root(c));
        var rates = DropPath.linear(c.dropPath, c.depths);
        stages = children("stages", rates.length, i -> new Stage(c, i, rates[i]));
        int last = c.lastWidth();
        normPre = child("norm_pre", c.normsBeforePool ? new LayerNorm2d(last, c.normEps) : new Identity());
        pool = child("head.global_pool", new GlobalPool(c.pool, !c.normsBeforePool));
        headNorm = child("head.norm", c.normsBeforePool ? new Identity() : new LayerNorm2d(last, c.normEps));
        preLogits = child(
                "head.pre_logits", c.headHidden > 0 ? new PreLogits(c.headLinear(last, c.headHidden)) : new Identity());
        headDropout = child("head.drop", new Dropout(c.headDropout));
        classifier("head.fc", classes -> c.headLinear(c.headWidth(), classes));
    }

    /**
     * The last feature map, normalised only where that happens before the pool.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @return {@code [B, C', H/32, W/32]} after four stages
     */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        images.requireDims(4, "a batch of images");
        Config.requireSize(
                images.size(2), images.size(3), Config.smallest(stages.size(), config().stem, config().patch));
        var x = root.apply(images);
        int last = stages.size() - 1;
        for (int i = 0; i <= last; i++) {
            x = stages.get(i).apply(x);
            tap.take(i, x, i == last && tap.normalised() ? normPre::apply : UnaryOperator.identity());
        }
        return normPre.apply(x);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return IntStream.range(0, stages.size())
                .mapToObj(i -> FeatureInfo.square("stages." + i, config().widths.get(i), config().strideAfter(i)))
                .toList();
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return headDropout.apply(
                preLogits.apply(headNorm.apply(pool.apply(features)).flatten(1)));
    }

    @Override
    public int width() {
        return config().headWidth();
    }

    @Override
    public String stem() {
        return "stem.0";
    }

    /** The convolutions that turn the image into the first feature map, {@code [B, C, H, W] → [B, C', H/4, W/4]}. */
    private static final class Root extends Layer {
        private final Conv2d first;
        private final @Nullable Conv2d second;
        private final Layer norm;
        private final @Nullable Activation between;

        Root(Config c) {
            int out = c.widths.get(0);
            boolean activated = c.stem == Stem.OVERLAP_ACT;
            int next = c.stem == Stem.PATCH ? 1 : activated ? 3 : 2;
            if (c.stem == Stem.PATCH) {
                first = child("0", c.conv(c.channels, out, c.patch, c.patch, 0, 1));
                second = null;
            } else {
                int middle = c.stem == Stem.OVERLAP_TIERED ? Sizes.channels(out / 2) : out;
                first = child("0", c.conv(c.channels, middle, 3, 2, 1, 1));
                second = child(activated ? "2" : "1", c.conv(middle, out, 3, 2, 1, 1));
            }
            between = activated ? c.activation : null;
            norm = child(String.valueOf(next), c.stemNorm ? new LayerNorm2d(out, c.normEps) : new Identity());
        }

        @Override
        protected Tensor forward(Tensor images) {
            var x = first.apply(images.channelsLast());
            if (second != null) {
                x = second.apply(between == null ? x : between.consume(x));
            }
            return norm.apply(x);
        }
    }

    /** What shrinks the map belongs to the first block after it. */
    @Override
    Depths depths() {
        return Depths.ofStages(i -> "stages." + i, ".blocks", config().depths)
                .embedding("stem")
                .last("norm_pre");
    }

    /** What halves the sides, then blocks of one width. */
    private static final class Stage extends Layer {
        private final Layer downsample;
        private final List<Block> blocks;

        /** @param dropPaths rates of the stage's blocks */
        Stage(Config c, int stage, double[] dropPaths) {
            int in = c.widths.get(Math.max(0, stage - 1)), out = c.widths.get(stage), stride = c.stride(stage);
            downsample =
                    child("downsample", stride > 1 || in != out ? new Downsample(c, in, out, stride) : new Identity());
            blocks =
                    children("blocks", c.depths.get(stage), i -> new Block(c, out, c.kernels.get(stage), dropPaths[i]));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = downsample.apply(x);
            for (var block : blocks) {
                x = block.apply(x);
            }
            return x;
        }
    }

    /** Normalisation and a convolution without overlap between two stages (paper, section 2.6). */
    private static final class Downsample extends Layer {
        private final LayerNorm2d norm;
        private final Conv2d conv;

        Downsample(Config c, int in, int out, int stride) {
            norm = child("0", new LayerNorm2d(in, c.normEps));
            conv = child("1", c.conv(in, out, stride, stride, 0, 1));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return conv.apply(norm.apply(x));
        }
    }

    /** A depthwise convolution and a perceptron beside a shortcut (paper, figure 4), {@code [B, C, H, W] → [B, C, H, W]}. */
    private static final class Block extends Layer {
        private final Conv2d depthwise;
        private final LayerNorm norm;
        private final Perceptron mlp;
        private final @Nullable Parameter gamma;
        private final DropPath dropPath;

        Block(Config c, int width, int kernel, double rate) {
            landmark(Landmark.BLOCK, "");
            gamma = c.layerScale.isPresent()
                    ? parameter("gamma", Init.constant(c.layerScale.getAsDouble()), width)
                    : null;
            depthwise = child("conv_dw", c.conv(width, width, kernel, 1, kernel / 2, width));
            norm = child("norm", new LayerNorm(width, c.normEps));
            mlp = child("mlp", new Perceptron(c, width));
            dropPath = child("drop_path", new DropPath(rate));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var y = depthwise.apply(x).permute(0, 2, 3, 1); //                      [B, H, W, C]
            y = mlp.apply(norm.apply(y));
            if (gamma != null) {
                y = LayerScale.scaled(y, gamma);
            }
            return Residual.sum(x, dropPath.apply(y.permute(0, 3, 1, 2))); //       [B, C, H, W]
        }
    }

    /** Four times as many channels and back, {@code [B, H, W, C] → [B, H, W, C]}. */
    private static final class Perceptron extends Layer {
        private static final int RATIO = 4;

        private final Pointwise up;
        private final Activation activation;
        private final Layer responseNorm;
        private final Pointwise down;

        Perceptron(Config c, int width) {
            up = child("fc1", new Pointwise(width, (long) RATIO * width, c.convolvedMlp));
            activation = c.activation;
            responseNorm = child("grn", c.responseNorm ? new GlobalResponseNorm((long) RATIO * width) : new Identity());
            down = child("fc2", new Pointwise((long) RATIO * width, width, c.convolvedMlp));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return down.apply(responseNorm.apply(activation.consume(up.apply(x))));
        }
    }

    /** The hidden layer of a head that is a perceptron, {@code [B, D] → [B, hidden]}. */
    private static final class PreLogits extends Layer {
        private final Linear linear;

        PreLogits(Linear linear) {
            this.linear = child("fc", linear);
        }

        @Override
        protected Tensor forward(Tensor x) {
            return Activation.GELU.consume(linear.apply(x));
        }
    }
}
