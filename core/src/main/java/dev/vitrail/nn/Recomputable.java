package dev.vitrail.nn;

/**
 * Marks a module, usually a block of a chain, that gradient checkpointing computes again as a whole in the backward pass instead of
 * keeping what it made on the way ({@link dev.vitrail.engine.Recomputation}).
 *
 * <p>Its forward pass gets gradients through one tensor alone, and has no lasting effect the second time.
 */
public interface Recomputable {}
