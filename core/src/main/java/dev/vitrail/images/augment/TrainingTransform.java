package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Canvas;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * Everything between a decoded image and a training batch: the augmentation, and then the numbers.
 *
 * @param height of the input, in pixels
 * @param width of the input, in pixels
 * @param steps in their order; the last must leave an image of the input's size
 * @param normalization mean and std; one channel makes the image grey before the first step
 * @param erasing what is erased of the normalised image; empty: nothing
 */
public record TrainingTransform(
        int height,
        int width,
        List<ImageTransform> steps,
        Normalization normalization,
        Optional<RandomErasing> erasing) {
    /** timm's probability of mirroring. */
    private static final double DEFAULT_FLIP = 0.5;

    public TrainingTransform {
        steps = List.copyOf(steps);
        VitrailException.require(
                height > 0 && width > 0, "An input needs at least one pixel, found %d×%d.", width, height);
    }

    /**
     * Transform for photographs: random resized crops of 8 % to 100 % of the area, mirrored half of the time, to the
     * size and statistics of the weights.
     */
    public static TrainingTransform photographs(Preprocessing input) {
        var crop = new RandomResizedCrop(
                input.height(),
                input.width(),
                RandomResizedCrop.DEFAULT_SCALE,
                RandomResizedCrop.DEFAULT_RATIO,
                RandomResizedCrop.RANDOM_INTERPOLATION);
        return of(input, List.of(crop, new RandomFlip(DEFAULT_FLIP, 0)));
    }

    /** These steps, to the size and statistics of the weights. */
    public static TrainingTransform of(Preprocessing input, List<ImageTransform> steps) {
        return new TrainingTransform(input.height(), input.width(), steps, input.normalization(), Optional.empty());
    }

    /** This, with erasing after normalisation. */
    public TrainingTransform withErasing(RandomErasing choice) {
        return new TrainingTransform(height, width, steps, normalization, Optional.of(choice));
    }

    /** Number of values of one image: {@code channels · height · width}. */
    public int values() {
        return Math.multiplyExact(normalization.channels(), Math.multiplyExact(height, width));
    }

    /** The augmented image, before anything is erased. */
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        var current = normalization.channels() == 1 ? Canvas.grey(image) : image;
        for (var step : steps) {
            current = step.apply(current, random);
        }
        VitrailException.require(
                current.width() == width && current.height() == height,
                "The training transforms left an image of %d×%d pixels, where the input is %d×%d; let the last of them"
                        + " crop or resize to it.",
                current.width(),
                current.height(),
                width,
                height);
        return current;
    }

    /**
     * The augmented image as float32 {@code [channels, height, width]}, normalised, and then erased in part, from
     * {@code offset} on.
     */
    public void toFloats(RgbImage image, RandomGenerator random, float[] out, int offset) {
        normalization.toFloats(apply(image, random), out, offset);
        erasing.ifPresent(choice -> choice.apply(out, offset, normalization.channels(), height, width, random));
    }
}
