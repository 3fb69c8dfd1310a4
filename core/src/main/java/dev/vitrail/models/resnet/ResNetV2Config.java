package dev.vitrail.models.resnet;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.Pools;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.BatchNorm2d;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.GlobalPool;
import dev.vitrail.nn.GroupNorm;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.StdConv2d;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The numbers and options that tell one {@link ResNetV2} from another (names in parentheses are timm's).
 *
 * @param imageHeight rows of the input that the variant was made for, pixels; any other works
 * @param imageWidth columns of it
 * @param channels colour channels (in_chans)
 * @param classes rows of the head; 0 for none (num_classes)
 * @param pool how the last feature map becomes a vector (global_pool)
 * @param depths blocks of each stage (layers)
 * @param widths channels of each stage, before the factor (channels)
 * @param widthFactor what all channels are multiplied by (width_factor)
 * @param stemWidth channels of the stem, before the factor (stem_chs)
 * @param stem how the image becomes the first feature map (stem_type)
 * @param averageDown whether shortcuts are halved by a mean instead of a stride (avg_down)
 * @param preActivation whether normalisation comes before convolution (preact)
 * @param plainBlocks whether blocks are two 3×3 convolutions instead of bottlenecks (basic)
 * @param bottleRatio inner channels of a block over its outer ones (bottle_ratio)
 * @param norm what normalises (norm_layer)
 * @param groups groups of {@link Norm#GROUP}
 * @param normEps eps of the normalisation
 * @param convolution kind of the convolutions (conv_layer)
 * @param convolutionEps eps of the standardisation of weights
 * @param activation the non-linearity (act_layer)
 * @param headDropout probability before the classifier (drop_rate)
 * @param dropPath rate of stochastic depth of the last block, rising linearly to it (drop_path_rate)
 * @param zeroInitLast whether every residual branch starts at zero (zero_init_last)
 */
public record ResNetV2Config(
        int imageHeight,
        int imageWidth,
        int channels,
        int classes,
        GlobalPool.Kind pool,
        List<Integer> depths,
        List<Integer> widths,
        int widthFactor,
        int stemWidth,
        Stem stem,
        boolean averageDown,
        boolean preActivation,
        boolean plainBlocks,
        double bottleRatio,
        Norm norm,
        int groups,
        double normEps,
        Convolution convolution,
        double convolutionEps,
        Activation activation,
        double headDropout,
        double dropPath,
        boolean zeroInitLast)
        implements AdjustableConfig<ResNetV2Config, ResNetV2Config.Options> {
    /** How the image becomes the first feature map, of a quarter of its sides. */
    public enum Stem {
        /** A 7×7 convolution, and a maximum with PyTorch's padding. */
        PLAIN(false, false),
        /** The same with a maximum over zero padding, as BiT's. */
        FIXED(false, false),
        /** The same with "SAME" padding of the maximum, as the hybrids'. */
        SAME(false, false),
        /** Three 3×3 convolutions (ResNet-D). */
        DEEP(true, false),
        DEEP_FIXED(true, false),
        DEEP_SAME(true, false),
        /** {@link #DEEP} with a narrower beginning (ResNet-T). */
        TIERED(true, true);

        final boolean deep;
        final boolean tiered;

        Stem(boolean deep, boolean tiered) {
            this.deep = deep;
            this.tiered = tiered;
        }

        public String firstConvolution() {
            return deep ? "conv1" : "conv";
        }
    }

    /** What normalises feature maps. */
    public enum Norm {
        GROUP,
        BATCH
    }

    /** What becomes of the convolutions' weights and borders. */
    public enum Convolution {
        PLAIN,
        /** Weights are standardised. */
        STANDARDISED,
        /** Weights are standardised and the input is padded as TensorFlow's "SAME". */
        STANDARDISED_SAME
    }

    public ResNetV2Config {
        depths = List.copyOf(depths);
        widths = List.copyOf(widths);
        Sizes.requireStages(depths, widths);
        require(
                depths.stream().allMatch(depth -> depth > 0)
                        && widths.stream().allMatch(width -> width > 0)
                        && widthFactor > 0
                        && stemWidth > 0
                        && bottleRatio > 0,
                "depths %s, widths %s, width factor %d, stem width %d and bottle ratio %s must be positive",
                depths,
                widths,
                widthFactor,
                stemWidth,
                bottleRatio);
        require(
                preActivation || !plainBlocks,
                "blocks of two 3×3 convolutions exist with pre-activation alone: set preActivation, or use ResNet");
        Sizes.requireChannelsAndClasses(channels, classes);
        Sizes.requireImage(imageHeight, imageWidth);
        Sizes.requirePool(pool, classes);
    }

    /** A network as timm's constructor makes it: pre-activation bottlenecks, group normalisation, standardised weights. */
    public static ResNetV2Config of(Integer... depths) {
        // spotless:off
        return new ResNetV2Config(
                224, 224, 3, 1000, GlobalPool.Kind.AVG, List.of(depths), List.of(256, 512, 1024, 2048), 1, 64,
                Stem.PLAIN, false, true, false, 0.25, Norm.GROUP, 32, 1e-5, Convolution.STANDARDISED, 1e-6,
                Activation.RELU, 0, 0, false);
        // spotless:on
    }

    /** Channels of the stem. */
    public int stemChannels() {
        return Sizes.channels((double) stemWidth * widthFactor);
    }

    /** Channels of a stage. */
    int width(int stage) {
        return Sizes.channels((double) widths.get(stage) * widthFactor);
    }

    /** Channels of the last feature map. */
    public int lastWidth() {
        return width(depths.size() - 1);
    }

    /** Pixels of the image for each position of the last feature map. */
    public int stride() {
        return 4 << (depths.size() - 1);
    }

    /** The feature maps after the stages. */
    public List<FeatureInfo> featureInfo() {
        return IntStream.range(0, depths.size())
                .mapToObj(i -> FeatureInfo.square("stages." + i, width(i), 4 << i))
                .toList();
    }

    /** Name of the convolution that sees the image. */
    public String firstConvolution() {
        return "stem." + stem.firstConvolution();
    }

    Layer conv(int in, int out, int kernel, int stride, boolean zero) {
        var shape = Conv2d.Shape.square(in, out, kernel, stride, ((stride - 1) + (kernel - 1)) / 2)
                .withoutBias();
        return conv(shape, zero ? Init.zeros() : Init.heNormalFanOut((long) out * kernel * kernel));
    }

    Layer conv(Conv2d.Shape shape, Init init) {
        return switch (convolution) {
            case PLAIN -> new Conv2d(shape, init, Init.zeros());
            case STANDARDISED -> new StdConv2d(shape, false, convolutionEps, init);
            case STANDARDISED_SAME -> new StdConv2d(shape, true, convolutionEps, init);
        };
    }

    Layer normed(int width, boolean activated, boolean zero) {
        var scale = zero ? Init.zeros() : Init.ones();
        var follows = activated ? activation : null;
        return norm == Norm.GROUP
                ? new GroupNorm(groups, width, normEps, follows, scale)
                : new BatchNorm2d(width, normEps, follows, scale);
    }

    Layer normed(int width) {
        return normed(width, true, false);
    }

    @Override
    public ResNetV2 create() {
        return new ResNetV2(this);
    }

    @Override
    public String poolName() {
        return Pools.name(pool);
    }

    @Override
    public ResNetV2Config withPool(String name) {
        return with(o -> o.pool = Pools.of(name, GlobalPool.Kind.values()));
    }

    @Override
    public ResNetV2Config withArguments(ConstructorArguments a) {
        return with(o -> {
            a.integers("layers", value -> o.depths = value);
            a.integers("channels", value -> o.widths = value);
            a.integer("width_factor", value -> o.widthFactor = value);
            a.integer("stem_chs", value -> o.stemWidth = value);
            a.flag("avg_down", value -> o.averageDown = value);
            a.flag("preact", value -> o.preActivation = value);
            a.flag("basic", value -> o.plainBlocks = value);
            a.number("bottle_ratio", value -> o.bottleRatio = value);
            a.activation("act_layer", value -> o.activation = value);
            a.number("drop_rate", value -> o.headDropout = value);
            a.number("drop_path_rate", value -> o.dropPath = value);
            a.flag("zero_init_last", value -> o.zeroInitLast = value);
            a.only("output_stride", 32);
        });
    }

    @Override
    public Options options() {
        return new Options();
    }

    /** The components by their names, to be changed one by one. */
    public final class Options extends ModelOptions<ResNetV2Config> {
        public int widthFactor = widthFactor(), stemWidth = stemWidth(), groups = groups();
        public double bottleRatio = bottleRatio(), normEps = normEps(), convolutionEps = convolutionEps();
        public double headDropout = headDropout();
        public boolean averageDown = averageDown(), preActivation = preActivation(), plainBlocks = plainBlocks();
        public boolean zeroInitLast = zeroInitLast();
        public GlobalPool.Kind pool = pool();
        public List<Integer> depths = depths(), widths = widths();
        public Stem stem = stem();
        public Norm norm = norm();
        public Convolution convolution = convolution();
        public Activation activation = activation();

        private Options() {
            super(ResNetV2Config.this);
        }

        @Override
        public ResNetV2Config config() {
            // spotless:off
            return new ResNetV2Config(
                    imageHeight, imageWidth, channels, classes, pool, depths, widths, widthFactor, stemWidth,
                    stem, averageDown, preActivation, plainBlocks, bottleRatio, norm, groups, normEps,
                    convolution, convolutionEps, activation, headDropout, dropPath, zeroInitLast);
            // spotless:on
        }
    }
}
