package dev.vitrail.models.resnet;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.models.resnet.ResNetV2Config.StemType;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.GlobalPool;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Pool;
import dev.vitrail.nn.Residual;
import dev.vitrail.nn.SamePadding;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The pre-activation residual network, as Big Transfer (BiT) scales it and as the hybrid vision transformers begin.
 *
 * <p>He et al., <i>Identity Mappings in Deep Residual Networks</i>, ECCV 2016,
 * <a href="https://arxiv.org/abs/1603.05027">arXiv:1603.05027</a>; Kolesnikov et al., <i>Big Transfer (BiT)</i>, ECCV
 * 2020, <a href="https://arxiv.org/abs/1912.11370">arXiv:1912.11370</a>, section 3.1: group normalisation and weight
 * standardisation in place of batch normalisation. Weights carry the names of timm's {@code ResNetV2}; as there, and
 * unlike the paper, the stride of a bottleneck is on its 3×3 convolution.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} channels, {@code H×W} positions of a feature map. Feature
 * maps are {@code [B, C, H, W]}, and lie in memory with the channels last, as in {@link ResNet}.
 */
public final class ResNetV2 extends Model {
    private final Layer root;
    private final List<Stage> stages;
    private final Layer norm;
    private final GlobalPool pool;
    private final Classifier head;

    public ResNetV2(ResNetV2Config c) {
        super(c);
        root = child("stem", new Root(c));
        var rates = DropPath.linear(c.dropPath(), c.blocks().depths());
        stages = children("stages", rates.length, i -> new Stage(c, i, rates[i]));
        norm = child("norm", c.blocks().preActivation() ? c.normed(c.lastWidth()) : new Identity());
        pool = child("head.global_pool", new GlobalPool(c.head().pool(), true));
        head = classifier(
                "head.fc",
                classes -> new Conv2d(
                        Conv2d.Shape.square(c.head().pool().width(c.lastWidth()), classes, 1, 1, 0),
                        Init.normal(0.01),
                        Init.zeros()));
    }

    @Override
    public ResNetV2Config config() {
        return (ResNetV2Config) super.config();
    }

    /**
     * The last feature map, normalised.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @return {@code [B, C', H/32, W/32]} after four stages
     */
    @Override
    protected Tensor features(Tensor images) {
        var x = root.apply(images.requireDims(4, "a batch of images"));
        for (var stage : stages) {
            x = stage.apply(x);
        }
        return norm.apply(x);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return config().featureInfo();
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return isLast(info) ? norm.apply(output) : output;
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return pool.apply(features).flatten(1);
    }

    @Override
    protected Tensor logits(Tensor pooled) {
        return head.apply(pooled.reshape(pooled.size(0), pooled.size(1), 1, 1)).flatten(1);
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
                        i -> "stages." + i, ".blocks", config().blocks().depths())
                .embedding("stem")
                .last("norm");
    }

    /** The first convolutions and the maximum that halves their result, {@code [B, C, H, W] → [B, C', H/4, W/4]}. */
    public static final class Root extends Layer {
        private final List<Layer> layers;
        private final StemType kind;

        Root(ResNetV2Config c) {
            this(c, false);
        }

        /** @param alone whether no stages follow: then timm leaves the initial values of its convolutions to PyTorch */
        public Root(ResNetV2Config c, boolean alone) {
            kind = c.stem().type();
            var made = new ArrayList<Layer>();
            int in = c.channels(), out = c.stemChannels();
            if (kind.deep) {
                int first = kind.tiered ? 3 * out / 8 : out / 2, second = out / 2;
                made.add(child("conv1", conv(c, in, first, 3, 2, alone)));
                made.add(child("norm1", c.normed(first)));
                made.add(child("conv2", conv(c, first, second, 3, 1, alone)));
                made.add(child("norm2", c.normed(second)));
                made.add(child("conv3", conv(c, second, out, 3, 1, alone)));
            } else {
                made.add(child("conv", conv(c, in, out, 7, 2, alone)));
            }
            if (!c.blocks().preActivation()) {
                made.add(child(kind.deep ? "norm3" : "norm", c.normed(out)));
            }
            layers = List.copyOf(made);
        }

        private static Layer conv(ResNetV2Config c, int in, int out, int kernel, int stride, boolean alone) {
            if (!alone) {
                return c.conv(in, out, kernel, stride, false);
            }
            var shape = Conv2d.Shape.square(in, out, kernel, stride, ((stride - 1) + (kernel - 1)) / 2)
                    .withoutBias();
            return c.conv(shape, Init.fanInUniform(shape.fanIn()));
        }

        @Override
        protected Tensor forward(Tensor images) {
            var x = images.channelsLast();
            for (var layer : layers) {
                x = layer.apply(x);
            }
            return switch (kind) {
                case FIXED, DEEP_FIXED -> Functional.maxPool2d(Functional.pad(x, 0, 1, 1, 1, 1), 3, 2, 0);
                case SAME, DEEP_SAME ->
                    Functional.maxPool2d(SamePadding.pad(x, 3, 2, Double.NEGATIVE_INFINITY), 3, 2, 0);
                case PLAIN, DEEP, TIERED -> Functional.maxPool2d(x, 3, 2, 1);
            };
        }
    }

    /** Blocks of one width; the first of every stage but the first halves the sides. */
    static final class Stage extends Layer {
        private final List<Layer> blocks;

        /** @param dropPaths rates of the stage's blocks */
        Stage(ResNetV2Config c, int stage, double[] dropPaths) {
            int in = stage == 0 ? c.stemChannels() : c.width(stage - 1), out = c.width(stage);
            blocks = children("blocks", c.blocks().depths().get(stage), i -> {
                int stride = i == 0 && stage > 0 ? 2 : 1;
                int from = i == 0 ? in : out;
                if (!c.blocks().preActivation()) {
                    return new Bottleneck(c, from, out, stride, i == 0, dropPaths[i]);
                }
                return c.blocks().plain()
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

        PreActivationBottleneck(ResNetV2Config c, int in, int out, int stride, boolean first, double rate) {
            hookPoint(HookPoint.BLOCK, "");
            int inner = Sizes.channels(out * c.blocks().bottleRatio());
            downsample = first ? child("downsample", new Shortcut(c, in, out, stride)) : null;
            norm1 = child("norm1", c.normed(in));
            conv1 = child("conv1", c.conv(in, inner, 1, 1, false));
            norm2 = child("norm2", c.normed(inner));
            conv2 = child("conv2", c.conv(inner, inner, 3, stride, false));
            norm3 = child("norm3", c.normed(inner));
            conv3 = child("conv3", c.conv(inner, out, 1, 1, c.blocks().zeroInitLast()));
            dropPath = child("drop_path", new DropPath(rate));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var y = norm1.apply(x);
            var shortcut = downsample == null ? x : downsample.apply(y);
            y = conv2.apply(norm2.apply(conv1.apply(y)));
            y = conv3.apply(norm3.apply(y));
            return Residual.addInPlace(shortcut, dropPath.apply(y));
        }
    }

    /** Two 3×3 convolutions, each after a normalisation. */
    static final class PreActivationPair extends Layer {
        private final @Nullable Shortcut downsample;
        private final Layer norm1, conv1, norm2, conv2;
        private final DropPath dropPath;

        PreActivationPair(ResNetV2Config c, int in, int out, int stride, boolean first, double rate) {
            hookPoint(HookPoint.BLOCK, "");
            int inner = Sizes.channels(out * c.blocks().bottleRatio());
            boolean changes = first && (stride != 1 || in != out);
            downsample = changes ? child("downsample", new Shortcut(c, in, out, stride)) : null;
            norm1 = child("norm1", c.normed(in));
            conv1 = child("conv1", c.conv(in, inner, 3, stride, false));
            norm2 = child("norm2", c.normed(inner));
            conv2 = child("conv2", c.conv(inner, out, 3, 1, c.blocks().zeroInitLast()));
            dropPath = child("drop_path", new DropPath(rate));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var y = norm1.apply(x);
            var shortcut = downsample == null ? x : downsample.apply(y);
            return Residual.addInPlace(shortcut, dropPath.apply(conv2.apply(norm2.apply(conv1.apply(y)))));
        }
    }

    /** A bottleneck that convolves before it normalises: the hybrids' (ResNet v1.5). */
    static final class Bottleneck extends Layer {
        private final @Nullable Shortcut downsample;
        private final Layer conv1, norm1, conv2, norm2, conv3, norm3;
        private final DropPath dropPath;
        private final Activation activation;

        Bottleneck(ResNetV2Config c, int in, int out, int stride, boolean first, double rate) {
            hookPoint(HookPoint.BLOCK, "");
            int inner = Sizes.channels(out * c.blocks().bottleRatio());
            downsample = first ? child("downsample", new Shortcut(c, in, out, stride)) : null;
            conv1 = child("conv1", c.conv(in, inner, 1, 1, false));
            norm1 = child("norm1", c.normed(inner));
            conv2 = child("conv2", c.conv(inner, inner, 3, stride, false));
            norm2 = child("norm2", c.normed(inner));
            conv3 = child("conv3", c.conv(inner, out, 1, 1, false));
            norm3 = child("norm3", c.normed(out, false, c.blocks().zeroInitLast()));
            dropPath = child("drop_path", new DropPath(rate));
            activation = c.layers().activation();
        }

        @Override
        protected Tensor forward(Tensor x) {
            var shortcut = downsample == null ? x : downsample.apply(x);
            var y = norm2.apply(conv2.apply(norm1.apply(conv1.apply(x))));
            y = dropPath.apply(norm3.apply(conv3.apply(y)));
            return activation.applyInPlace(Residual.addInPlace(shortcut, y));
        }
    }

    /** The projection of a shortcut whose block changes channels or sides. */
    static final class Shortcut extends Layer {
        private final boolean averages;
        private final Layer conv;
        private final Layer norm;

        Shortcut(ResNetV2Config c, int in, int out, int stride) {
            averages = c.blocks().averageDown() && stride > 1;
            conv = child("conv", c.conv(in, out, 1, c.blocks().averageDown() ? 1 : stride, false));
            norm = child("norm", c.blocks().preActivation() ? new Identity() : c.normed(out, false, false));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return norm.apply(conv.apply(averages ? Functional.averagePool2d(x, 2, 2, 0, true, false) : x));
        }
    }
}
