package dev.vitrail.nn;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;

/**
 * Global response normalisation: channels compete by the length of their feature maps (Woo et al., ConvNeXt V2, 2023,
 * arXiv:2301.00808, section 4), {@code [B, H, W, C] → [B, H, W, C]}.
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
        var y = x.times(factors(x));
        return Gradients.recorded() ? bias.value().plus(y) : y.plusInPlace(bias.value());
    }

    /**
     * {@link #apply}, written over {@code x} while no gradient is recorded; so that must be the caller's own and
     * is given up.
     */
    public Tensor applyInPlace(Tensor x) {
        return Gradients.recorded() || ForwardHook.active()
                ? apply(x)
                : Frame.of(() -> x.timesInPlace(factors(x)).plusInPlace(bias.value()));
    }

    /** Factors of the channels, {@code [B, 1, 1, C]}. */
    private Tensor factors(Tensor x) {
        var lengths = x.norm(true, 1, 2); //                                    [B, 1, 1, C], eq. 1
        var shares = lengths.dividedBy(lengths.mean(true, -1).plus(EPS)); //    eq. 2
        return weight.value().times(shares).plus(1); //                         eq. 3 and the residual connection
    }
}
