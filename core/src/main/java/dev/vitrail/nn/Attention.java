package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Multi-head self-attention with one joint projection to queries, keys and values (Dosovitskiy et al., 2021,
 * arXiv:2010.11929, appendix A, eq. 5–8).
 *
 * <p>Shapes: {@code B} images, {@code N} tokens of {@code D} channels, {@code h} heads of {@code d = D/h} channels.
 */
public final class Attention extends Layer {
    /**
     * The numbers of an attention layer.
     *
     * @param width D, channels of every token
     * @param heads h; divides D
     * @param qkvBias whether queries, keys and values have biases
     * @param qkNormEps eps of a layer normalisation of each head's queries and keys; null for none
     * @param scale factor of {@code q·kᵀ}, usually 1/√d
     * @param attentionDropout probability that a weight is dropped
     * @param projectionDropout probability that an output is dropped
     * @param qkvInit initial values of the joint projection
     * @param outInit initial values of the output projection
     */
    public record Config(
            long width,
            long heads,
            boolean qkvBias,
            @Nullable Double qkNormEps,
            double scale,
            double attentionDropout,
            double projectionDropout,
            Init qkvInit,
            Init outInit) {
        public static Config of(long width, long heads) {
            return new Config(
                    width,
                    heads,
                    true,
                    null,
                    1 / Math.sqrt((double) width / heads),
                    0,
                    0,
                    Init.truncatedNormal(0.02),
                    Init.truncatedNormal(0.02));
        }
    }

    /** Name of the attention weights below their layer, as of the originals' dropout module after the softmax. */
    public static final String WEIGHTS = "attn_drop";

    private final Config config;
    private final Linear qkv;
    private final @Nullable LayerNorm qNorm;
    private final @Nullable LayerNorm kNorm;
    private final Linear out;
    private final Dropout dropout;

    public Attention(Config config) {
        this.config = config;
        hookPoint(HookPoint.ATTENTION, WEIGHTS);
        qkv = child("qkv", new Linear(config.width, 3 * config.width, config.qkvBias, config.qkvInit, Init.zeros()));
        long d = config.width / config.heads;
        qNorm = config.qkNormEps == null ? null : child("q_norm", new LayerNorm(d, config.qkNormEps));
        kNorm = config.qkNormEps == null ? null : child("k_norm", new LayerNorm(d, config.qkNormEps));
        out = child("proj", new Linear(config.width, config.width, true, config.outInit, Init.zeros()));
        dropout = child("proj_drop", new Dropout(config.projectionDropout));
    }

    @Override
    protected Tensor forward(Tensor x) {
        long B = x.size(0), N = x.size(1), h = config.heads, d = config.width / h;
        var parts = qkv.apply(x).reshape(B, N, 3, h, d).permute(2, 0, 3, 1, 4).unbind(0); // q, k, v: [B, h, N, d]
        var y = attend(normed(qNorm, parts.get(0)), normed(kNorm, parts.get(1)), parts.get(2)); //  [B, h, N, d]
        return dropout.apply(out.apply(y.transpose(1, 2).reshape(B, N, h * d)));
    }

    /**
     * Attention whose queries are the first {@code count} tokens alone: what remains of it when nothing else is read.
     *
     * @return {@code [B, count, D]}, equal to the first tokens of {@link #apply}
     */
    public Tensor applyToFirst(Tensor x, long count) {
        return framed(() -> {
            long B = x.size(0), N = x.size(1), h = config.heads, d = config.width / h;
            var q = qkv.rows(x.narrow(1, 0, count).contiguous(), 0, h * d)
                    .reshape(B, count, h, d)
                    .transpose(1, 2);
            var kv = qkv.rows(x, h * d, 2 * h * d)
                    .reshape(B, N, 2, h, d)
                    .permute(2, 0, 3, 1, 4)
                    .unbind(0);
            var y = attend(normed(qNorm, q), normed(kNorm, kv.get(0)), kv.get(1));
            return dropout.apply(out.apply(y.transpose(1, 2).reshape(B, count, h * d)));
        });
    }

    private static Tensor normed(@Nullable LayerNorm norm, Tensor x) {
        return norm == null ? x : norm.apply(x);
    }

    private Tensor attend(Tensor q, Tensor k, Tensor v) {
        return attention(this, q, k, v, null, training() ? config.attentionDropout : 0, config.scale);
    }

    /**
     * {@code softmax(scale · q·kᵀ + mask) · v} by the fused kernel; step by step where a {@link ForwardHook} wants the
     * weights of {@code module}, as its part {@link #WEIGHTS}.
     *
     * @param q {@code [B, h, N, d]}
     * @param k {@code [B, h, M, d]}
     * @param v {@code [B, h, M, d]}
     * @param mask added before the softmax, or null
     */
    public static Tensor attention(
            Module module, Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, double dropout, double scale) {
        return attention(module, WEIGHTS, q, k, v, mask, dropout, scale);
    }

    /** {@code softmax(scale · q·kᵀ + mask) · v} where the original calls the weights by another name, {@code part}. */
    public static Tensor attention(
            Module module,
            String part,
            Tensor q,
            Tensor k,
            Tensor v,
            @Nullable Tensor mask,
            double dropout,
            double scale) {
        if (!ForwardHook.wants(module, part)) {
            return Functional.attention(q, k, v, mask, dropout, scale);
        }
        var weights = Functional.attentionWeights(q, k, mask, scale);
        weights = dropout > 0 ? Functional.dropout(weights, dropout) : weights;
        ForwardHook.record(module, part, weights);
        return weights.matmul(v);
    }
}
