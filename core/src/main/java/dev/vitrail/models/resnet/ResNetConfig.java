package dev.vitrail.models.resnet;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.BatchNorm2d;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The configuration of a {@link ResNet} (paper, table 1; names in parentheses are timm's).
 *
 * @param image the images that the variant was made for; any size works
 * @param stem how the image becomes the first feature map
 * @param blocks the stages' blocks
 * @param shortcut how shortcuts are halved
 * @param head classifier and pool
 * @param dropPath rate of stochastic depth of the last block, rising linearly to it (drop_path_rate)
 */
public record ResNetConfig(ImageInput image, Stem stem, Blocks blocks, Shortcut shortcut, Head head, double dropPath)
        implements BackboneConfig {
    /** Block type (paper, figure 5). */
    public enum BlockType {
        /** Two 3×3 convolutions. */
        BASIC(1),
        /** 1×1, 3×3 and 1×1, of which the last widens fourfold. */
        BOTTLENECK(4);

        final int expansion;

        BlockType(int expansion) {
            this.expansion = expansion;
        }
    }

    /** Stem type: the layers from the image to the first feature map. */
    public enum StemType {
        /** One 7×7 convolution. */
        PLAIN,
        /** Three 3×3 convolutions (ResNet-C and -D). */
        DEEP,
        /** Three 3×3 convolutions with a narrower first one (ResNet-T). */
        DEEP_TIERED
    }

    /**
     * The first layers.
     *
     * @param type kind of convolutions (stem_type)
     * @param width channels of the first convolutions of a deep stem (stem_width)
     * @param convolvedPool whether the stem halves by a convolution instead of a maximum (replace_stem_pool)
     */
    public record Stem(StemType type, int width, boolean convolvedPool) {
        public Stem {
            require(width > 0, "stem width %d must be positive", width);
        }
    }

    /**
     * The stages' blocks.
     *
     * @param type what a block is made of (block)
     * @param depths blocks of each stage (layers)
     * @param widths channels of each stage, before the block's expansion (channels)
     * @param cardinality groups of the 3×3 convolutions (ResNeXt; cardinality)
     * @param baseWidth channels of a group for each 64 of the stage's (base_width)
     * @param reduceFirst what the first convolution of a block divides its channels by (block_reduce_first)
     * @param activation the non-linearity (act_layer)
     * @param normEps epsilon of the batch normalizations
     * @param zeroInitLast whether every residual branch starts at zero (zero_init_last)
     */
    public record Blocks(
            BlockType type,
            List<Integer> depths,
            List<Integer> widths,
            int cardinality,
            int baseWidth,
            int reduceFirst,
            Activation activation,
            double normEps,
            boolean zeroInitLast) {
        public Blocks {
            depths = List.copyOf(depths);
            widths = List.copyOf(widths);
            Sizes.requireStages(depths, widths);
            require(
                    cardinality > 0 && baseWidth > 0 && reduceFirst > 0,
                    "cardinality %d, base width %d and first reduction %d must be positive",
                    cardinality,
                    baseWidth,
                    reduceFirst);
            require(
                    type == BlockType.BOTTLENECK || (cardinality == 1 && baseWidth == 64),
                    "blocks of two 3×3 convolutions have one group and base width 64, found %d and %d: use bottlenecks",
                    cardinality,
                    baseWidth);
        }

        /** Blocks as timm's constructor makes them. */
        public static Blocks of(BlockType type, List<Integer> depths) {
            return new Blocks(type, depths, List.of(64, 128, 256, 512), 1, 64, 1, Activation.RELU, 1e-5, true);
        }

        public Blocks withWidths(List<Integer> channels) {
            return new Blocks(
                    type, depths, channels, cardinality, baseWidth, reduceFirst, activation, normEps, zeroInitLast);
        }

        Blocks with(ConstructorArguments a) {
            return new Blocks(
                    type,
                    a.integers("layers", depths),
                    a.integers("channels", widths),
                    a.integer("cardinality", cardinality),
                    a.integer("base_width", baseWidth),
                    a.integer("block_reduce_first", reduceFirst),
                    a.activation("act_layer", activation),
                    normEps,
                    a.flag("zero_init_last", zeroInitLast));
        }
    }

    /**
     * Downsampling of the shortcuts.
     *
     * @param kernel side of their convolution (down_kernel_size)
     * @param average whether by a mean instead of a stride (avg_down)
     */
    public record Shortcut(int kernel, boolean average) {
        public Shortcut {
            require(kernel > 0 && kernel % 2 == 1, "the shortcuts' kernel %d must be odd", kernel);
        }
    }

    public ResNetConfig {
        Dropouts.requireProbability("drop path", dropPath);
        head.requirePool(Pool.OF_MAPS);
    }

    /** A network as timm's constructor makes it: 7×7 stem, 1000 classes. */
    public static ResNetConfig of(BlockType type, Integer... depths) {
        return new ResNetConfig(
                ImageInput.square(224),
                new Stem(StemType.PLAIN, 64, false),
                Blocks.of(type, List.of(depths)),
                new Shortcut(1, false),
                Head.of(Pool.AVG),
                0);
    }

    /** The "D" variant: a deep stem of width 32, and shortcuts that are halved by a mean. */
    public ResNetConfig d() {
        return new ResNetConfig(
                image, new Stem(StemType.DEEP, 32, stem.convolvedPool), blocks, new Shortcut(1, true), head, dropPath);
    }

    /** Channels of the first feature map. */
    int stemChannels() {
        return stem.type == StemType.PLAIN ? 64 : 2 * stem.width;
    }

    /** Channels of a stage. */
    int width(int stage) {
        return blocks.widths.get(stage) * blocks.type.expansion;
    }

    @Override
    public String firstConvolution() {
        return stem.type == StemType.PLAIN ? "conv1" : "conv1.0";
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return IntStream.range(0, blocks.depths.size())
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
        return new BatchNorm2d(width, blocks.normEps, null, Init.ones());
    }

    /** The last normalisation of a residual branch. */
    BatchNorm2d lastNorm(int width) {
        return new BatchNorm2d(width, blocks.normEps, null, blocks.zeroInitLast ? Init.zeros() : Init.ones());
    }

    @Override
    public ResNet create() {
        return new ResNet(this);
    }

    @Override
    public List<Pool> pools() {
        return Pool.OF_MAPS;
    }

    @Override
    public ResNetConfig withArguments(ConstructorArguments a) {
        a.only("output_stride", 32);
        return new ResNetConfig(
                image,
                new Stem(
                        stem.type,
                        a.integer("stem_width", stem.width),
                        a.flag("replace_stem_pool", stem.convolvedPool)),
                blocks.with(a),
                new Shortcut(a.integer("down_kernel_size", shortcut.kernel), a.flag("avg_down", shortcut.average)),
                head.with(a, Pool.OF_MAPS),
                a.number("drop_path_rate", dropPath));
    }

    @Override
    public ResNetConfig withImage(ImageInput other) {
        return new ResNetConfig(other, stem, blocks, shortcut, head, dropPath);
    }

    public ResNetConfig withBlocks(UnaryOperator<Blocks> change) {
        return new ResNetConfig(image, stem, change.apply(blocks), shortcut, head, dropPath);
    }

    @Override
    public ResNetConfig withHead(Head other) {
        return new ResNetConfig(image, stem, blocks, shortcut, other, dropPath);
    }

    @Override
    public ResNetConfig withDropPath(double rate) {
        return new ResNetConfig(image, stem, blocks, shortcut, head, rate);
    }
}
