package dev.vitrail.nn;

import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;

/**
 * Scales each channel of a residual branch by a trained factor that starts small (Touvron et al., CaiT, 2021,
 * arXiv:2103.17239, section 2).
 */
public final class LayerScale extends Layer {
    private final Parameter gamma;

    public LayerScale(long width, double first) {
        gamma = parameter("gamma", Init.constant(first), width);
    }

    @Override
    protected Tensor forward(Tensor x) {
        return x.times(gamma.value());
    }

    /**
     * {@link #apply}, written over {@code branch} while no gradient is recorded; so that must be the caller's own and
     * is given up.
     */
    public Tensor applyInPlace(Tensor branch) {
        return ForwardHook.active() ? apply(branch) : scaleInPlace(branch, gamma);
    }

    /**
     * {@code branch} times {@code gamma}, where the factors are a parameter of the block itself. While no gradient is
     * recorded the product is written over {@code branch}, which must be the caller's own and is given up.
     */
    public static Tensor scaleInPlace(Tensor branch, Parameter gamma) {
        return Gradients.recorded() ? branch.times(gamma.value()) : branch.timesInPlace(gamma.value());
    }
}
