package dev.vitrail.nn;

import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;

/**
 * Global response normalisation: channels compete by the length of their feature maps (Woo et al., ConvNeXt V2, 2023,
 * arXiv:2301.00808, section 4), {@code [B, H, W, C] → [B, H, W, C]}.
 *
 * <p>While no gradient is recorded the result is written over the input, which is given up.
 */
public final class GlobalResponseNorm extends Layer {
    private static final double EPS = 1e-6;

    private final Parameter weight;
    private final Parameter bias;

    public GlobalResponseNorm(long width) {
        weight = parameter("weight", Init.zeros(), width);
        bias = parameter("bias", Init.zeros(), width);
    }

    @Override
    protected Tensor forward(Tensor x) {
        var lengths = x.norm(true, 1, 2); //                                    [B, 1, 1, C], eq. 1
        var shares = lengths.dividedBy(lengths.mean(true, -1).plus(EPS)); //    eq. 2
        var factors = weight.value().times(shares).plus(1); //                  eq. 3 and the residual connection
        return Gradients.recorded()
                ? bias.value().plus(factors.times(x))
                : x.timesInPlace(factors).plusInPlace(bias.value());
    }
}
