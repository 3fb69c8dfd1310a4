package dev.vitrail.train;

/** The loss functions that a run can use. */
public enum LossType {
    CROSS_ENTROPY,
    BINARY_CROSS_ENTROPY
}
