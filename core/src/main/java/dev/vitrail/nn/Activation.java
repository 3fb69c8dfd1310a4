package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;

/** The non-linearities of the papers. */
public enum Activation {
    /** {@code x·Φ(x)} with the exact error function. */
    GELU,
    /** GELU by its tanh approximation. */
    GELU_TANH,
    /** {@code x·sigmoid(1.702·x)}, as OpenAI's CLIP has it. */
    QUICK_GELU,
    RELU,
    /** {@code x·sigmoid(x)}. */
    SILU;

    /**
     * Applies the function. While no gradient is recorded the result may be written over {@code x}, which saves a pass
     * through memory; so {@code x} must be the caller's own and is given up.
     */
    public Tensor applyInPlace(Tensor x) {
        boolean keep = Gradients.recorded();
        return switch (this) {
            case GELU -> keep ? Functional.gelu(x) : Functional.geluInPlace(x);
            case GELU_TANH -> keep ? Functional.geluTanh(x) : Functional.geluTanhInPlace(x);
            case QUICK_GELU -> x.times(Functional.sigmoid(x.times(1.702)));
            case RELU -> keep ? Functional.relu(x) : Functional.reluInPlace(x);
            case SILU -> Functional.silu(x);
        };
    }
}
