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
import dev.vitrail.nn.GroupNorm;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Pool;
import dev.vitrail.nn.StdConv2d;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The configuration of a {@link ResNetV2} (names in parentheses are timm's).
 *
 * @param image the images that the variant was made for; any size works
 * @param stem how the image becomes the first feature map
 * @param blocks the stages' blocks
 * @param layers the kinds of layers that the blocks are made of
 * @param head classifier and pool
 * @param dropPath rate of stochastic depth of the last block, rising linearly to it (drop_path_rate)
 */
public record ResNetV2Config(ImageInput image, Stem stem, Blocks blocks, Layers layers, Head head, double dropPath)
        implements BackboneConfig {
    /** Stem type: the layers from the image to the first feature map, of a quarter of its sides. */
    public enum StemType {
        /** A 7×7 convolution, and a maximum with PyTorch's padding. */
        PLAIN(false, false),
        /** A 7×7 convolution, and a maximum over zero padding, as BiT's. */
        FIXED(false, false),
        /** A 7×7 convolution, and a maximum with "SAME" padding, as the hybrids'. */
        SAME(false, false),
        /** Three 3×3 convolutions (ResNet-D). */
        DEEP(true, false),
        DEEP_FIXED(true, false),
        DEEP_SAME(true, false),
        /** {@link #DEEP} with a narrower beginning (ResNet-T). */
        TIERED(true, true);

        final boolean deep;
        final boolean tiered;

        StemType(boolean deep, boolean tiered) {
            this.deep = deep;
            this.tiered = tiered;
        }

        public String firstConvolution() {
            return deep ? "conv1" : "conv";
        }
    }

    /** Normalization of feature maps. */
    public enum Norm {
        GROUP,
        BATCH
    }

    /** Convolution type: treatment of its weights and of the borders. */
    public enum Convolution {
        PLAIN,
        /** Weights are standardized. */
        STANDARDIZED,
        /** Weights are standardized and the input is padded as TensorFlow's "SAME". */
        STANDARDIZED_SAME
    }

    /**
     * The first layers.
     *
     * @param type kind of convolutions and of the maximum (stem_type)
     * @param width channels, before the factor (stem_chs)
     */
    public record Stem(StemType type, int width) {
        public Stem {
            require(width > 0, "stem width %d must be positive", width);
        }

        public Stem withType(StemType other) {
            return new Stem(other, width);
        }
    }

    /**
     * The stages' blocks.
     *
     * @param depths blocks of each stage (layers)
     * @param widths channels of each stage, before the factor (channels)
     * @param widthFactor factor of all channels (width_factor)
     * @param preActivation whether normalization comes before convolution (preact)
     * @param plain whether blocks are two 3×3 convolutions instead of bottlenecks (basic)
     * @param bottleRatio inner channels of a block over its outer ones (bottle_ratio)
     * @param averageDown whether shortcuts are halved by a mean instead of a stride (avg_down)
     * @param zeroInitLast whether every residual branch starts at zero (zero_init_last)
     */
    public record Blocks(
            List<Integer> depths,
            List<Integer> widths,
            int widthFactor,
            boolean preActivation,
            boolean plain,
            double bottleRatio,
            boolean averageDown,
            boolean zeroInitLast) {
        public Blocks {
            depths = List.copyOf(depths);
            widths = List.copyOf(widths);
            Sizes.requireStages(depths, widths);
            require(
                    widthFactor > 0 && bottleRatio > 0,
                    "width factor %d and bottle ratio %s must be positive",
                    widthFactor,
                    bottleRatio);
            require(
                    preActivation || !plain,
                    "blocks of two 3×3 convolutions exist with pre-activation alone: set preActivation, or use ResNet");
        }

        /** Pre-activation bottlenecks, as timm's constructor makes them. */
        public static Blocks of(List<Integer> depths) {
            return new Blocks(depths, List.of(256, 512, 1024, 2048), 1, true, false, 0.25, false, false);
        }

        // spotless:off
        public Blocks withWidths(List<Integer> channels) {
            return new Blocks(
                    depths, channels, widthFactor, preActivation, plain, bottleRatio, averageDown, zeroInitLast);
        }

        public Blocks withWidthFactor(int factor) {
            return new Blocks(depths, widths, factor, preActivation, plain, bottleRatio, averageDown, zeroInitLast);
        }

        public Blocks withPreActivation(boolean before) {
            return new Blocks(depths, widths, widthFactor, before, plain, bottleRatio, averageDown, zeroInitLast);
        }

        public Blocks withAverageDown(boolean average) {
            return new Blocks(depths, widths, widthFactor, preActivation, plain, bottleRatio, average, zeroInitLast);
        }
        // spotless:on

        Blocks with(ConstructorArguments a) {
            return new Blocks(
                    a.integers("layers", depths),
                    a.integers("channels", widths),
                    a.integer("width_factor", widthFactor),
                    a.flag("preact", preActivation),
                    a.flag("basic", plain),
                    a.number("bottle_ratio", bottleRatio),
                    a.flag("avg_down", averageDown),
                    a.flag("zero_init_last", zeroInitLast));
        }
    }

    /**
     * The kinds of layers.
     *
     * @param norm what normalizes (norm_layer)
     * @param groups groups of {@link Norm#GROUP}
     * @param normEps epsilon of the normalization
     * @param convolution kind of the convolutions (conv_layer)
     * @param convolutionEps epsilon of the standardization of weights
     * @param activation the non-linearity (act_layer)
     */
    public record Layers(
            Norm norm,
            int groups,
            double normEps,
            Convolution convolution,
            double convolutionEps,
            Activation activation) {
        /** Group normalization and standardized weights, as timm's constructor makes them. */
        public static final Layers DEFAULT =
                new Layers(Norm.GROUP, 32, 1e-5, Convolution.STANDARDIZED, 1e-6, Activation.RELU);

        public Layers withNorm(Norm other) {
            return new Layers(other, groups, normEps, convolution, convolutionEps, activation);
        }

        public Layers withGroups(int count) {
            return new Layers(norm, count, normEps, convolution, convolutionEps, activation);
        }

        public Layers withConvolution(Convolution kind, double epsilon) {
            return new Layers(norm, groups, normEps, kind, epsilon, activation);
        }
    }

    public ResNetV2Config {
        Dropouts.requireProbability("drop path", dropPath);
        head.requirePool(Pool.OF_MAPS);
    }

    /**
     * A network as timm's constructor makes it: pre-activation bottlenecks, group normalization, standardized weights.
     */
    public static ResNetV2Config of(Integer... depths) {
        return new ResNetV2Config(
                ImageInput.square(224),
                new Stem(StemType.PLAIN, 64),
                Blocks.of(List.of(depths)),
                Layers.DEFAULT,
                Head.of(Pool.AVG),
                0);
    }

    /** Channels of the stem. */
    public int stemChannels() {
        return Sizes.channels((double) stem.width * blocks.widthFactor);
    }

    /** Channels of a stage. */
    int width(int stage) {
        return Sizes.channels((double) blocks.widths.get(stage) * blocks.widthFactor);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return IntStream.range(0, blocks.depths.size())
                .mapToObj(i -> FeatureInfo.square("stages." + i, width(i), 4 << i))
                .toList();
    }

    @Override
    public String firstConvolution() {
        return "stem." + stem.type.firstConvolution();
    }

    Layer conv(int in, int out, int kernel, int stride, boolean zero) {
        var shape = Conv2d.Shape.square(in, out, kernel, stride, ((stride - 1) + (kernel - 1)) / 2)
                .withoutBias();
        return conv(shape, zero ? Init.zeros() : Init.heNormalFanOut((long) out * kernel * kernel));
    }

    Layer conv(Conv2d.Shape shape, Init init) {
        return switch (layers.convolution) {
            case PLAIN -> new Conv2d(shape, init, Init.zeros());
            case STANDARDIZED -> new StdConv2d(shape, false, layers.convolutionEps, init);
            case STANDARDIZED_SAME -> new StdConv2d(shape, true, layers.convolutionEps, init);
        };
    }

    Layer normed(int width, boolean activated, boolean zero) {
        var scale = zero ? Init.zeros() : Init.ones();
        var follows = activated ? layers.activation : null;
        return layers.norm == Norm.GROUP
                ? new GroupNorm(layers.groups, width, layers.normEps, follows, scale)
                : new BatchNorm2d(width, layers.normEps, follows, scale);
    }

    Layer normed(int width) {
        return normed(width, true, false);
    }

    @Override
    public ResNetV2 create() {
        return new ResNetV2(this);
    }

    @Override
    public List<Pool> pools() {
        return Pool.OF_MAPS;
    }

    @Override
    public ResNetV2Config withArguments(ConstructorArguments a) {
        a.only("output_stride", 32);
        return new ResNetV2Config(
                image,
                new Stem(stem.type, a.integer("stem_chs", stem.width)),
                blocks.with(a),
                new Layers(
                        layers.norm,
                        layers.groups,
                        layers.normEps,
                        layers.convolution,
                        layers.convolutionEps,
                        a.activation("act_layer", layers.activation)),
                head.with(a, Pool.OF_MAPS),
                a.number("drop_path_rate", dropPath));
    }

    @Override
    public ResNetV2Config withImage(ImageInput other) {
        return new ResNetV2Config(other, stem, blocks, layers, head, dropPath);
    }

    public ResNetV2Config withStem(UnaryOperator<Stem> change) {
        return new ResNetV2Config(image, change.apply(stem), blocks, layers, head, dropPath);
    }

    public ResNetV2Config withBlocks(UnaryOperator<Blocks> change) {
        return new ResNetV2Config(image, stem, change.apply(blocks), layers, head, dropPath);
    }

    public ResNetV2Config withLayers(UnaryOperator<Layers> change) {
        return new ResNetV2Config(image, stem, blocks, change.apply(layers), head, dropPath);
    }

    @Override
    public ResNetV2Config withHead(Head other) {
        return new ResNetV2Config(image, stem, blocks, layers, other, dropPath);
    }

    @Override
    public ResNetV2Config withDropPath(double rate) {
        return new ResNetV2Config(image, stem, blocks, layers, head, rate);
    }
}
