package dev.vitrail.models.t2t;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Residual;
import java.util.ArrayList;
import java.util.List;

/**
 * The Tokens-to-Token module of T2T-ViT (Yuan et al., 2021, arXiv:2101.11986, section 3.1): images become tokens in
 * steps, each of which cuts overlapping windows (the soft split), joins the tokens of a window into one, and lets all
 * tokens attend to each other before they are laid out as an image again (the re-structurisation).
 *
 * <p>Shapes: {@code B} images, {@code N} tokens, {@code k×k} pixels or tokens in a window, {@code c} channels of a
 * token between the steps, {@code m} random features, {@code D} channels of the backbone.
 */
final class TokensToToken extends Layer {
    private final T2TViTConfig config;
    private final List<Layer> attentions;
    private final Linear projection;

    TokensToToken(T2TViTConfig c) {
        config = c;
        attentions = new ArrayList<>();
        int channels = c.channels();
        for (int i = 0; i < c.tokens().splits().size() - 1; i++) {
            int joined = channels * c.tokens().splits().get(i).window();
            attentions.add(child("attention" + (i + 1), attention(c, joined)));
            channels = c.tokens().width();
        }
        int joined = channels
                * c.tokens().splits().get(c.tokens().splits().size() - 1).window();
        projection = child("project", new Linear(joined, c.backbone().width()));
    }

    private static Layer attention(T2TViTConfig c, int joined) {
        return switch (c.tokens().attention()) {
            case TRANSFORMER -> new TokenTransformer(joined, c.tokens().width());
            case PERFORMER ->
                new TokenPerformer(joined, c.tokens().width(), c.tokens().dropout());
        };
    }

    /** Images {@code [B, C, H, W]} → tokens {@code [B, N, D]}. */
    @Override
    protected Tensor forward(Tensor images) {
        config.image().requireSize(images);
        var splits = config.tokens().splits();
        var x = splits.get(0).cut(images); //                                             [B, N₁, C·k²]
        int rows = config.imageHeight(), columns = config.imageWidth();
        for (int i = 0; i < attentions.size(); i++) {
            rows = splits.get(i).positions(rows);
            columns = splits.get(i).positions(columns);
            x = attentions.get(i).apply(x); //                                           [B, Nᵢ, c]
            x = splits.get(i + 1).cut(x, rows, columns); //                              [B, Nᵢ₊₁, c·k²]
        }
        return projection.apply(x);
    }

    /**
     * A transformer layer that narrows its tokens, {@code [B, N, in] → [B, N, c]}. As input and output differ in width,
     * the residual connection around attention starts from the values.
     */
    static final class TokenTransformer extends Layer {
        private final LayerNorm norm1;
        private final NarrowingAttention attention;
        private final LayerNorm norm2;
        private final Mlp mlp;

        TokenTransformer(int in, int width) {
            hookPoint(HookPoint.BLOCK, "");
            norm1 = child("norm1", new LayerNorm(in, T2TViT.EPS));
            attention = child("attn", new NarrowingAttention(in, width));
            norm2 = child("norm2", new LayerNorm(width, T2TViT.EPS));
            mlp = child("mlp", new Mlp(width, width, Activation.GELU, 0));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = attention.apply(norm1.apply(x));
            return Residual.addInPlace(x, mlp.apply(norm2.apply(x)));
        }
    }

    /** Single-headed attention with its residual connection from the values. */
    private static final class NarrowingAttention extends Layer {
        private final double scale;
        private final Linear qkv;
        private final Linear out;

        NarrowingAttention(int in, int width) {
            hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
            // The original scales by the width of the joined tokens, although queries are narrower.
            scale = 1 / Math.sqrt(in);
            qkv = child("qkv", new Linear(in, 3L * width, false));
            out = child("proj", new Linear(width, width));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var parts = qkv.apply(x).unsqueeze(1).chunk(3, -1); //                        q, k, v: [B, 1, N, c]
            var v = parts.get(2);
            var y = Attention.attention(this, parts.get(0), parts.get(1), v, null, 0, scale)
                    .squeeze(1);
            return Residual.addInPlace(v.squeeze(1), out.apply(y));
        }
    }

    /**
     * A {@link TokenTransformer} with Performer's attention, whose cost grows with N instead of N² (Choromanski et al.,
     * 2021, arXiv:2009.14794): {@code softmax(q·kᵀ)·v} is estimated by random features {@code φ} with {@code φ(q)·φ(k)
     * ≈ exp(q·k)}.
     */
    static final class TokenPerformer extends Layer {
        /** Keeps the division finite. */
        private static final double EPSILON = 1e-8;

        private final int width;
        private final int features;
        private final Parameter directions;
        private final Linear kqv;
        private final Linear out;
        private final Dropout dropout;
        private final LayerNorm norm1;
        private final LayerNorm norm2;
        private final Linear up;
        private final Linear down;
        private final Dropout mlpDropout;

        /** @param dropout probability after both projections back to tokens; 0.1 in the original */
        TokenPerformer(int in, int width, double dropout) {
            hookPoint(HookPoint.BLOCK, "");
            this.width = width;
            features = width / 2;
            directions = fixedParameter(
                    "w", values -> fillOrthogonal(values, features, Math.sqrt(features)), features, width);
            kqv = child("kqv", new Linear(in, 3L * width));
            this.dropout = child("dp", new Dropout(dropout));
            out = child("proj", new Linear(width, width));
            norm1 = child("norm1", new LayerNorm(in, T2TViT.EPS));
            norm2 = child("norm2", new LayerNorm(width, T2TViT.EPS));
            up = child("mlp.0", new Linear(width, width));
            down = child("mlp.2", new Linear(width, width));
            mlpDropout = child("mlp.3", new Dropout(dropout));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = attend(norm1.apply(x));
            var hidden = Activation.GELU.applyInPlace(up.apply(norm2.apply(x)));
            return Residual.addInPlace(x, mlpDropout.apply(down.apply(hidden)));
        }

        private Tensor attend(Tensor x) {
            var parts = kqv.apply(x).chunk(3, -1); //                                     k, q, v: [B, N, c]
            var v = parts.get(2);
            var k = randomFeatures(parts.get(0)); //                                      [B, N, m]
            var q = randomFeatures(parts.get(1));
            var total = q.matmul(k.sum(true, 1).transpose(1, 2)); //                      [B, N, 1]
            var y = q.matmul(k.transpose(1, 2).matmul(v)); //                             [B, N, c]
            y = y.dividedBy(total.plus(EPSILON));
            return Residual.addInPlace(v, dropout.apply(out.apply(y)));
        }

        /** {@code exp(w·x − |x|²/2) / √m}, positive whatever the sign of {@code w·x}: {@code [B, N, c] → [B, N, m]}. */
        Tensor randomFeatures(Tensor x) {
            var halfSquare = x.times(x).sum(true, -1).times(0.5); //                      [B, N, 1]
            return Functional.linear(x, directions.value(), null)
                    .minus(halfSquare)
                    .exp()
                    .times(1 / Math.sqrt(features));
        }

        /** Orthogonal rows of that length, uniformly turned: normal samples made orthogonal one after the other. */
        private void fillOrthogonal(Tensor values, int rows, double length) {
            var w = values.normalInPlace(0, 1).toFloats();
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < i; j++) {
                    double overlap = dot(w, i, j) / (length * length);
                    for (int c = 0; c < width; c++) {
                        w[i * width + c] -= (float) (overlap * w[j * width + c]);
                    }
                }
                double scale = length / Math.sqrt(dot(w, i, i));
                for (int c = 0; c < width; c++) {
                    w[i * width + c] *= (float) scale;
                }
            }
            values.copyInPlace(Tensor.of(w, rows, width));
        }

        private double dot(float[] w, int i, int j) {
            double sum = 0;
            for (int c = 0; c < width; c++) {
                sum += (double) w[i * width + c] * w[j * width + c];
            }
            return sum;
        }
    }
}
