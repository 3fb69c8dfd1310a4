package dev.vitrail.nn;

import dev.vitrail.engine.Tensor;

/**
 * A linear layer over the last dimension, {@code […, in] → […, out]}, whose weight may be stored as that of a 1×1
 * convolution: the two are the same.
 */
public final class Pointwise extends Layer {
    private final long in;
    private final long out;
    private final Parameter weight;
    private final Parameter bias;

    /**
     * @param asConvolution whether the weight is stored as {@code [out, in, 1, 1]} instead of {@code [out, in]}
     */
    public Pointwise(long in, long out, boolean asConvolution) {
        this.in = in;
        this.out = out;
        var shape = asConvolution ? new long[] {out, in, 1, 1} : new long[] {out, in};
        weight = parameter("weight", Init.truncatedNormal(0.02), shape);
        bias = parameter("bias", Init.zeros(), out);
    }

    @Override
    protected Tensor forward(Tensor x) {
        return weight.linear(x, in, out, bias);
    }
}
