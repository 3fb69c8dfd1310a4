package dev.vitrail.models.convnext;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.convnext.ConvNeXtConfig.StemType;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.GlobalPool;
import dev.vitrail.nn.GlobalResponseNorm;
import dev.vitrail.nn.HookPoint;
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
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The convolutional network that was brought up to date by what vision transformers do.
 *
 * <p>Liu et al., <i>A ConvNet for the 2020s</i>, CVPR 2022,
 * <a href="https://arxiv.org/abs/2201.03545">arXiv:2201.03545</a>; Woo et al., <i>ConvNeXt V2</i>, CVPR 2023,
 * <a href="https://arxiv.org/abs/2301.00808">arXiv:2301.00808</a>, for global response normalisation. Weights carry the
 * names of timm's {@code ConvNeXt}.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} channels, {@code H×W} positions of a feature map. Feature maps are
 * {@code [B, C, H, W]}, and lie in memory with the channels last, so that MLPs read them without a copy.
 */
public final class ConvNeXt extends Model {
    private final Root root;
    private final List<Stage> stages;
    private final Layer normPre;
    private final GlobalPool pool;
    private final Layer headNorm;
    private final Layer preLogits;

    public ConvNeXt(ConvNeXtConfig c) {
        super(c);
        root = child("stem", new Root(c));
        var rates = DropPath.linear(c.dropPath(), c.stages().depths());
        stages = children("stages", rates.length, i -> new Stage(c, i, rates[i]));
        int last = c.lastWidth();
        normPre = child(
                "norm_pre",
                c.headLayers().normFirst()
                        ? new LayerNorm2d(last, c.headLayers().normEps())
                        : new Identity());
        pool = child(
                "head.global_pool",
                new GlobalPool(c.head().pool(), !c.headLayers().normFirst()));
        headNorm = child(
                "head.norm",
                c.headLayers().normFirst()
                        ? new Identity()
                        : new LayerNorm2d(last, c.headLayers().normEps()));
        preLogits = child(
                "head.pre_logits",
                c.headLayers().hidden() > 0
                        ? new PreLogits(c.headLinear(last, c.headLayers().hidden()))
                        : new Identity());
        classifier("head.fc", classes -> c.headLinear(c.headWidth(), classes));
    }

    @Override
    public ConvNeXtConfig config() {
        return (ConvNeXtConfig) super.config();
    }

    /**
     * The last feature map, normalised only where that happens before the pool.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @return {@code [B, C', H/32, W/32]} after four stages
     */
    @Override
    protected Tensor features(Tensor images) {
        images.requireDims(4, "a batch of images");
        config().requireSize(images.size(2), images.size(3));
        var x = root.apply(images);
        for (var stage : stages) {
            x = stage.apply(x);
        }
        return normPre.apply(x);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return IntStream.range(0, stages.size())
                .mapToObj(i -> FeatureInfo.square(
                        "stages." + i, config().stages().widths().get(i), config().strideAfter(i)))
                .toList();
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return isLast(info) ? normPre.apply(output) : output;
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return preLogits.apply(headNorm.apply(pool.apply(features)).flatten(1));
    }

    @Override
    public int width() {
        return config().headWidth();
    }

    @Override
    public String firstConv() {
        return "stem.0";
    }

    /** Depths of the blocks; a downsampling layer belongs to the first block after it. */
    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.ofStages(
                        i -> "stages." + i, ".blocks", config().stages().depths())
                .embedding("stem")
                .last("norm_pre");
    }

    /** The convolutions that turn the image into the first feature map, {@code [B, C, H, W] → [B, C', H/4, W/4]}. */
    private static final class Root extends Layer {
        private final Conv2d first;
        private final @Nullable Conv2d second;
        private final Layer norm;
        private final @Nullable Activation between;

        Root(ConvNeXtConfig c) {
            int out = c.stages().widths().get(0);
            boolean activated = c.stem().type() == StemType.OVERLAP_ACT;
            int next = c.stem().type() == StemType.PATCH ? 1 : activated ? 3 : 2;
            if (c.stem().type() == StemType.PATCH) {
                first = child(
                        "0",
                        c.conv(c.channels(), out, c.stem().patch(), c.stem().patch(), 0, 1));
                second = null;
            } else {
                int middle = c.stem().type() == StemType.OVERLAP_TIERED ? Sizes.channels(out / 2) : out;
                first = child("0", c.conv(c.channels(), middle, 3, 2, 1, 1));
                second = child(activated ? "2" : "1", c.conv(middle, out, 3, 2, 1, 1));
            }
            between = activated ? c.blocks().activation() : null;
            norm = child(
                    String.valueOf(next),
                    c.stem().norm() ? new LayerNorm2d(out, c.blocks().normEps()) : new Identity());
        }

        @Override
        protected Tensor forward(Tensor images) {
            var x = first.apply(images.channelsLast());
            if (second != null) {
                x = second.apply(between == null ? x : between.applyInPlace(x));
            }
            return norm.apply(x);
        }
    }

    /** A stage: a layer that halves the sides or changes the width where needed, then blocks of one width. */
    private static final class Stage extends Layer {
        private final Layer downsample;
        private final List<Block> blocks;

        /** @param dropPaths rates of the stage's blocks */
        Stage(ConvNeXtConfig c, int stage, double[] dropPaths) {
            int in = c.stages().widths().get(Math.max(0, stage - 1)),
                    out = c.stages().widths().get(stage),
                    stride = c.stride(stage);
            downsample =
                    child("downsample", stride > 1 || in != out ? new Downsample(c, in, out, stride) : new Identity());
            blocks = children(
                    "blocks",
                    c.stages().depths().get(stage),
                    i -> new Block(c, out, c.stages().kernels().get(stage), dropPaths[i]));
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

        Downsample(ConvNeXtConfig c, int in, int out, int stride) {
            norm = child("0", new LayerNorm2d(in, c.blocks().normEps()));
            conv = child("1", c.conv(in, out, stride, stride, 0, 1));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return conv.apply(norm.apply(x));
        }
    }

    /** A depthwise convolution and a MLP beside a shortcut (paper, figure 4), {@code [B, C, H, W] → [B, C, H, W]}. */
    private static final class Block extends Layer {
        private final Conv2d depthwise;
        private final LayerNorm norm;
        private final MLP mlp;
        private final @Nullable Parameter gamma;
        private final DropPath dropPath;

        Block(ConvNeXtConfig c, int width, int kernel, double rate) {
            hookPoint(HookPoint.BLOCK, "");
            gamma = c.blocks().layerScale().isPresent()
                    ? parameter("gamma", Init.constant(c.blocks().layerScale().getAsDouble()), width)
                    : null;
            depthwise = child("conv_dw", c.conv(width, width, kernel, 1, kernel / 2, width));
            norm = child("norm", new LayerNorm(width, c.blocks().normEps()));
            mlp = child("mlp", new MLP(c, width));
            dropPath = child("drop_path", new DropPath(rate));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var y = depthwise.apply(x).permute(0, 2, 3, 1); //                      [B, H, W, C]
            y = mlp.apply(norm.apply(y));
            if (gamma != null) {
                y = LayerScale.scaleInPlace(y, gamma);
            }
            return Residual.addInPlace(x, dropPath.apply(y.permute(0, 3, 1, 2))); //       [B, C, H, W]
        }
    }

    /** Four times as many channels and back, {@code [B, H, W, C] → [B, H, W, C]}. */
    private static final class MLP extends Layer {
        private static final int RATIO = 4;

        private final Pointwise up;
        private final Activation activation;
        private final @Nullable GlobalResponseNorm responseNorm;
        private final Pointwise down;

        MLP(ConvNeXtConfig c, int width) {
            up = child(
                    "fc1", new Pointwise(width, (long) RATIO * width, c.blocks().convolvedMlp()));
            activation = c.blocks().activation();
            responseNorm =
                    c.blocks().responseNorm() ? child("grn", new GlobalResponseNorm((long) RATIO * width)) : null;
            down = child(
                    "fc2", new Pointwise((long) RATIO * width, width, c.blocks().convolvedMlp()));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var hidden = activation.applyInPlace(up.apply(x));
            return down.apply(responseNorm == null ? hidden : responseNorm.applyInPlace(hidden));
        }
    }

    /** The hidden layer of a head that is a MLP, {@code [B, D] → [B, hidden]}. */
    private static final class PreLogits extends Layer {
        private final Linear linear;

        PreLogits(Linear linear) {
            this.linear = child("fc", linear);
        }

        @Override
        protected Tensor forward(Tensor x) {
            return Activation.GELU.applyInPlace(linear.apply(x));
        }
    }
}
