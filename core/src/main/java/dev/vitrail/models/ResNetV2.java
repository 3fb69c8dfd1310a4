package dev.vitrail.models;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.engine.Kernels;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.BatchNorm2d;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.GlobalPool;
import dev.vitrail.nn.GroupNorm;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Residual;
import dev.vitrail.nn.SamePadding;
import dev.vitrail.nn.StdConv2d;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The pre-activation residual network, as Big Transfer (BiT) scales it and as the hybrid vision transformers begin.
 *
 * <p>He et al., <i>Identity Mappings in Deep Residual Networks</i>, ECCV 2016, <a
 * href="https://arxiv.org/abs/1603.05027">arXiv:1603.05027</a>; Kolesnikov et al., <i>Big Transfer (BiT)</i>, ECCV 2020, <a
 * href="https://arxiv.org/abs/1912.11370">arXiv:1912.11370</a>, section 3.1: group normalisation and weight standardisation in
 * place of batch normalisation. Weights carry the names of timm's {@code ResNetV2}; as there, and unlike the paper, the stride
 * of a bottleneck is on its 3×3 convolution.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} channels, {@code H×W} positions of a feature map. Feature
 * maps are {@code [B, C, H, W]}, and lie in memory with the channels last, as in {@link ResNet}.
 */
public final class ResNetV2 extends FamilyModel<ResNetV2.Config> {
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

        private final boolean deep;
        private final boolean tiered;

        Stem(boolean deep, boolean tiered) {
            this.deep = deep;
            this.tiered = tiered;
        }

        String firstConvolution() {
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

    /**
     * The numbers and options that tell one network from another (names in parentheses are timm's).
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
    public record Config(
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
            implements AdjustableConfig<Config, Config.Options> {
        public Config {
            depths = List.copyOf(depths);
            widths = List.copyOf(widths);
            require(
                    !depths.isEmpty() && depths.size() <= widths.size(),
                    "a residual network needs a width for each of its stages: found the depths %s and the widths %s",
                    depths,
                    widths);
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
            require(
                    imageHeight > 0 && imageWidth > 0,
                    "an image of %d×%d pixels is empty: give positive sides, such as 224",
                    imageHeight,
                    imageWidth);
            require(
                    pool != GlobalPool.Kind.NONE || classes == 0,
                    "a classifier of %d classes needs a pool: avg, max, avgmax or catavgmax",
                    classes);
        }

        /** A network as timm's constructor makes it: pre-activation bottlenecks, group normalisation, standardised weights. */
        public static Config of(Integer... depths) {
            // spotless:off
            return new Config(
                    224, 224, 3, 1000, GlobalPool.Kind.AVG, List.of(depths), List.of(256, 512, 1024, 2048), 1, 64,
                    Stem.PLAIN, false, true, false, 0.25, Norm.GROUP, 32, 1e-5, Convolution.STANDARDISED, 1e-6,
                    Activation.RELU, 0, 0, false);
            // spotless:on
        }

        /** Channels of the stem. */
        int stemChannels() {
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
        List<FeatureInfo> featureInfo() {
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
            var init = zero ? Init.zeros() : Init.heNormalFanOut((long) out * kernel * kernel);
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
        public Options options() {
            return new Options();
        }

        /** The components by their names, to be changed one by one. */
        public final class Options extends ModelOptions<Config> {
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
                super(Config.this);
            }

            @Override
            Config config() {
                // spotless:off
                return new Config(
                        imageHeight, imageWidth, channels, classes, pool, depths, widths, widthFactor, stemWidth,
                        stem, averageDown, preActivation, plainBlocks, bottleRatio, norm, groups, normEps,
                        convolution, convolutionEps, activation, headDropout, dropPath, zeroInitLast);
                // spotless:on
            }
        }
    }

    private final Layer root;
    private final List<Stage> stages;
    private final Layer norm;
    private final GlobalPool pool;
    private final Dropout headDropout;
    private final Classifier head;

    public ResNetV2(Config c) {
        super(c);
        root = child("stem", new Root(c));
        var rates = DropPath.linear(c.dropPath, c.depths);
        stages = children("stages", rates.length, i -> new Stage(c, i, rates[i]));
        norm = child("norm", c.preActivation ? c.normed(c.lastWidth()) : new Identity());
        pool = child("head.global_pool", new GlobalPool(c.pool, true));
        headDropout = child("head.drop", new Dropout(c.headDropout));
        head = classifier(
                "head.fc",
                classes -> new Conv2d(
                        Conv2d.Shape.square(c.pool.width(c.lastWidth()), classes, 1, 1, 0),
                        Init.normal(0.01),
                        Init.zeros()));
    }

    /**
     * The last feature map, normalised.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @return {@code [B, C', H/32, W/32]} after four stages
     */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        var x = root.apply(images.requireDims(4, "a batch of images"));
        int last = stages.size() - 1;
        for (int i = 0; i <= last; i++) {
            x = stages.get(i).apply(x);
            tap.take(i, x, i == last && tap.normalised() ? norm::apply : UnaryOperator.identity());
        }
        return norm.apply(x);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return config().featureInfo();
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return headDropout.apply(pool.apply(features)).flatten(1);
    }

    @Override
    protected Tensor logits(Tensor pooled) {
        return head.apply(pooled.reshape(pooled.size(0), pooled.size(1), 1, 1)).flatten(1);
    }

    /** As a part of another network, without a pool, it gives its last feature map. */
    @Override
    protected Tensor forward(Tensor images) {
        return config().pool == GlobalPool.Kind.NONE ? features(images, FeatureTap.NONE) : super.forward(images);
    }

    @Override
    public int width() {
        return config().pool.width(config().lastWidth());
    }

    @Override
    public String stem() {
        return config().firstConvolution();
    }

    /** The first convolutions and the maximum that halves their result, {@code [B, C, H, W] → [B, C', H/4, W/4]}. */
    static final class Root extends Layer {
        private final List<Layer> layers;
        private final Stem kind;

        Root(Config c) {
            kind = c.stem;
            var made = new ArrayList<Layer>();
            int in = c.channels, out = c.stemChannels();
            if (kind.deep) {
                int first = kind.tiered ? 3 * out / 8 : out / 2, second = out / 2;
                made.add(child("conv1", c.conv(in, first, 3, 2, false)));
                made.add(child("norm1", c.normed(first)));
                made.add(child("conv2", c.conv(first, second, 3, 1, false)));
                made.add(child("norm2", c.normed(second)));
                made.add(child("conv3", c.conv(second, out, 3, 1, false)));
            } else {
                made.add(child("conv", c.conv(in, out, 7, 2, false)));
            }
            if (!c.preActivation) {
                made.add(child(kind.deep ? "norm3" : "norm", c.normed(out)));
            }
            layers = List.copyOf(made);
        }

        @Override
        protected Tensor forward(Tensor images) {
            var x = images.channelsLast();
            for (var layer : layers) {
                x = layer.apply(x);
            }
            return switch (kind) {
                case FIXED, DEEP_FIXED -> Kernels.maxPool2d(Kernels.pad(x, 0, 1, 1, 1, 1), 3, 2, 0);
                case SAME, DEEP_SAME -> Kernels.maxPool2d(SamePadding.pad(x, 3, 2, Double.NEGATIVE_INFINITY), 3, 2, 0);
                case PLAIN, DEEP, TIERED -> Kernels.maxPool2d(x, 3, 2, 1);
            };
        }
    }

    @Override
    Depths depths() {
        return Depths.ofStages(i -> "stages." + i, ".blocks", config().depths)
                .embedding("stem")
                .last("norm");
    }

    /** Blocks of one width; the first of every stage but the first halves the sides. */
    static final class Stage extends Layer {
        private final List<Layer> blocks;

        /** @param dropPaths rates of the stage's blocks */
        Stage(Config c, int stage, double[] dropPaths) {
            int in = stage == 0 ? c.stemChannels() : c.width(stage - 1), out = c.width(stage);
            blocks = children("blocks", c.depths.get(stage), i -> {
                int stride = i == 0 && stage > 0 ? 2 : 1;
                int from = i == 0 ? in : out;
                if (!c.preActivation) {
                    return new Bottleneck(c, from, out, stride, i == 0, dropPaths[i]);
                }
                return c.plainBlocks
                        ? new PreActivationPair(c, from, out, stride, i == 0, dropPaths[i])
                        : new PreActivationBottleneck(c, from, out, stride, i == 0, dropPaths[i]);
            });
        }

        @Override
        protected Tensor forward(Tensor x) {
            for (var block : blocks) {
                x = block.apply(x);
            }
            return x;
        }
    }

    /** A bottleneck that normalises before it convolves (He et al., 2016, figure 1b). */
    static final class PreActivationBottleneck extends Layer {
        private final @Nullable Shortcut downsample;
        private final Layer norm1, conv1, norm2, conv2, norm3, conv3;
        private final DropPath dropPath;

        PreActivationBottleneck(Config c, int in, int out, int stride, boolean first, double rate) {
            landmark(Landmark.BLOCK, "");
            int inner = Sizes.channels(out * c.bottleRatio);
            downsample = first ? child("downsample", new Shortcut(c, in, out, stride)) : null;
            norm1 = child("norm1", c.normed(in));
            conv1 = child("conv1", c.conv(in, inner, 1, 1, false));
            norm2 = child("norm2", c.normed(inner));
            conv2 = child("conv2", c.conv(inner, inner, 3, stride, false));
            norm3 = child("norm3", c.normed(inner));
            conv3 = child("conv3", c.conv(inner, out, 1, 1, c.zeroInitLast));
            dropPath = child("drop_path", new DropPath(rate));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var y = norm1.apply(x);
            var shortcut = downsample == null ? x : downsample.apply(y);
            y = conv2.apply(norm2.apply(conv1.apply(y)));
            y = conv3.apply(norm3.apply(y));
            return Residual.sum(shortcut, dropPath.apply(y));
        }
    }

    /** Two 3×3 convolutions, each after a normalisation. */
    static final class PreActivationPair extends Layer {
        private final @Nullable Shortcut downsample;
        private final Layer norm1, conv1, norm2, conv2;
        private final DropPath dropPath;

        PreActivationPair(Config c, int in, int out, int stride, boolean first, double rate) {
            landmark(Landmark.BLOCK, "");
            int inner = Sizes.channels(out * c.bottleRatio);
            boolean changes = first && (stride != 1 || in != out);
            downsample = changes ? child("downsample", new Shortcut(c, in, out, stride)) : null;
            norm1 = child("norm1", c.normed(in));
            conv1 = child("conv1", c.conv(in, inner, 3, stride, false));
            norm2 = child("norm2", c.normed(inner));
            conv2 = child("conv2", c.conv(inner, out, 3, 1, c.zeroInitLast));
            dropPath = child("drop_path", new DropPath(rate));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var y = norm1.apply(x);
            var shortcut = downsample == null ? x : downsample.apply(y);
            return Residual.sum(shortcut, dropPath.apply(conv2.apply(norm2.apply(conv1.apply(y)))));
        }
    }

    /** A bottleneck that convolves before it normalises: the hybrids' (ResNet v1.5). */
    static final class Bottleneck extends Layer {
        private final @Nullable Shortcut downsample;
        private final Layer conv1, norm1, conv2, norm2, conv3, norm3;
        private final DropPath dropPath;
        private final Activation activation;

        Bottleneck(Config c, int in, int out, int stride, boolean first, double rate) {
            landmark(Landmark.BLOCK, "");
            int inner = Sizes.channels(out * c.bottleRatio);
            downsample = first ? child("downsample", new Shortcut(c, in, out, stride)) : null;
            conv1 = child("conv1", c.conv(in, inner, 1, 1, false));
            norm1 = child("norm1", c.normed(inner));
            conv2 = child("conv2", c.conv(inner, inner, 3, stride, false));
            norm2 = child("norm2", c.normed(inner));
            conv3 = child("conv3", c.conv(inner, out, 1, 1, false));
            norm3 = child("norm3", c.normed(out, false, c.zeroInitLast));
            dropPath = child("drop_path", new DropPath(rate));
            activation = c.activation;
        }

        @Override
        protected Tensor forward(Tensor x) {
            var shortcut = downsample == null ? x : downsample.apply(x);
            var y = norm2.apply(conv2.apply(norm1.apply(conv1.apply(x))));
            y = dropPath.apply(norm3.apply(conv3.apply(y)));
            return activation.consume(Residual.sum(shortcut, y));
        }
    }

    /** The projection of a shortcut whose block changes channels or sides. */
    static final class Shortcut extends Layer {
        private final boolean averages;
        private final Layer conv;
        private final Layer norm;

        Shortcut(Config c, int in, int out, int stride) {
            averages = c.averageDown && stride > 1;
            conv = child("conv", c.conv(in, out, 1, c.averageDown ? 1 : stride, false));
            norm = child("norm", c.preActivation ? new Identity() : c.normed(out, false, false));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return norm.apply(conv.apply(averages ? Kernels.averagePool2d(x, 2, 2, 0, true, false) : x));
        }
    }
}
