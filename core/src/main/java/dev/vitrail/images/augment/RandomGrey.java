package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Canvas;
import dev.vitrail.images.RgbImage;
import java.util.random.RandomGenerator;

/**
 * Takes the colour away by chance: torchvision's {@code RandomGrayscale}.
 *
 * @param probability that an image becomes grey
 */
public record RandomGrey(double probability) implements ImageTransform {
    public RandomGrey {
        VitrailException.require(
                probability >= 0 && probability <= 1,
                "The probability of grey lies between 0 and 1, found %s.",
                probability);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        return random.nextDouble() < probability ? Canvas.grey(image) : image;
    }
}
