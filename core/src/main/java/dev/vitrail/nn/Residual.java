package dev.vitrail.nn;

import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;

/** The sum of a residual connection. */
public final class Residual {
    private Residual() {}

    /**
     * {@code x + branch}. While no gradient is recorded the sum is written over {@code branch}, which is given up,
     * unless mixed precision has made it coarser than {@code x}.
     *
     * @param branch of {@code x}'s shape, and no view of it
     */
    public static Tensor addInPlace(Tensor x, Tensor branch) {
        return Gradients.recorded() || branch.dtype() != x.dtype() ? x.plus(branch) : branch.plusInPlace(x);
    }
}
