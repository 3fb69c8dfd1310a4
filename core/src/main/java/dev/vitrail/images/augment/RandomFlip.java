package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Canvas;
import dev.vitrail.images.RgbImage;
import java.util.random.RandomGenerator;

/**
 * Mirrors an image by chance.
 *
 * @param horizontal the probability of swapping left and right
 * @param vertical the probability of swapping top and bottom
 */
public record RandomFlip(double horizontal, double vertical) implements ImageTransform {
    public RandomFlip {
        VitrailException.require(
                horizontal >= 0 && horizontal <= 1 && vertical >= 0 && vertical <= 1,
                "The probabilities of a flip lie between 0 and 1, found %s and %s.",
                horizontal,
                vertical);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        boolean horizontally = horizontal > 0 && random.nextDouble() < horizontal;
        boolean vertically = vertical > 0 && random.nextDouble() < vertical;
        return horizontally || vertically ? Canvas.flipped(image, horizontally, vertically) : image;
    }
}
