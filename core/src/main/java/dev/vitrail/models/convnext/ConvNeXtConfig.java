package dev.vitrail.models.convnext;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Pool;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;

/**
 * The configuration of a {@link ConvNeXt} (names in parentheses are timm's).
 *
 * @param image the images that the variant was made for; any that are not too small work
 * @param stem how the image becomes the first feature map
 * @param stages the pyramid
 * @param blocks options of its blocks
 * @param headLayers layers between the last feature map and the classifier
 * @param head classifier and pool
 * @param dropPath rate of stochastic depth of the last block, rising linearly to it (drop_path_rate)
 */
public record ConvNeXtConfig(
        ImageInput image, Stem stem, Stages stages, Blocks blocks, HeadLayers headLayers, Head head, double dropPath)
        implements ModelConfig {
    private static final List<Pool> POOLS = List.of(Pool.AVG, Pool.MAX, Pool.AVGMAX, Pool.CATAVGMAX);

    /** Stem type: the layers from the image to the first feature map. */
    public enum StemType {
        /** Patches that do not overlap, as the paper's. */
        PATCH,
        /** Two 3×3 convolutions, each halving the sides. */
        OVERLAP,
        /** Two 3×3 convolutions, each halving the sides, with half of the channels between them. */
        OVERLAP_TIERED,
        /** {@link #OVERLAP} with a non-linearity between them. */
        OVERLAP_ACT
    }

    /**
     * The first layers.
     *
     * @param type kind of convolutions (stem_type)
     * @param patch side of a patch of {@link StemType#PATCH}, pixels (patch_size)
     * @param norm whether their result is normalized; false in the paper's isotropic networks
     */
    public record Stem(StemType type, int patch, boolean norm) {
        public Stem {
            require(patch > 0, "a patch of %d pixels is empty: give a positive side, such as 4", patch);
        }

        public Stem withType(StemType other) {
            return new Stem(other, patch, norm);
        }

        public Stem withPatch(int side) {
            return new Stem(type, side, norm);
        }
    }

    /**
     * The pyramid, with an entry for each stage.
     *
     * @param depths blocks (depths)
     * @param widths channels (dims)
     * @param kernels sides of the depthwise kernels, odd (kernel_sizes)
     */
    public record Stages(List<Integer> depths, List<Integer> widths, List<Integer> kernels) {
        public Stages {
            depths = List.copyOf(depths);
            widths = List.copyOf(widths);
            kernels = List.copyOf(kernels);
            require(
                    !depths.isEmpty() && depths.size() == widths.size() && depths.size() == kernels.size(),
                    "a ConvNeXt needs a depth, a width and a kernel for each of its stages: found the depths %s, the"
                            + " widths %s and the kernels %s",
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
        }

        /** Number of stages. */
        public int count() {
            return depths.size();
        }

        Stages with(ConstructorArguments a) {
            var blocks = a.integers("depths", depths);
            int count = blocks.size();
            return new Stages(
                    blocks,
                    a.integers("dims", widths),
                    a.stages(
                            "kernel_sizes",
                            count,
                            count == depths.size() ? kernels : Collections.nCopies(count, kernels.get(0))));
        }
    }

    /**
     * Options of the blocks.
     *
     * @param layerScale initial value of LayerScale; empty for none (ls_init_value)
     * @param convolvedMlp whether the MLPs' weights are stored as 1×1 convolutions (conv_mlp)
     * @param convBias whether convolutions have biases (conv_bias)
     * @param responseNorm whether the MLPs have global response normalization, as in V2 (use_grn)
     * @param activation the MLPs' non-linearity (act_layer)
     * @param normEps epsilon of the layer normalizations (norm_eps)
     */
    public record Blocks(
            OptionalDouble layerScale,
            boolean convolvedMlp,
            boolean convBias,
            boolean responseNorm,
            Activation activation,
            double normEps) {
        /** Blocks as timm's constructor makes them: LayerScale from 10⁻⁶, biases, GELU, epsilon 10⁻⁶. */
        public static final Blocks DEFAULT =
                new Blocks(OptionalDouble.of(1e-6), false, true, false, Activation.GELU, 1e-6);

        public Blocks withLayerScale(OptionalDouble initial) {
            return new Blocks(initial, convolvedMlp, convBias, responseNorm, activation, normEps);
        }

        public Blocks withConvolvedMlp(boolean convolved) {
            return new Blocks(layerScale, convolved, convBias, responseNorm, activation, normEps);
        }

        public Blocks withResponseNorm(boolean present) {
            return new Blocks(layerScale, convolvedMlp, convBias, present, activation, normEps);
        }

        public Blocks withNormEps(double epsilon) {
            return new Blocks(layerScale, convolvedMlp, convBias, responseNorm, activation, epsilon);
        }

        Blocks with(ConstructorArguments a) {
            return new Blocks(
                    a.layerScale("ls_init_value", layerScale),
                    a.flag("conv_mlp", convolvedMlp),
                    a.flag("conv_bias", convBias),
                    a.flag("use_grn", responseNorm),
                    a.activation("act_layer", activation),
                    a.number("norm_eps", normEps));
        }
    }

    /**
     * Layers between the last feature map and the classifier.
     *
     * @param hidden channels of an MLP before the classifier; 0 for none (head_hidden_size)
     * @param normFirst whether normalization comes before the pool instead of after it (head_norm_first)
     * @param normEps epsilon of that normalization; transformers has another there than in the blocks
     * @param initScale factor of the linear layers' initial values (head_init_scale)
     */
    public record HeadLayers(int hidden, boolean normFirst, double normEps, double initScale) {
        /** A normalization after the pool. */
        public static final HeadLayers DEFAULT = new HeadLayers(0, false, 1e-6, 1);

        public HeadLayers {
            require(hidden >= 0, "hidden channels %d of the head must not be negative", hidden);
            require(
                    hidden == 0 || !normFirst,
                    "a head with %d hidden channels normalizes after the pool: leave out one of hidden and normFirst",
                    hidden);
        }

        public HeadLayers withHidden(int channels) {
            return new HeadLayers(channels, normFirst, normEps, initScale);
        }

        public HeadLayers withNormFirst(boolean first) {
            return new HeadLayers(hidden, first, normEps, initScale);
        }

        public HeadLayers withNormEps(double epsilon) {
            return new HeadLayers(hidden, normFirst, epsilon, initScale);
        }

        public HeadLayers withInitScale(double factor) {
            return new HeadLayers(hidden, normFirst, normEps, factor);
        }

        HeadLayers with(ConstructorArguments a) {
            return new HeadLayers(
                    a.integer("head_hidden_size", hidden),
                    a.flag("head_norm_first", normFirst),
                    normEps,
                    a.number("head_init_scale", initScale));
        }
    }

    /** The largest stride that a stage may end with; timm dilates beyond it. */
    private static final int LARGEST_STRIDE = 32;

    public ConvNeXtConfig {
        Dropouts.requireProbability("drop path", dropPath);
        int count = stages.count();
        require(
                count == 1 || strideBefore(count - 1, stem) < LARGEST_STRIDE,
                "with patches of %d pixels, %d stages would shrink the image more than %d times: take smaller patches,"
                        + " such as 4",
                stem.patch,
                count,
                LARGEST_STRIDE);
        head.requirePool(POOLS);
        require(
                head.pool() != Pool.CATAVGMAX || headLayers.normFirst,
                "a ConvNeXt that normalizes after the pool cannot be pooled by catavgmax: take avg, max or avgmax");
        requireSize(image.height(), image.width(), smallest(count, stem));
    }

    /** A network as timm's constructor makes it: 4×4 patches, 7×7 kernels, LayerScale from 10⁻⁶. */
    public static ConvNeXtConfig of(List<Integer> depths, List<Integer> widths) {
        return new ConvNeXtConfig(
                ImageInput.square(224),
                new Stem(StemType.PATCH, 4, true),
                new Stages(depths, widths, Collections.nCopies(depths.size(), 7)),
                Blocks.DEFAULT,
                HeadLayers.DEFAULT,
                Head.of(Pool.AVG),
                0);
    }

    /** Factor by which a stage divides the sides: like timm's, the first one halves a map of half the image's sides. */
    int stride(int stage) {
        return stage > 0 || strideBefore(0, stem) == 2 ? 2 : 1;
    }

    /** Pixels of the image for each position of a stage's result. */
    int strideAfter(int stage) {
        return strideBefore(stage, stem) * stride(stage);
    }

    /** Pixels of the image for each position that a stage is given. */
    private static int strideBefore(int stage, Stem stem) {
        int first = stem.type == StemType.PATCH ? stem.patch : 4;
        return stage == 0 ? first : Math.max(first, first == 2 ? 4 : first) << (stage - 1);
    }

    /** Side of the smallest image that leaves a position after the last stage. */
    private static int smallest(int stages, Stem stem) {
        int before = strideBefore(stages - 1, stem);
        return stages > 1 || before == 2 ? 2 * before : before;
    }

    /** Throws if images of that size are too small for the stages. */
    void requireSize(long height, long width) {
        requireSize(height, width, smallest(stages.count(), stem));
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
        return stages.widths.get(stages.count() - 1);
    }

    /** Channels before the classifier. */
    int headWidth() {
        return headLayers.hidden > 0 ? headLayers.hidden : head.pool().width(lastWidth());
    }

    Conv2d conv(int in, int out, int kernel, int stride, int padding, int groups) {
        var shape = Conv2d.Shape.square(in, out, kernel, stride, padding).withGroups(groups);
        return new Conv2d(blocks.convBias ? shape : shape.withoutBias(), Init.truncatedNormal(0.02), Init.zeros());
    }

    Linear headLinear(int in, int out) {
        return new Linear(in, out, true, Init.truncatedNormal(0.02).times(headLayers.initScale), Init.zeros());
    }

    @Override
    public ConvNeXt create() {
        return new ConvNeXt(this);
    }

    @Override
    public List<Pool> pools() {
        return POOLS;
    }

    @Override
    public ConvNeXtConfig withArguments(ConstructorArguments a) {
        a.only("output_stride", 32);
        return new ConvNeXtConfig(
                image,
                new Stem(
                        a.constant("stem_type", StemType.values(), stem.type),
                        a.integer("patch_size", stem.patch),
                        stem.norm),
                stages.with(a),
                blocks.with(a),
                headLayers.with(a),
                head.with(a, POOLS),
                a.number("drop_path_rate", dropPath));
    }

    @Override
    public ConvNeXtConfig withImage(ImageInput other) {
        return new ConvNeXtConfig(other, stem, stages, blocks, headLayers, head, dropPath);
    }

    public ConvNeXtConfig withStem(UnaryOperator<Stem> change) {
        return new ConvNeXtConfig(image, change.apply(stem), stages, blocks, headLayers, head, dropPath);
    }

    public ConvNeXtConfig withBlocks(UnaryOperator<Blocks> change) {
        return new ConvNeXtConfig(image, stem, stages, change.apply(blocks), headLayers, head, dropPath);
    }

    public ConvNeXtConfig withHeadLayers(UnaryOperator<HeadLayers> change) {
        return new ConvNeXtConfig(image, stem, stages, blocks, change.apply(headLayers), head, dropPath);
    }

    @Override
    public ConvNeXtConfig withHead(Head other) {
        return new ConvNeXtConfig(image, stem, stages, blocks, headLayers, other, dropPath);
    }

    @Override
    public ConvNeXtConfig withDropPath(double rate) {
        return new ConvNeXtConfig(image, stem, stages, blocks, headLayers, head, rate);
    }
}
