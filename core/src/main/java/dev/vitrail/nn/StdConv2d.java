package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;

/**
 * A convolution whose weights are standardised, output channel by output channel, before every use (Qiao et al.,
 * <i>Weight Standardization</i>, 2019, arXiv:1903.10520), {@code [B, in, H, W] → [B, out, H', W']}.
 *
 * <p>The standardisation runs through batch normalisation of the weights as timm does it, so that results agree to
 * the last digits.
 */
public final class StdConv2d extends Layer {
    private final Conv2d.Shape shape;
    private final boolean same;
    private final double eps;
    private final Parameter weight;

    /**
     * @param shape of a square kernel without bias
     * @param same whether the input is padded as TensorFlow's "SAME" does it, instead of by the shape's padding
     * @param eps added to the variance of a channel's weights
     */
    public StdConv2d(Conv2d.Shape shape, boolean same, double eps, Init weights) {
        this.shape = shape;
        this.same = same;
        this.eps = eps;
        weight = parameter(
                "weight", weights, shape.out(), shape.in() / shape.groups(), shape.kernel()[0], shape.kernel()[1]);
    }

    /** The kernel as it is applied, standardised, {@code [out, in, kh, kw]}. */
    public Tensor kernel() {
        return Functional.batchNorm(weight.value().reshape(1, shape.out(), -1), null, null, null, null, true, 0, eps)
                .reshape(weight.shape());
    }

    @Override
    protected Tensor forward(Tensor x) {
        var standardised = kernel();
        long kernel = shape.kernel()[0], stride = shape.stride()[0];
        if (!same || (stride == 1 && kernel % 2 == 1)) { // an odd kernel of stride 1 pads alike on all sides
            return Functional.conv2d(x, standardised, null, shape.stride(), shape.padding(), shape.groups());
        }
        return Functional.conv2d(
                SamePadding.pad(x, kernel, stride, 0),
                standardised,
                null,
                shape.stride(),
                new long[] {0, 0},
                shape.groups());
    }
}
