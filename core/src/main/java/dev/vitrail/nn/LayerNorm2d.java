package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;

/** Layer normalisation of feature maps over their channels, {@code [B, C, H, W]}, position by position. */
public final class LayerNorm2d extends Layer {
    private final Parameter weight;
    private final Parameter bias;
    private final double eps;

    public LayerNorm2d(long width, double eps) {
        weight = parameter("weight", Init.ones(), width);
        bias = parameter("bias", Init.zeros(), width);
        this.eps = eps;
    }

    @Override
    protected Tensor forward(Tensor x) {
        return Functional.layerNorm(x.permute(0, 2, 3, 1), weight.value(), bias.value(), eps)
                .permute(0, 3, 1, 2);
    }
}
