package dev.vitrail.train;

/** The optimizers that a run can use. */
public enum OptimizerType {
    ADAMW,
    SGD,
    LAMB,
    LION,
    ADAFACTOR
}
