package dev.vitrail.images.augment;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.images.RgbImage;
import java.util.random.RandomGenerator;

/**
 * Brightness, contrast, saturation and hue by chance, in an order by chance: torchvision's {@code ColorJitter}.
 *
 * <p>The factors of the first three are drawn from {@code 1 − x} (but at least 0) to {@code 1 + x}, see
 * {@link Enhance}; the hue is turned by {@code −hue} to {@code hue} of the circle. What is 0 is left alone.
 *
 * @param brightness as {@code x}
 * @param contrast as {@code x}
 * @param saturation as {@code x}
 * @param hue from 0 to 0.5
 * @param probability that an image is changed at all
 */
public record ColorJitter(double brightness, double contrast, double saturation, double hue, double probability)
        implements ImageTransform {
    public ColorJitter {
        require(
                brightness >= 0 && contrast >= 0 && saturation >= 0,
                "Colour jitter needs strengths of 0 or more, usually 0.3 or 0.4, found brightness %s, contrast %s and"
                        + " saturation %s.",
                brightness,
                contrast,
                saturation);
        require(hue >= 0 && hue <= 0.5, "A hue is turned by 0 to 0.5 of the circle, found %s.", hue);
        require(
                probability >= 0 && probability <= 1,
                "The probability of colour jitter lies between 0 and 1, found %s.",
                probability);
    }

    /**
     * Jitter of one strength for brightness, contrast and saturation, for every image, with the hue left alone: timm's
     * {@code --color-jitter}.
     */
    public static ColorJitter of(double strength) {
        return new ColorJitter(strength, strength, strength, 0, 1);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        if (probability < 1 && random.nextDouble() >= probability) {
            return image;
        }
        int[] order = {0, 1, 2, 3};
        for (int i = 3; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        var result = image;
        for (int which : order) {
            result = switch (which) {
                case 0 -> brightness == 0 ? result : Enhance.brightness(result, factor(brightness, random));
                case 1 -> contrast == 0 ? result : Enhance.contrast(result, factor(contrast, random));
                case 2 -> saturation == 0 ? result : Enhance.color(result, factor(saturation, random));
                default -> hue == 0 ? result : Hue.shifted(result, hue * (2 * random.nextDouble() - 1));
            };
        }
        return result;
    }

    private static double factor(double strength, RandomGenerator random) {
        double low = Math.max(0, 1 - strength);
        return low + (1 + strength - low) * random.nextDouble();
    }
}
