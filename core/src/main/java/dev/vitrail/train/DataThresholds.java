package dev.vitrail.train;

/** Amounts of data at which the advice changes: the recipe advisor chooses by them, and the doctor warns by them. */
public final class DataThresholds {
    /** Images below which all layers of a trained model would overfit. */
    public static final int FEW_TO_FINE_TUNE = 500;

    /** Images below which a model with random weights overfits. */
    public static final int FEW_FROM_SCRATCH = 5000;

    /** Side of what counts as a small image or input, pixels. */
    public static final int SMALL_SIDE = 64;

    /** Images in the largest class for one in the smallest from which on classes count as imbalanced. */
    public static final int IMBALANCED = 5;

    private DataThresholds() {}
}
