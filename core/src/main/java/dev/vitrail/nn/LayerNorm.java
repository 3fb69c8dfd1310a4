package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;

/** Layer normalisation over the last dimension (Ba et al., 2016, arXiv:1607.06450). */
public final class LayerNorm extends Layer {
    private final Parameter weight;
    private final Parameter bias;
    private final double eps;

    public LayerNorm(long width, double eps) {
        this(width, eps, Init.ones());
    }

    /**
     * @param weights initial values of the factors, usually 1
     */
    public LayerNorm(long width, double eps, Init weights) {
        weight = parameter("weight", weights, width);
        bias = parameter("bias", Init.zeros(), width);
        this.eps = eps;
    }

    @Override
    protected Tensor forward(Tensor x) {
        return Functional.layerNorm(x, weight.value(), bias.value(), eps);
    }
}
