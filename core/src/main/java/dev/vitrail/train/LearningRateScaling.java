package dev.vitrail.train;

import dev.vitrail.errors.VitrailException;

/**
 * Scaling of a learning rate from one number of images per step to another.
 *
 * <p>timm takes the root for Adam's relatives and LAMB, and the proportion for SGD, both from a reference of 256
 * images; DeiT, T2T-ViT, CaiT and Swin take the proportion for AdamW, from 512 (DeiT, CaiT, Swin) or 1024.
 */
public enum LearningRateScaling {
    /** Scaling in proportion to the images (Goyal et al., 2017, arXiv:1706.02677). */
    LINEAR {
        @Override
        double factor(double ratio) {
            return ratio;
        }
    },
    /**
     * Scaling with the square root of the images, by which the noise of a gradient falls (Krizhevsky, 2014,
     * arXiv:1404.5997).
     */
    SQUARE_ROOT {
        @Override
        double factor(double ratio) {
            return Math.sqrt(ratio);
        }
    };

    abstract double factor(double ratio);

    /**
     * The learning rate to use.
     *
     * @param base the rate for {@code reference} images in an update
     * @param batch images in a step
     * @param accumulation steps whose gradients are added up in an update
     */
    public double rate(double base, long batch, long accumulation, long reference) {
        VitrailException.require(
                base > 0 && batch > 0 && accumulation > 0 && reference > 0,
                "a learning rate of %s for %d images, with %d × %d images in an update, cannot be scaled: all"
                        + " must be positive",
                base,
                reference,
                accumulation,
                batch);
        return base * factor((double) (batch * accumulation) / reference);
    }
}
