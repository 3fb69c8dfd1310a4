package dev.vitrail.nn;

import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Kernels;
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
     * Applies the function. While no gradient is recorded the result may be written over {@code x}, which saves a pass through
     * memory; so {@code x} must be the caller's own and is given up.
     */
    public Tensor consume(Tensor x) {
        boolean keep = Gradients.recorded();
        return switch (this) {
            case GELU -> keep ? Kernels.gelu(x) : Kernels.geluInPlace(x);
            case GELU_TANH -> keep ? Kernels.geluTanh(x) : Kernels.geluTanhInPlace(x);
            case QUICK_GELU -> x.times(Kernels.sigmoid(x.times(1.702)));
            case RELU -> keep ? Kernels.relu(x) : Kernels.reluInPlace(x);
            case SILU -> Kernels.silu(x);
        };
    }
}
