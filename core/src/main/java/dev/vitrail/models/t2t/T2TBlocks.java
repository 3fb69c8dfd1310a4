package dev.vitrail.models.t2t;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Residual;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The backbones that T2T-ViT borrows from convolutional networks (Yuan et al., 2021, arXiv:2101.11986, section 3.2 and
 * appendix): channel attention, dense connections and Ghost features. Wide and ResNeXt-like backbones are plain blocks
 * of other widths and head counts.
 *
 * <p>Shapes: {@code B} images, {@code N} tokens with the class token, {@code D} channels of a block's input.
 */
final class T2TBlocks {
    private T2TBlocks() {}

    /** The modules {@code blocks.0, blocks.1, …} of a backbone, in order. */
    static List<Layer> of(T2TViTConfig c) {
        if (c.backbone().type() == T2TViTConfig.BackboneType.DENSE) {
            return dense(c);
        }
        var blocks = new ArrayList<Layer>();
        for (double dropPath : DropPath.linear(c.dropPath(), c.backbone().depth())) {
            blocks.add(new Block(c, c.backbone().width(), dropPath));
        }
        return blocks;
    }

    /** Channels after each of the modules that {@link #of} makes. */
    static List<Integer> widths(T2TViTConfig c) {
        if (c.backbone().type() != T2TViTConfig.BackboneType.DENSE) {
            return Collections.nCopies(c.backbone().depth(), c.backbone().width());
        }
        var widths = new ArrayList<Integer>();
        int width = c.backbone().width();
        for (int stage = 0; stage < c.backbone().stages().size(); stage++) {
            if (stage > 0) {
                width /= 2;
                widths.add(width);
            }
            for (int i = 0; i < c.backbone().stages().get(stage); i++) {
                width += c.backbone().growth();
                widths.add(width);
            }
        }
        return widths;
    }

    /** Blocks that each add channels, in stages; between the stages a transition halves the channels. */
    private static List<Layer> dense(T2TViTConfig c) {
        var blocks = new ArrayList<Layer>();
        // As in the original, stage i takes the i-th of the rates for `depth` blocks: the deepest stage drops little.
        var dropPaths = DropPath.linear(
                c.dropPath(),
                Math.max(c.backbone().depth(), c.backbone().stages().size()));
        int width = c.backbone().width();
        for (int stage = 0; stage < c.backbone().stages().size(); stage++) {
            if (stage > 0) {
                blocks.add(new Transition(width, width / 2));
                width /= 2;
            }
            for (int i = 0; i < c.backbone().stages().get(stage); i++) {
                blocks.add(new Block(c, width, dropPaths[stage]));
                width += c.backbone().growth();
            }
        }
        return blocks;
    }

    /**
     * A pre-norm encoder block, {@code [B, N, D] → [B, N, D]}. In the dense backbone its output is narrowed
     * and appended to its input instead, {@code [B, N, D] → [B, N, D + growth]} (Huang et al., DenseNet,
     * 2017, arXiv:1608.06993).
     */
    static final class Block extends Layer {
        private final LayerNorm norm1;
        private final Layer attention;
        private final @Nullable SqueezeExcitation squeeze;
        private final Dropout dropout;
        private final DropPath dropPath;
        private final LayerNorm norm2;
        private final Layer mlp;
        private final @Nullable Linear growth;

        Block(T2TViTConfig c, int width, double dropPath) {
            hookPoint(HookPoint.BLOCK, "");
            boolean ghost = c.backbone().type() == T2TViTConfig.BackboneType.GHOST;
            boolean squeezed = c.backbone().type() == T2TViTConfig.BackboneType.SE;
            norm1 = child("norm1", new LayerNorm(width, T2TViT.EPS));
            attention = child("attn", ghost ? new GhostAttention(c) : attention(c, width));
            squeeze = squeezed ? child("attn.se_layer", new SqueezeExcitation(width)) : null;
            dropout = new Dropout(c.dropout());
            child("attn_dropout", dropout);
            this.dropPath = child("drop_path", new DropPath(dropPath));
            norm2 = child("norm2", new LayerNorm(width, T2TViT.EPS));
            int hidden = (int) (width * c.backbone().mlpRatio());
            mlp = child("mlp", ghost ? new GhostMlp(c) : new Mlp(width, hidden, Activation.GELU, c.dropout()));
            growth = c.backbone().type() == T2TViTConfig.BackboneType.DENSE
                    ? child("dense_linear", new Linear(width, c.backbone().growth()))
                    : null;
        }

        private static Attention attention(T2TViTConfig c, int width) {
            var init = Init.truncatedNormal(0.02);
            // The projection's dropout is the block's, because channel attention comes before it.
            return new Attention(new Attention.Config(
                    width,
                    c.backbone().heads(),
                    c.backbone().qkvBias(),
                    null,
                    c.backbone().scale(width),
                    c.attentionDropout(),
                    0,
                    init,
                    init));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var y = Residual.addInPlace(x, dropPath.apply(dropout.apply(squeezed(attention.apply(norm1.apply(x))))));
            y = Residual.addInPlace(y, dropPath.apply(mlp.apply(norm2.apply(y))));
            return growth == null ? y : Tensor.cat(2, x, growth.apply(y));
        }

        private Tensor squeezed(Tensor x) {
            return squeeze == null ? x : squeeze.apply(x);
        }

        /** Returns whether {@link #applyToFirst} gives what {@link #apply} would. */
        boolean mayStopAtFirst() {
            return attention instanceof Attention && squeeze == null && growth == null;
        }

        /** The block's result for the first {@code count} tokens alone, {@code [B, count, D]}. */
        Tensor applyToFirst(Tensor x, long count) {
            return framed(() -> {
                var y = Residual.addInPlace(
                        x.narrow(1, 0, count), ((Attention) attention).applyToFirst(norm1.apply(x), count));
                return Residual.addInPlace(y, mlp.apply(norm2.apply(y)));
            });
        }
    }

    /**
     * Channel attention: each channel is scaled by a factor that follows from all channels' means over the tokens (Hu
     * et al., 2018, arXiv:1709.01507), {@code [B, N, D] → [B, N, D]}.
     */
    private static final class SqueezeExcitation extends Layer {
        private final Linear squeeze;
        private final Linear excite;

        SqueezeExcitation(int width) {
            squeeze = child("fc.0", new Linear(width, width / T2TViT.SQUEEZE, false));
            excite = child("fc.2", new Linear(width / T2TViT.SQUEEZE, width, false));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var hidden = Activation.RELU.applyInPlace(squeeze.apply(x.mean(false, 1))); //     [B, D/16]
            var factors = Functional.sigmoid(excite.apply(hidden)).unsqueeze(1); //          [B, 1, D]
            return x.times(factors);
        }
    }

    /** Narrows the tokens between two stages of the dense backbone, {@code [B, N, D] → [B, N, D/2]}. */
    private static final class Transition extends Layer {
        private final Linear linear;

        Transition(int in, int out) {
            hookPoint(HookPoint.BLOCK, "");
            linear = child("linear", new Linear(in, out));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return Activation.GELU.applyInPlace(linear.apply(x));
        }
    }

    /** Features made from others by one factor each (Han et al., GhostNet, 2020, arXiv:1911.11907). */
    private static final class CheapOperation extends Layer {
        private final Parameter weight;

        CheapOperation(int width) {
            weight = parameter("weight", Init.fanInUniform(1), width, 1, 1);
        }

        @Override
        protected Tensor forward(Tensor x) {
            return Functional.scaleChannels(x, weight.value());
        }
    }

    /** Attention whose queries, keys and values are half projected, half made from that half by cheap operations. */
    private static final class GhostAttention extends Layer {
        private static final List<String> PARTS = List.of("q", "k", "v");

        private final long heads;
        private final double scale;
        private final double attentionDropout;
        private final List<Linear> projections = new ArrayList<>();
        private final List<CheapOperation> cheap = new ArrayList<>();
        private final Linear out;

        GhostAttention(T2TViTConfig c) {
            hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
            heads = c.backbone().heads();
            scale = c.backbone().scale(c.backbone().width());
            attentionDropout = c.attentionDropout();
            int half = c.backbone().width() / 2;
            for (var part : PARTS) {
                projections.add(child(
                        part,
                        new Linear(c.backbone().width(), half, c.backbone().qkvBias())));
            }
            for (var part : PARTS) {
                cheap.add(child("cheap_operation_" + part, new CheapOperation(half)));
            }
            out = child("proj", new Linear(c.backbone().width(), c.backbone().width()));
        }

        @Override
        protected Tensor forward(Tensor x) {
            long B = x.size(0), N = x.size(1), D = x.size(2);
            var y = Attention.attention(
                    this, part(0, x), part(1, x), part(2, x), null, training() ? attentionDropout : 0, scale);
            return out.apply(y.transpose(1, 2).reshape(B, N, D));
        }

        /** Queries, keys or values, {@code [B, N, D] → [B, h, N, d]}. */
        private Tensor part(int i, Tensor x) {
            var half = projections.get(i).apply(x); //                                    [B, N, D/2]
            return Tensor.cat(2, half, cheap.get(i).apply(half))
                    .reshape(x.size(0), x.size(1), heads, x.size(2) / heads)
                    .transpose(1, 2);
        }
    }

    /** A MLP of which a third of the hidden channels is computed, and the others follow by cheap operations. */
    private static final class GhostMlp extends Layer {
        private final Linear up;
        private final Linear down;
        private final Dropout dropout;
        private final CheapOperation second;
        private final CheapOperation third;

        GhostMlp(T2TViTConfig c) {
            up = child("fc1", new Linear(c.backbone().width(), c.backbone().width()));
            down = child(
                    "fc2",
                    new Linear(
                            T2TViT.GHOST_RATIO * c.backbone().width(),
                            c.backbone().width()));
            dropout = child("drop", new Dropout(c.dropout()));
            second = child("cheap_operation2", new CheapOperation(c.backbone().width()));
            third = child("cheap_operation3", new CheapOperation(c.backbone().width()));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var first = Activation.GELU.applyInPlace(up.apply(x));
            var hidden = Tensor.cat(
                    2,
                    first,
                    Activation.GELU.applyInPlace(second.apply(first)),
                    Activation.GELU.applyInPlace(third.apply(first))); //                      [B, N, 3·D]
            return dropout.apply(down.apply(dropout.apply(hidden)));
        }
    }
}
