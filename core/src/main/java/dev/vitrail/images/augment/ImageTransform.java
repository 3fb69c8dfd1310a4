package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;
import java.util.random.RandomGenerator;

/**
 * A step of training's augmentation.
 *
 * <p>All chance comes from the generator, so that a sample with its own seed gets the same image whatever the
 * order of work.
 */
@FunctionalInterface
public interface ImageTransform {
    /** Another image, or the same one; never a change in place. */
    RgbImage apply(RgbImage image, RandomGenerator random);

    /** This step, and then another. */
    default ImageTransform then(ImageTransform next) {
        return (image, random) -> next.apply(apply(image, random), random);
    }
}
