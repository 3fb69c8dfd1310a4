package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;

/** While training, zeroes elements with a given probability (Srivastava et al., 2014). */
public final class Dropout extends Layer {
    private final double probability;

    public Dropout(double probability) {
        this.probability = probability;
    }

    @Override
    protected Tensor forward(Tensor x) {
        return training() && probability > 0 ? Functional.dropout(x, probability) : x;
    }
}
