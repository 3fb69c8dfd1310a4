package dev.vitrail.nn;

import dev.vitrail.engine.Tensor;

/**
 * A MLP whose hidden layer is gated, {@code down(silu(a) · b)} with {@code [a, b] = up(x)} (SwiGLU; Shazeer, 2020,
 * arXiv:2002.05202), as DINOv2's giant has it. {@code [B, N, D] → [B, N, D]}.
 */
public final class GatedMlp extends Layer {
    private final Linear up;
    private final Linear down;

    /**
     * @param hidden outputs of the first layer, gates and values together
     */
    public GatedMlp(long width, long hidden) {
        up = child("fc1", new Linear(width, hidden));
        down = child("fc2", new Linear(hidden / 2, width));
    }

    @Override
    protected Tensor forward(Tensor x) {
        var halves = up.apply(x).chunk(2, -1);
        return down.apply(Activation.SILU.applyInPlace(halves.get(0)).times(halves.get(1)));
    }
}
