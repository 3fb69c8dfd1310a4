package dev.vitrail.nn;

import dev.vitrail.engine.Recomputation;

/** A kind of intermediate result that a {@link ForwardHook} can read by name. */
public enum HookPoint {
    /**
     * A step of the model: a block, in which information flows beside a shortcut. Gradient checkpointing computes it
     * again as a whole in the backward pass, instead of keeping what it made on the way ({@link Recomputation}), where
     * its gradients come through one tensor alone; it must have no lasting effect the second time.
     */
    BLOCK,
    /** Attention weights after the softmax. */
    ATTENTION
}
