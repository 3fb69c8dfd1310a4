package dev.vitrail.nn;

import dev.vitrail.engine.Tensor;

/** A module with one tensor in and one out. */
public abstract class Layer extends Module {
    /** The mathematics: no closing, no logging, no device handling. */
    protected abstract Tensor forward(Tensor x);

    /** Runs {@link #forward} in a native-memory frame of its own: intermediate results die on return. */
    public final Tensor apply(Tensor x) {
        return framed(x, this::forward);
    }
}
