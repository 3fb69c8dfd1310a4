package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.util.random.RandomGenerator;

/**
 * Blurs by chance, by Pillow's Gaussian, as DINO and DeiT-III do; where timm's {@code gaussian_blur_prob} takes
 * torchvision's kernel of 23 pixels instead, the two differ by about a level.
 *
 * @param probability that an image is blurred
 * @param lowest std, in pixels
 * @param highest std, in pixels
 */
public record RandomBlur(double probability, double lowest, double highest) implements ImageTransform {
    public RandomBlur {
        VitrailException.require(
                probability >= 0 && probability <= 1 && lowest >= 0 && lowest <= highest && highest <= 1000,
                "A blur needs a probability from 0 to 1 and stds of 0 ≤ lowest ≤ highest ≤ 1000 pixels, found %s, %s"
                        + " and %s.",
                probability,
                lowest,
                highest);
    }

    /** Stds from 0.1 to 2 pixels. */
    public RandomBlur(double probability) {
        this(probability, 0.1, 2);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        if (random.nextDouble() >= probability) {
            return image;
        }
        return GaussianBlur.apply(image, lowest + (highest - lowest) * random.nextDouble());
    }
}
