package dev.vitrail.nn;

import dev.vitrail.engine.Tensor;

/**
 * Pools tokens by attention from one trained query, followed by a MLP: the "MAP head" (Zhai et al., 2022,
 * arXiv:2106.04560, as big_vision has it), {@code [B, N, D] → [B, D]}.
 */
public final class AttentionPool extends Layer {
    private final int heads;
    private final long width;
    private final Parameter latent;
    private final Linear q;
    private final Linear kv;
    private final Linear out;
    private final LayerNorm norm;
    private final Mlp mlp;

    public AttentionPool(long width, int heads, long hidden, double eps, Activation activation) {
        this.heads = heads;
        hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
        this.width = width;
        latent = parameter("latent", Init.truncatedNormal(1 / Math.sqrt(width)), 1, 1, width);
        q = child("q", new Linear(width, width));
        kv = child("kv", new Linear(width, 2 * width));
        out = child("proj", new Linear(width, width));
        norm = child("norm", new LayerNorm(width, eps));
        mlp = child("mlp", new Mlp(width, hidden, activation, 0));
    }

    @Override
    protected Tensor forward(Tensor x) {
        long B = x.size(0), N = x.size(1), h = heads, d = width / heads;
        var query =
                q.apply(latent.value().expand(B, 1, width)).reshape(B, 1, h, d).transpose(1, 2); // [B, h, 1, d]
        var pair = kv.apply(x).reshape(B, N, 2, h, d).permute(2, 0, 3, 1, 4).unbind(0); //          2 × [B, h, N, d]
        var y = Attention.attention(this, query, pair.get(0), pair.get(1), null, 0, 1 / Math.sqrt(d));
        y = out.apply(y.transpose(1, 2).reshape(B, 1, width));
        return Residual.addInPlace(y, mlp.apply(norm.apply(y))).select(1, 0); //                            [B, D]
    }
}
