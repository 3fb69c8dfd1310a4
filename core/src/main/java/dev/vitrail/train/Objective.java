package dev.vitrail.train;

/** Training objective. */
public enum Objective {
    /** The labels of images. */
    CLASSIFY,
    /**
     * The mean colours of patches that are hidden from it, which needs no labels ({@link
     * dev.vitrail.models.MaskedPatches}). What the run saves is the model without a classifier, to be fine-tuned.
     */
    MASKED_PATCHES
}
