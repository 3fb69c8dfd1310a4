package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.CROP;
import static dev.vitrail.train.TrainingOptions.FLIP;
import static dev.vitrail.train.TrainingOptions.SHIFT;
import static dev.vitrail.train.TrainingOptions.SMALLEST_CROP;

import dev.vitrail.images.ImageTransform;
import dev.vitrail.images.PadAndCrop;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RandomFlip;
import dev.vitrail.images.RandomResizedCrop;
import dev.vitrail.images.TrainingTransform;
import java.util.ArrayList;
import java.util.List;

/** The random views of an image that a run's options describe. */
public final class Augmentation {
    /** The random parts of an image to choose from. */
    public enum Crop {
        /** A part of random size and shape, resized: for photos. */
        RESIZED,
        /** The whole, shifted by some pixels: for small pictures. */
        SHIFTED
    }

    private Augmentation() {}

    /**
     * From a decoded picture to a model's input.
     *
     * @param input the size and statistics of that input
     */
    public static TrainingTransform of(TrainingConfig config, Preprocessing input) {
        var steps = new ArrayList<ImageTransform>();
        switch (config.get(CROP)) {
            case RESIZED ->
                steps.add(new RandomResizedCrop(
                        input.height(),
                        input.width(),
                        new RandomResizedCrop.Range(config.get(SMALLEST_CROP), 1),
                        RandomResizedCrop.DEFAULT_RATIO,
                        List.of(input.interpolation())));
            case SHIFTED -> {
                // Before it is shifted, a picture of another size is brought to the input's, just as validation does
                // it.
                steps.add((image, random) -> input.apply(image));
                steps.add(new PadAndCrop(input.height(), input.width(), config.get(SHIFT), PadAndCrop.Border.ZERO));
            }
        }
        steps.add(new RandomFlip(config.get(FLIP), 0));
        return TrainingTransform.of(input, steps);
    }
}
