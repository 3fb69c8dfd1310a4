package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.EXIF;
import static dev.vitrail.train.TrainingOptions.LABELS;
import static dev.vitrail.train.TrainingOptions.MAX_PIXELS;
import static dev.vitrail.train.TrainingOptions.SEED;
import static dev.vitrail.train.TrainingOptions.SIXTEEN_BIT;
import static dev.vitrail.train.TrainingOptions.TRAIN_FRACTION;
import static dev.vitrail.train.TrainingOptions.VAL_FRACTION;

import dev.vitrail.data.Datasets;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.Subset;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.images.decode.DecodeOptions;
import java.nio.file.Path;
import java.util.Optional;

/** Opens the data that a run's options name. */
public final class TrainingData {
    /** The value of {@code data} that names the built-in set. */
    public static final String BUILT_IN = "built-in";

    private TrainingData() {}

    /**
     * Opens the training and validation images; of the training images, the fraction that is asked for.
     *
     * @throws dev.vitrail.errors.VitrailException if there is no such data
     */
    public static TrainAndValidation open(TrainingConfig config) {
        var decoding = DecodeOptions.DEFAULT
                .withExifOrientation(config.get(EXIF))
                .withMaxPixels(config.get(MAX_PIXELS))
                .withSixteenBit(config.get(SIXTEEN_BIT));
        var whole = open(config.get(DATA), config.get(LABELS), config.get(VAL_FRACTION), config.get(SEED), decoding);
        return new TrainAndValidation(
                Subset.ofShare(whole.train(), config.get(TRAIN_FRACTION), config.get(SEED)), whole.validation());
    }

    /**
     * Opens all training and validation images.
     *
     * @param data a folder, a file, or {@link #BUILT_IN}
     * @param labels a CSV file of file names and labels, for a flat folder
     * @param validation fraction of the images that is held out where the data has no validation split
     * @param seed of what is held out
     */
    public static TrainAndValidation open(
            String data, Optional<String> labels, double validation, long seed, DecodeOptions decoding) {
        return data.equals(BUILT_IN)
                ? StainedGlass.trainAndValidation()
                : Datasets.trainAndValidation(Path.of(data), labels.map(Path::of), validation, seed, decoding);
    }
}
