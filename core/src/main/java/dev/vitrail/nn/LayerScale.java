package dev.vitrail.nn;

import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;

/**
 * Scales each channel of a residual branch by a trained factor that starts small (Touvron et al., CaiT, 2021,
 * arXiv:2103.17239, section 2).
 *
 * <p>While no gradient is recorded the product is written over the input, which is given up.
 */
public final class LayerScale extends Layer {
    private final Parameter gamma;

    public LayerScale(long width, double first) {
        gamma = parameter("gamma", Init.constant(first), width);
    }

    @Override
    protected Tensor forward(Tensor x) {
        return scaled(x, gamma);
    }

    /** The same where the factors are a parameter of the block itself: {@code branch} times {@code gamma}. */
    public static Tensor scaled(Tensor branch, Parameter gamma) {
        return Gradients.recorded() ? branch.times(gamma.value()) : branch.timesInPlace(gamma.value());
    }
}
