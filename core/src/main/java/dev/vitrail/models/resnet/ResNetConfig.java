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
import dev.vitrail.nn.Init;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The numbers and options that tell one {@link ResNet} from another (paper, table 1; names in parentheses are timm's).
 *
 * @param imageHeight rows of the input that the variant was made for, pixels; any other works
 * @param imageWidth columns of it
 * @param channels colour channels (in_chans)
 * @param classes rows of the head; 0 for none (num_classes)
 * @param pool how the last feature map becomes a vector (global_pool)
 * @param block what a block is made of (block)
 * @param depths blocks of each stage (layers)
 * @param widths channels of each stage, before the block's expansion (channels)
 * @param cardinality groups of the 3×3 convolutions (ResNeXt; cardinality)
 * @param baseWidth channels of a group for each 64 of the stage's (base_width)
 * @param stem how the image becomes the first feature map (stem_type)
 * @param stemWidth channels of the first convolutions of a deep stem (stem_width)
 * @param convolvedPool whether the stem halves by a convolution instead of a maximum (replace_stem_pool)
 * @param reduceFirst what the first convolution of a block divides its channels by (block_reduce_first)
 * @param downKernel side of the shortcuts' kernel where they halve (down_kernel_size)
 * @param averageDown whether shortcuts are halved by a mean instead of a stride (avg_down)
 * @param activation the non-linearity (act_layer)
 * @param normEps eps of the batch normalisations
 * @param headDropout probability before the classifier (drop_rate)
 * @param dropPath rate of stochastic depth of the last block, rising linearly to it (drop_path_rate)
 * @param zeroInitLast whether every residual branch starts at zero (zero_init_last)
 */
public record ResNetConfig(
        int imageHeight,
        int imageWidth,
        int channels,
        int classes,
        GlobalPool.Kind pool,
        BlockKind block,
        List<Integer> depths,
        List<Integer> widths,
        int cardinality,
        int baseWidth,
        Stem stem,
        int stemWidth,
        boolean convolvedPool,
        int reduceFirst,
        int downKernel,
        boolean averageDown,
        Activation activation,
        double normEps,
        double headDropout,
        double dropPath,
        boolean zeroInitLast)
        implements AdjustableConfig<ResNetConfig, ResNetConfig.Options> {
    /** What a block is made of (paper, figure 5). */
    public enum BlockKind {
        /** Two 3×3 convolutions. */
        BASIC(1),
        /** 1×1, 3×3 and 1×1, of which the last widens fourfold. */
        BOTTLENECK(4);

        final int expansion;

        BlockKind(int expansion) {
            this.expansion = expansion;
        }
    }

    /** How the image becomes the first feature map. */
    public enum Stem {
        /** One 7×7 convolution. */
        PLAIN,
        /** Three 3×3 convolutions (ResNet-C and -D). */
        DEEP,
        /** The same with a narrower first one (ResNet-T). */
        DEEP_TIERED
    }

    public ResNetConfig {
        depths = List.copyOf(depths);
        widths = List.copyOf(widths);
        Sizes.requireStages(depths, widths);
        require(
                depths.stream().allMatch(depth -> depth > 0)
                        && widths.stream().allMatch(width -> width > 0)
                        && stemWidth > 0,
                "depths %s, widths %s and stem width %d must be positive",
                depths,
                widths,
                stemWidth);
        require(
                cardinality > 0 && baseWidth > 0 && reduceFirst > 0 && downKernel % 2 == 1,
                "cardinality %d, base width %d and first reduction %d must be positive, and the shortcuts' kernel %d odd",
                cardinality,
                baseWidth,
                reduceFirst,
                downKernel);
        require(
                block == BlockKind.BOTTLENECK || (cardinality == 1 && baseWidth == 64),
                "blocks of two 3×3 convolutions have one group and base width 64, found %d and %d: use bottlenecks",
                cardinality,
                baseWidth);
        Sizes.requireChannelsAndClasses(channels, classes);
        Sizes.requireImage(imageHeight, imageWidth);
        Sizes.requirePool(pool, classes);
    }

    /** A network as timm's constructor makes it: 7×7 stem, 1000 classes. */
    public static ResNetConfig of(BlockKind block, Integer... depths) {
        // spotless:off
        return new ResNetConfig(
                224, 224, 3, 1000, GlobalPool.Kind.AVG, block, List.of(depths), List.of(64, 128, 256, 512), 1, 64,
                Stem.PLAIN, 64, false, 1, 1, false, Activation.RELU, 1e-5, 0, 0, true);
        // spotless:on
    }

    /** The "D" variant: a deep stem of width 32, and shortcuts that are halved by a mean. */
    public ResNetConfig d() {
        return with(o -> {
            o.stem = Stem.DEEP;
            o.stemWidth = 32;
            o.averageDown = true;
        });
    }

    /** Channels of the first feature map. */
    int stemChannels() {
        return stem == Stem.PLAIN ? 64 : 2 * stemWidth;
    }

    /** Channels of a stage. */
    int width(int stage) {
        return widths.get(stage) * block.expansion;
    }

    /** Channels of the last feature map. */
    public int lastWidth() {
        return width(depths.size() - 1);
    }

    /** Pixels of the image for each position of the last feature map. */
    public int stride() {
        return 4 << (depths.size() - 1);
    }

    /** Name of the convolution that sees the image. */
    public String firstConvolution() {
        return stem == Stem.PLAIN ? "conv1" : "conv1.0";
    }

    /** The feature maps after the stages. */
    public List<FeatureInfo> featureInfo() {
        return IntStream.range(0, depths.size())
                .mapToObj(i -> FeatureInfo.square("layer" + (i + 1), width(i), 4 << i))
                .toList();
    }

    Conv2d conv(int in, int out, int kernel, int stride, int groups) {
        return new Conv2d(
                Conv2d.Shape.square(in, out, kernel, stride, ((stride - 1) + (kernel - 1)) / 2)
                        .withGroups(groups)
                        .withoutBias(),
                Init.heNormalFanOut((long) out * kernel * kernel),
                Init.zeros());
    }

    Conv2d conv(int in, int out, int kernel, int stride) {
        return conv(in, out, kernel, stride, 1);
    }

    BatchNorm2d norm(int width) {
        return new BatchNorm2d(width, normEps, null, Init.ones());
    }

    /** The last normalisation of a residual branch. */
    BatchNorm2d lastNorm(int width) {
        return new BatchNorm2d(width, normEps, null, zeroInitLast ? Init.zeros() : Init.ones());
    }

    @Override
    public ResNet create() {
        return new ResNet(this);
    }

    @Override
    public String poolName() {
        return Pools.name(pool);
    }

    @Override
    public ResNetConfig withPool(String name) {
        return with(o -> o.pool = Pools.of(name, GlobalPool.Kind.values()));
    }

    @Override
    public ResNetConfig withArguments(ConstructorArguments a) {
        return with(o -> {
            a.integers("layers", value -> o.depths = value);
            a.integers("channels", value -> o.widths = value);
            a.integer("cardinality", value -> o.cardinality = value);
            a.integer("base_width", value -> o.baseWidth = value);
            a.integer("stem_width", value -> o.stemWidth = value);
            a.integer("block_reduce_first", value -> o.reduceFirst = value);
            a.integer("down_kernel_size", value -> o.downKernel = value);
            a.flag("avg_down", value -> o.averageDown = value);
            a.flag("replace_stem_pool", value -> o.convolvedPool = value);
            a.flag("zero_init_last", value -> o.zeroInitLast = value);
            a.activation("act_layer", value -> o.activation = value);
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
    public final class Options extends ModelOptions<ResNetConfig> {
        public int cardinality = cardinality(), baseWidth = baseWidth(), stemWidth = stemWidth();
        public int reduceFirst = reduceFirst(), downKernel = downKernel();
        public double normEps = normEps(), headDropout = headDropout();
        public boolean convolvedPool = convolvedPool(), averageDown = averageDown();
        public boolean zeroInitLast = zeroInitLast();
        public GlobalPool.Kind pool = pool();
        public BlockKind block = block();
        public List<Integer> depths = depths(), widths = widths();
        public Stem stem = stem();
        public Activation activation = activation();

        private Options() {
            super(ResNetConfig.this);
        }

        @Override
        public ResNetConfig config() {
            // spotless:off
            return new ResNetConfig(
                    imageHeight, imageWidth, channels, classes, pool, block, depths, widths, cardinality,
                    baseWidth, stem, stemWidth, convolvedPool, reduceFirst, downKernel, averageDown, activation,
                    normEps, headDropout, dropPath, zeroInitLast);
            // spotless:on
        }
    }
}
