package dev.vitrail.data;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.VitrailException;
import dev.vitrail.files.IoReason;
import dev.vitrail.images.decode.ImageDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

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
     * Opens the labelled pictures at {@code path}, whichever layout they are in:
     *
     * <ul>
     *   <li>with {@code labels}: a flat folder and a CSV file, {@link LabelledFolder};
     *   <li>tar or Parquet files, {@link WebDataset} and {@link ParquetImages}: one, a pattern such as
     *       {@code shard-{000000..000012}.tar}, a folder of them, or folders of parts;
     *   <li>IDX files, {@link Idx};
     *   <li>{@code path/train}, {@code path/val} and the like, the one that {@code split} names; validation falls back on test and
     *       test on validation, and labels are those of {@code path/train}'s class folders;
     *   <li>class folders, {@link ImageFolder}: all of them, whatever {@code split} says.
     * </ul>
     *
     * @throws VitrailException if there is no such folder or it fits none of these
     */
    public static Dataset open(Path path, Split split, Optional<Path> labels) {
        return open(path, split, labels, ImageDecoder.Options.DEFAULT);
    }

    /** The same, with files decoded by other options. */
    public static Dataset open(Path path, Split split, Optional<Path> labels, ImageDecoder.Options decoding) {
        if (labels.isPresent()) {
            return LabelledFolder.open(path, labels.orElseThrow(), Optional.empty())
                    .withDecoding(decoding);
        }
        var shards = shards(path);
        if (shards.isPresent()) {
            return openShards(path, shards.get(), split, Optional.empty(), decoding);
        }
        ImageFolder.requireFolder(path);
        if (Idx.has(path, Split.TRAIN) || Idx.has(path, Split.VALIDATION)) {
            return Idx.open(path, split);
        }
        if (!ImageListing.holdsImage(path)) {
            Shards.requireUnpacked(path);
        }
        if (hasParts(path)) {
            return openPart(path, split).withDecoding(decoding);
        }
        if (ImageFolder.classFolders(path).isEmpty()) {
            throw noLayout(path);
        }
        return ImageFolder.open(path).withDecoding(decoding);
    }

    /**
     * The same, with labels that are a model's outputs: class folders are matched to {@code classes} by name, indices in a CSV
     * file or in IDX files are outputs as they stand.
     */
    public static Dataset open(Path path, Split split, Optional<Path> labels, ClassNames classes) {
        if (labels.isPresent()) {
            return LabelledFolder.open(path, labels.orElseThrow(), Optional.of(classes));
        }
        Dataset set = open(path, split, labels);
        return set instanceof Idx ? Relabelled.byIndex(set, classes) : Relabelled.of(set, classes);
    }

    /**
     * Opens what a model is trained on and judged by. Where the data has no part for validation, {@code fraction} of the training
     * pictures is held out, the same ones for the same {@code seed}.
     *
     * @throws VitrailException also if there is nothing to tell apart, that is, fewer than two classes
     */
    public static TrainAndValidation trainAndValidation(Path path, Optional<Path> labels, double fraction, long seed) {
        return trainAndValidation(path, labels, fraction, seed, ImageDecoder.Options.DEFAULT);
    }

    /** The same, with files decoded by other options. */
    public static TrainAndValidation trainAndValidation(
            Path path, Optional<Path> labels, double fraction, long seed, ImageDecoder.Options decoding) {
        Dataset train = requireTwoClasses(path, open(path, Split.TRAIN, labels, decoding));
        var shards = labels.isPresent() ? Optional.<Shards>empty() : shards(path);
        if (shards.isPresent()) {
            return shards.get().hasValidation()
                    ? new TrainAndValidation(
                            train,
                            openShards(path, shards.get(), Split.VALIDATION, Optional.of(train.classes()), decoding))
                    : Subset.holdOut(train, fraction, seed);
        }
        boolean judged = labels.isEmpty()
                && (Idx.has(path, Split.TRAIN)
                        ? Idx.has(path, Split.VALIDATION)
                        : hasParts(path) && partFor(path, Split.VALIDATION).isPresent());
        return judged
                ? new TrainAndValidation(train, open(path, Split.VALIDATION, labels, decoding))
                : Subset.holdOut(train, fraction, seed);
    }

    /** Tar or Parquet files, unless they only lie beside class folders. */
    private static Optional<Shards> shards(Path path) {
        return Shards.at(path).filter(found -> {
            var home = hasParts(path)
                    ? partFor(path, Split.TRAIN).or(() -> partFor(path, Split.VALIDATION))
                    : Optional.of(path);
            return !Files.isDirectory(path)
                    || home.stream()
                            .flatMap(folder -> ImageFolder.classFolders(folder).stream())
                            .allMatch("data"::equals);
        });
    }

    private static Dataset openShards(
            Path path, Shards shards, Split split, Optional<List<String>> classes, ImageDecoder.Options decoding) {
        var files = shards.of(split)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no files of the part '%s', only of %s",
                        path, split.folders().get(0), shards.parts().keySet()));
        return switch (shards.kind()) {
            case TAR -> WebDataset.open(files, classes, decoding);
            case PARQUET -> ParquetImages.open(files, classes, decoding);
        };
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

    /**
     * Whether a folder's folders are parts and not classes, which may well be called "train" or "test". They are where all of them
     * have the names of parts; and where others lie beside a folder to train on, if that has no images of its own, as a class
     * would, and the others have none at all.
     */
    private static boolean hasParts(Path path) {
        var train = ImageFolder.part(path, Split.TRAIN);
        if (train.isEmpty() && ImageFolder.part(path, Split.VALIDATION).isEmpty()) {
            return false;
        }
        var parts = List.of(Split.values()).stream()
                .flatMap(split -> split.folders().stream())
                .toList();
        var others = ImageFolder.classFolders(path).stream()
                .filter(name -> !parts.contains(name))
                .toList();
        return others.isEmpty()
                || train.isPresent()
                        && countImages(train.get()) == 0
                        && others.stream().noneMatch(name -> ImageListing.holdsImage(path.resolve(name)));
    }

    private static Optional<Path> partFor(Path path, Split split) {
        Optional<Path> part = ImageFolder.part(path, split);
        return switch (split) {
            case TRAIN -> part;
            case VALIDATION -> part.or(() -> ImageFolder.part(path, Split.TEST));
            case TEST -> part.or(() -> ImageFolder.part(path, Split.VALIDATION));
        };
    }

    private static ImageFiles openPart(Path path, Split split) {
        Path part = partFor(path, split)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no folder '%s'; expected %s/%s/CLASS/IMAGE",
                        path, split.folders().get(0), path, split.folders().get(0)));
        Optional<Path> train = ImageFolder.part(path, Split.TRAIN);
        return train.isPresent() && !train.orElseThrow().equals(part)
                ? ImageFolder.open(part, ImageFolder.classFolders(train.orElseThrow()))
                : ImageFolder.open(part);
    }

    /** Images that lie in a folder itself. */
    private static long countImages(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(ImageFiles::isImage).count();
        } catch (IOException e) {
            throw new VitrailException("cannot list the folder %s: %s".formatted(folder, IoReason.of(e)), e);
        }
    }

    private static VitrailException noLayout(Path path) {
        long images = countImages(path);
        return VitrailException.of(
                "%s holds %s; expected CLASS/IMAGE folders, train and val folders of these, .tar or .parquet files, IDX files,"
                        + " or a CSV file of labels (--labels FILE.csv with file,label on each line)",
                path, images == 0 ? "no images" : Descriptions.count(images, "image") + " but no labels");
    }
}
