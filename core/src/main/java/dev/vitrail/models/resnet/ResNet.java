package dev.vitrail.models.resnet;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.FusedConvolution.Addend;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.resnet.ResNetConfig.BlockType;
import dev.vitrail.models.resnet.ResNetConfig.StemType;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.ConvNorm;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.nn.GlobalPool;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Pool;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The residual network.
 *
 * <p>He et al., <i>Deep Residual Learning for Image Recognition</i>, CVPR 2016,
 * <a href="https://arxiv.org/abs/1512.03385">arXiv:1512.03385</a>; the "D" variants are He et al., <i>Bag of
 * Tricks</i>, 2018, arXiv:1812.01187, section 4. As torchvision and timm have it ("v1.5"), and unlike the paper, the
 * stride of a bottleneck is on its 3×3 convolution. Weights carry torchvision's names, which timm shares.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} channels, {@code H×W} positions of a feature map. Feature maps are
 * {@code [B, C, H, W]}, and lie in memory with the channels last, which saves a tenth of a ResNet-50's CPU time at
 * batch 8 (measured).
 */
public final class ResNet extends Model {
    private final UnaryOperator<Tensor> stem;
    private final Layer maximum;
    private final List<Stage> stages = new ArrayList<>();
    private final GlobalPool pool;

    public ResNet(ResNetConfig c) {
        super(c);
        int in = c.stemChannels();
        if (c.stem().type() == StemType.PLAIN) {
            var conv1 = new ConvNorm(child("conv1", c.conv(c.channels(), in, 7, 2)), child("bn1", c.norm(in)));
            stem = images -> conv1.apply(images, c.blocks().activation());
        } else {
            var conv1 = child("conv1", new DeepStem(c));
            var norm1 = child("bn1", c.norm(in));
            stem = images -> c.blocks().activation().applyInPlace(norm1.apply(conv1.apply(images)));
        }
        maximum = child("maxpool", c.stem().convolvedPool() ? new ConvolvedPool(c, in) : new Maximum());
        var rates = DropPath.linear(c.dropPath(), c.blocks().depths());
        for (int i = 0; i < rates.length; i++) {
            stages.add(child("layer" + (i + 1), new Stage(c, i, rates[i])));
        }
        pool = child("global_pool", new GlobalPool(c.head().pool(), false));
        int pooled = c.head().pool().width(c.lastWidth());
        classifier(
                "fc",
                classes -> new Linear(pooled, classes, true, Init.fanInUniform(pooled), Init.fanInUniform(pooled)));
    }

    @Override
    public ResNetConfig config() {
        return (ResNetConfig) super.config();
    }

    /**
     * The last feature map.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @return {@code [B, C', H/32, W/32]} after four stages
     */
    @Override
    protected Tensor features(Tensor images) {
        images.requireDims(4, "a batch of images");
        var x = maximum.apply(stem.apply(images.channelsLast()));
        for (var stage : stages) {
            x = stage.apply(x);
        }
        return x;
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return config().featureInfo();
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return pool.apply(features);
    }

    /** Result of the head; as a part of another network, without a pool, the last feature map. */
    @Override
    protected Tensor forward(Tensor images) {
        return config().head().pool() == Pool.NONE ? features(images) : super.forward(images);
    }

    @Override
    public int width() {
        return config().head().pool().width(config().lastWidth());
    }

    @Override
    public String firstConv() {
        return config().firstConvolution();
    }

    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.ofStages(
                        i -> "layer" + (i + 1), "", config().blocks().depths())
                .embedding("conv1", "bn1", "maxpool");
    }

    /** Three 3×3 convolutions, the first of which halves the sides, {@code [B, C, H, W] → [B, C', H/2, W/2]}. */
    static final class DeepStem extends Layer {
        private final ConvNorm first, second;
        private final Conv2d last;
        private final Activation activation;

        DeepStem(ResNetConfig c) {
            activation = c.blocks().activation();
            int width = c.stem().type() == StemType.DEEP_TIERED
                    ? 3 * (c.stem().width() / 4)
                    : c.stem().width();
            // The numbers left out are the non-linearities'.
            first = new ConvNorm(child("0", c.conv(c.channels(), width, 3, 2)), child("1", c.norm(width)));
            second = new ConvNorm(
                    child("3", c.conv(width, c.stem().width(), 3, 1)),
                    child("4", c.norm(c.stem().width())));
            last = child("6", c.conv(c.stem().width(), c.stemChannels(), 3, 1));
        }

        @Override
        protected Tensor forward(Tensor images) {
            return last.apply(second.apply(first.apply(images, activation), activation));
        }
    }

    /** The largest of 3×3 positions, which halves the sides. */
    static final class Maximum extends Layer {
        @Override
        protected Tensor forward(Tensor x) {
            return Functional.maxPool2d(x, 3, 2, 1);
        }
    }

    /** A 3×3 convolution in place of the {@link Maximum}. */
    static final class ConvolvedPool extends Layer {
        private final ConvNorm conv;
        private final Activation activation;

        ConvolvedPool(ResNetConfig c, int width) {
            conv = new ConvNorm(child("0", c.conv(width, width, 3, 2)), child("1", c.norm(width)));
            activation = c.blocks().activation();
        }

        @Override
        protected Tensor forward(Tensor x) {
            return conv.apply(x, activation);
        }
    }

    /** Blocks of one width; the first of every stage but the first halves the sides. */
    static final class Stage extends Layer {
        private final List<Block> blocks = new ArrayList<>();

        /** @param dropPaths rates of the stage's blocks */
        Stage(ResNetConfig c, int stage, double[] dropPaths) {
            int in = stage == 0 ? c.stemChannels() : c.width(stage - 1), out = c.width(stage);
            int planes = c.blocks().widths().get(stage);
            for (int i = 0; i < dropPaths.length; i++) {
                int from = i == 0 ? in : out, stride = i == 0 && stage > 0 ? 2 : 1;
                Block block = c.blocks().type() == BlockType.BASIC
                        ? new Basic(c, from, planes, stride, dropPaths[i])
                        : new Bottleneck(c, from, planes, stride, dropPaths[i]);
                blocks.add(child(String.valueOf(i), block));
            }
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = blocks.get(0).apply(x);
            for (var block : blocks.subList(1, blocks.size())) {
                x = block.applyInPlace(x);
            }
            return x;
        }
    }

    /** A residual block, {@code [B, C, H, W] → [B, C', H', W']}. */
    private abstract static class Block extends Layer {
        Block() {
            hookPoint(HookPoint.BLOCK, "");
        }

        @Override
        protected final Tensor forward(Tensor x) {
            return forward(x, false);
        }

        /**
         * {@link #apply}, written over {@code x} where one pass computes convolution and sum; {@code x} must not be
         * used afterwards.
         */
        final Tensor applyInPlace(Tensor x) {
            return ForwardHook.active() || Gradients.recorded() ? apply(x) : Frame.of(() -> forward(x, true));
        }

        /** @param inPlace whether {@code x} may be written over */
        abstract Tensor forward(Tensor x, boolean inPlace);

        static Addend shortcut(Tensor x, @Nullable Shortcut downsample, boolean inPlace) {
            return downsample == null ? new Addend(x, inPlace) : new Addend(downsample.apply(x), true);
        }
    }

    /** Two 3×3 convolutions beside a shortcut (paper, figure 5 left). */
    static final class Basic extends Block {
        private final ConvNorm first, second;
        private final @Nullable Shortcut downsample;
        private final DropPath dropPath;
        private final Activation activation;

        Basic(ResNetConfig c, int in, int planes, int stride, double rate) {
            int inner = planes / c.blocks().reduceFirst();
            first = new ConvNorm(child("conv1", c.conv(in, inner, 3, stride)), child("bn1", c.norm(inner)));
            second = new ConvNorm(child("conv2", c.conv(inner, planes, 3, 1)), child("bn2", c.lastNorm(planes)));
            downsample = stride != 1 || in != planes ? child("downsample", new Shortcut(c, in, planes, stride)) : null;
            dropPath = child("drop_path", new DropPath(rate));
            activation = c.blocks().activation();
        }

        @Override
        Tensor forward(Tensor x, boolean inPlace) {
            var shortcut = shortcut(x, downsample, inPlace);
            return second.apply(first.apply(x, activation), dropPath, shortcut, activation);
        }
    }

    /** 1×1, 3×3 and 1×1 convolutions beside a shortcut (paper, figure 5 right). */
    static final class Bottleneck extends Block {
        private final ConvNorm first, second, third;
        private final @Nullable Shortcut downsample;
        private final DropPath dropPath;
        private final Activation activation;

        Bottleneck(ResNetConfig c, int in, int planes, int stride, double rate) {
            int width = (int) Math.floor(planes * (c.blocks().baseWidth() / 64.0))
                    * c.blocks().cardinality();
            int inner = width / c.blocks().reduceFirst(), out = planes * BlockType.BOTTLENECK.expansion;
            first = new ConvNorm(child("conv1", c.conv(in, inner, 1, 1)), child("bn1", c.norm(inner)));
            second = new ConvNorm(
                    child("conv2", c.conv(inner, width, 3, stride, c.blocks().cardinality())),
                    child("bn2", c.norm(width)));
            third = new ConvNorm(child("conv3", c.conv(width, out, 1, 1)), child("bn3", c.lastNorm(out)));
            downsample = stride != 1 || in != out ? child("downsample", new Shortcut(c, in, out, stride)) : null;
            dropPath = child("drop_path", new DropPath(rate));
            activation = c.blocks().activation();
        }

        @Override
        Tensor forward(Tensor x, boolean inPlace) {
            var shortcut = shortcut(x, downsample, inPlace);
            var y = second.apply(first.apply(x, activation), activation);
            return third.apply(y, dropPath, shortcut, activation);
        }
    }

    /** The projection of a shortcut whose block changes channels or sides. */
    static final class Shortcut extends Layer {
        private final boolean averages;
        private final ConvNorm projection;

        Shortcut(ResNetConfig c, int in, int out, int stride) {
            averages = c.shortcut().average() && stride > 1;
            int kernel =
                    c.shortcut().average() || stride == 1 ? 1 : c.shortcut().kernel();
            // With averages, timm's sequence has the pool at 0.
            int at = c.shortcut().average() ? 1 : 0;
            projection = new ConvNorm(
                    child(
                            String.valueOf(at),
                            c.conv(in, out, kernel, c.shortcut().average() ? 1 : stride)),
                    child(String.valueOf(at + 1), c.norm(out)));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return projection.apply(averages ? Functional.averagePool2d(x, 2, 2, 0, true, false) : x);
        }
    }
}
