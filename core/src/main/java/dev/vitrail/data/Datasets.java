package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.DecodeOptions;
import java.nio.file.Path;
import java.util.Optional;

/** Finds out what a path holds, and opens it. */
public final class Datasets {
    private Datasets() {}

    /**
     * Refuses data whose files are damaged, where that is asked for.
     *
     * @param faults see {@link Dataset#faults}
     */
    public static void requireSound(DataProblems faults) {
        VitrailException.require(
                faults.isEmpty(),
                "--strict refuses data with %s: %s; repair or remove what is damaged, or leave out --strict",
                faults.count() == 1 ? "a fault" : faults.count() + " faults, the first of which is",
                faults.sentences().stream().findFirst().orElse(""));
    }

    /**
     * Opens the labelled images at {@code path}, whichever layout they are in:
     *
     * <ul>
     *   <li>with {@code labels}: a flat folder and a CSV file, {@link LabelledFolder};
     *   <li>tar or Parquet files, {@link WebDataset} and {@link ParquetImages}: one, a pattern such as
     *       {@code shard-{000000..000012}.tar}, a folder of them, or folders of parts;
     *   <li>IDX files, {@link Idx};
     *   <li>{@code path/train}, {@code path/val} and the like, the one that {@code split} names; validation falls back
     *       on test and test on validation, and labels are those of {@code path/train}'s class folders;
     *   <li>class folders, {@link ImageFolder}: all of them, whatever {@code split} says.
     * </ul>
     *
     * @throws VitrailException if there is no such folder or it fits none of these
     */
    public static Dataset open(Path path, Split split, Optional<Path> labels) {
        return open(path, split, labels, DecodeOptions.DEFAULT);
    }

    /** Opens data with decoding options. */
    public static Dataset open(Path path, Split split, Optional<Path> labels, DecodeOptions decoding) {
        return DataLayout.of(path, labels, decoding).open(split);
    }

    /**
     * Opens data with labels that are a model's outputs: class folders are matched to {@code classes} by name, indices
     * in a CSV file or in IDX files are outputs as they stand.
     */
    public static Dataset open(Path path, Split split, Optional<Path> labels, ClassNames classes) {
        return DataLayout.of(path, labels, DecodeOptions.DEFAULT).labelled(split, classes);
    }

    /**
     * Opens what a model is trained on and judged by. Where the data has no part for validation, {@code fraction} of
     * the training images is held out, the same ones for the same {@code seed}.
     *
     * @throws VitrailException also if there is nothing to tell apart, that is, fewer than two classes
     */
    public static TrainAndValidation trainAndValidation(Path path, Optional<Path> labels, double fraction, long seed) {
        return trainAndValidation(path, labels, fraction, seed, DecodeOptions.DEFAULT);
    }

    /** Opens data with decoding options. */
    public static TrainAndValidation trainAndValidation(
            Path path, Optional<Path> labels, double fraction, long seed, DecodeOptions decoding) {
        var layout = DataLayout.of(path, labels, decoding);
        var train = requireTwoClasses(path, layout.open(Split.TRAIN));
        return layout.validation(train)
                .map(validation -> new TrainAndValidation(train, validation))
                .orElseGet(() -> Subset.holdOut(train, fraction, seed));
    }

    private static Dataset requireTwoClasses(Path path, Dataset set) {
        int[] counts = Descriptions.counts(set.classes().size(), set.labels());
        int present = 0;
        for (int count : counts) {
            present += count > 0 ? 1 : 0;
        }
        require(
                present > 1,
                "%s has images of %s; training needs two or more to tell apart",
                path,
                Descriptions.count(present, "class"));
        return set;
    }
}
