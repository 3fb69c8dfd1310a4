package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Region;
import dev.vitrail.images.Resampler;
import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A crop of random area, shape and place, resized to the input: Inception's augmentation (Szegedy et al., 2015) with
 * torchvision's parameters.
 *
 * <p>Ten times an area is drawn uniformly and a shape log-uniformly; the first crop that fits is taken, and after ten
 * that do not, the middle of the image, as much of it as the range of shapes allows.
 *
 * @param height of the result, in pixels
 * @param width of the result, in pixels
 * @param scale the crop's part of the image's area
 * @param ratio the crop's width divided by its height, in pixels
 * @param interpolations one is drawn for each image
 */
public record RandomResizedCrop(int height, int width, Range scale, Range ratio, List<Interpolation> interpolations)
        implements ImageTransform {
    /** Scale from 8 % of the area to all of it. */
    public static final Range DEFAULT_SCALE = new Range(0.08, 1);

    /** Aspect ratio from 3:4 to 4:3. */
    public static final Range DEFAULT_RATIO = new Range(3.0 / 4, 4.0 / 3);

    /** timm's choice for training where a recipe names none. */
    public static final List<Interpolation> RANDOM_INTERPOLATION =
            List.of(Interpolation.BILINEAR, Interpolation.BICUBIC);

    private static final int TRIES = 10;

    /** A range to draw from, both ends included; above 0. */
    public record Range(double low, double high) {
        public Range {
            VitrailException.require(
                    low > 0 && low <= high && Double.isFinite(high),
                    "A range of crops needs 0 < low ≤ high, found %s to %s.",
                    low,
                    high);
        }

        private double draw(RandomGenerator random) {
            return low + (high - low) * random.nextDouble();
        }

        private double drawLog(RandomGenerator random) {
            return Math.exp(Math.log(low) + (Math.log(high) - Math.log(low)) * random.nextDouble());
        }
    }

    public RandomResizedCrop {
        interpolations = List.copyOf(interpolations);
        VitrailException.require(
                height > 0 && width > 0, "A crop needs at least one pixel, found %d×%d.", width, height);
        VitrailException.require(!interpolations.isEmpty(), "A crop needs at least one interpolation to draw from.");
    }

    /** A square crop with timm's defaults. */
    public RandomResizedCrop(int size) {
        this(size, size, DEFAULT_SCALE, DEFAULT_RATIO, RANDOM_INTERPOLATION);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        var crop = draw(image.width(), image.height(), random);
        // Nothing is drawn where there is no choice, so a recipe with one filter keeps its sequence.
        var filter = interpolations.get(interpolations.size() == 1 ? 0 : random.nextInt(interpolations.size()));
        return Resampler.resize(image, crop, width, height, filter);
    }

    /** The crop of an image of this size. */
    Region draw(int imageWidth, int imageHeight, RandomGenerator random) {
        double area = (double) imageWidth * imageHeight;
        for (int i = 0; i < TRIES; i++) {
            double wanted = area * scale.draw(random);
            double shape = ratio.drawLog(random);
            long cropWidth = (long) Math.rint(Math.sqrt(wanted * shape));
            long cropHeight = (long) Math.rint(Math.sqrt(wanted / shape));
            if (cropWidth > 0 && cropHeight > 0 && cropWidth <= imageWidth && cropHeight <= imageHeight) {
                int top = random.nextInt(imageHeight - (int) cropHeight + 1);
                int left = random.nextInt(imageWidth - (int) cropWidth + 1);
                return new Region(left, top, (int) cropWidth, (int) cropHeight);
            }
        }
        double shape = (double) imageWidth / imageHeight;
        int cropWidth = shape > ratio.high() ? clamp(imageHeight * ratio.high(), imageWidth) : imageWidth;
        int cropHeight = shape < ratio.low() ? clamp(imageWidth / ratio.low(), imageHeight) : imageHeight;
        return new Region((imageWidth - cropWidth) / 2, (imageHeight - cropHeight) / 2, cropWidth, cropHeight);
    }

    private static int clamp(double side, int longest) {
        return Math.max(1, (int) Math.min(Math.rint(side), longest));
    }
}
