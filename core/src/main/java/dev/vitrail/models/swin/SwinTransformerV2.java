package dev.vitrail.models.swin;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.swin.SwinTransformer.Windows;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.Constant;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Residual;
import org.jspecify.annotations.Nullable;

/**
 * Changes of version 2 of the {@link SwinTransformer}: blocks that normalize after their branches, attention by
 * cosines, and biases computed from log-spaced coordinates, so that models grow and move to larger windows.
 *
 * <p>Liu et al., <i>Swin Transformer V2: Scaling Up Capacity and Resolution</i>, CVPR 2022, <a
 * href="https://arxiv.org/abs/2111.09883">arXiv:2111.09883</a>; section and equation numbers below are the paper's.
 *
 * <p>Shapes as in {@link SwinTransformer}.
 */
final class SwinTransformerV2 {
    private SwinTransformerV2() {}

    /**
     * A block with normalisations at the end of its residual branches (section 3.2),
     * {@code [B, H, W, C] → [B, H, W, C]}.
     */
    static final class Block extends SwinTransformer.Block {
        private final WindowAttention attention;
        private final LayerNorm norm1;
        private final DropPath dropPath1;
        private final Mlp mlp;
        private final LayerNorm norm2;
        private final DropPath dropPath2;

        Block(SwinConfig c, int stage, double dropPath) {
            int C = c.stages().widthOf(stage);
            attention = child("attn", new WindowAttention(c, stage));
            // Branches that start at zero: each block is the identity at first.
            norm1 = child("norm1", new LayerNorm(C, c.stages().normEps(), Init.zeros()));
            dropPath1 = child("drop_path1", new DropPath(dropPath));
            mlp = child(
                    "mlp",
                    new Mlp(
                            C,
                            c.stages().hiddenOf(stage),
                            c.stages().activation(),
                            c.dropouts().projection()));
            norm2 = child("norm2", new LayerNorm(C, c.stages().normEps(), Init.zeros()));
            dropPath2 = child("drop_path2", new DropPath(dropPath));
        }

        @Override
        Tensor forward(Tensor x, Windows windows) {
            x = Residual.addInPlace(x, dropPath1.apply(norm1.apply(attention.apply(x, windows))));
            return Residual.addInPlace(x, dropPath2.apply(norm2.apply(mlp.apply(x))));
        }
    }

    /** Scaled cosine attention with continuous position bias (eq. 2 and 3), {@code [B, H, W, C] → [B, H, W, C]}. */
    private static final class WindowAttention extends Module {
        /** The least length that a query or key is divided by. */
        private static final double LEAST_NORM = 1e-12;

        private final int heads;
        private final int headWidth;
        private final double dropout;
        private final Parameter logitScale;
        private final @Nullable Parameter qBias;
        private final @Nullable Parameter vBias;
        private final Constant kBias;
        private final PositionBias positionBias;
        private final Parameter qkv;
        private final Linear out;
        private final Dropout outDropout;

        WindowAttention(SwinConfig c, int stage) {
            hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
            int C = c.stages().widthOf(stage);
            heads = c.stages().heads().get(stage);
            headWidth = C / heads;
            dropout = c.dropouts().attention();
            logitScale = parameter("logit_scale", Init.constant(Math.log(10)), heads, 1, 1);
            qBias = c.stages().qkvBias() ? parameter("q_bias", Init.zeros(), C) : null;
            vBias = c.stages().qkvBias() ? parameter("v_bias", Init.zeros(), C) : null;
            kBias = constant(() -> Tensor.zeros(C));
            positionBias = child("cpb_mlp", new PositionBias(c, stage));
            qkv = parameter("qkv.weight", Init.truncatedNormal(0.02), 3L * C, C);
            out = child("proj", new Linear(C, C));
            outDropout = child("proj_drop", new Dropout(c.dropouts().projection()));
        }

        Tensor apply(Tensor x, Windows windows) {
            return framed(() -> {
                long B = x.size(0), H = x.size(1), W = x.size(2);
                var tokens = windows.cut().partition(x); //                             [B·windows, n, C]
                long n = tokens.size(1);
                var parts = Functional.linear(tokens, qkv.value(), bias(x))
                        .reshape(-1, n, 3, heads, headWidth)
                        .permute(2, 0, 3, 1, 4); //                                  [3, B·windows, h, n, d]
                var directions = unit(parts.narrow(0, 0, 2)).unbind(0);
                // The factor 1/τ of eq. 2, at most 100.
                var sharpness = logitScale.value().atMost(Math.log(100)).exp();
                var y = Attention.attention(
                        this,
                        directions.get(0).times(sharpness),
                        directions.get(1),
                        parts.select(0, 2),
                        windows.biases(positionBias.apply(x.device()), B, H, W),
                        training() ? dropout : 0,
                        1);
                y = out.apply(y.transpose(1, 2).reshape(-1, n, (long) heads * headWidth));
                return windows.cut().merge(outDropout.apply(y), H, W);
            });
        }

        private @Nullable Tensor bias(Tensor x) {
            return qBias == null || vBias == null
                    ? null
                    : Tensor.cat(0, qBias.value(), kBias.on(x.device()), vBias.value());
        }

        private static Tensor unit(Tensor x) {
            return x.dividedBy(x.norm(true, -1).atLeast(LEAST_NORM));
        }
    }

    /** Biases of all relative positions from their coordinates by a small MLP (eq. 3), 0 … 16. */
    private static final class PositionBias extends Module {
        private static final int HIDDEN = 512;
        private static final double LARGEST = 16;

        private final Constant coordinates;
        private final Linear up;
        private final Linear down;

        PositionBias(SwinConfig c, int stage) {
            var window = c.windowsOf(stage, false);
            int pretrained = c.windows().pretrained().get(stage);
            coordinates = constant(() -> ShiftedWindows.logCoordinates(window.height(), window.width(), pretrained)
                    .flatten(0, 2));
            up = child("0", new Linear(2, HIDDEN));
            down = child("2", new Linear(HIDDEN, c.stages().heads().get(stage), false));
        }

        /** {@code [(2·height−1)·(2·width−1), h]} for the windows of the configured image size. */
        Tensor apply(Device device) {
            return framed(() -> {
                var scores = down.apply(Activation.RELU.applyInPlace(up.apply(coordinates.on(device))));
                return Functional.sigmoid(scores).times(LARGEST);
            });
        }
    }
}
