package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.IoReason;
import dev.vitrail.images.decode.DecodeOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Folders {@code train}, {@code val} and {@code test} of class folders. */
record SplitFolders(Path path, DecodeOptions decoding) implements DataLayout {
    /**
     * Distinguishes folders of splits from classes, which may be called "train" or "test". They are where
     * all of them have the names of splits; and where others lie beside a folder to train on, if that has no images of
     * its own, as a class would, and the others have none at all.
     */
    static boolean at(Path path) {
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

    /** Returns whether there are class folders, beside which tar or Parquet files only lie. */
    static boolean holdsClasses(Path path) {
        if (!Files.isDirectory(path)) {
            return false;
        }
        var home = at(path) ? folder(path, Split.TRAIN).or(() -> folder(path, Split.VALIDATION)) : Optional.of(path);
        return home.stream()
                .flatMap(folder -> ImageFolder.classFolders(folder).stream())
                .anyMatch(name -> !name.equals("data"));
    }

    /** The folder of a split; validation falls back on test and test on validation. */
    private static Optional<Path> folder(Path path, Split split) {
        var part = ImageFolder.part(path, split);
        return switch (split) {
            case TRAIN -> part;
            case VALIDATION -> part.or(() -> ImageFolder.part(path, Split.TEST));
            case TEST -> part.or(() -> ImageFolder.part(path, Split.VALIDATION));
        };
    }

    @Override
    public Dataset open(Split split) {
        var part = folder(path, split)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no folder '%s'; expected %s/%s/CLASS/IMAGE",
                        path, split.folders().get(0), path, split.folders().get(0)));
        // Labels are those of the folder to train on.
        var train = ImageFolder.part(path, Split.TRAIN).filter(folder -> !folder.equals(part));
        return train.map(folder -> ImageFolder.open(part, ImageFolder.classFolders(folder)))
                .orElseGet(() -> ImageFolder.open(part))
                .withDecoding(decoding);
    }

    @Override
    public Optional<Dataset> validation(Dataset train) {
        return folder(path, Split.VALIDATION).map(folder -> open(Split.VALIDATION));
    }

    /** Describes the content of a folder without a layout. */
    static String contents(Path path) {
        long images = countImages(path);
        return images == 0 ? "no images" : Descriptions.count(images, "image") + " but no labels";
    }

    /** Images that lie in a folder itself. */
    private static long countImages(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(ImageFiles::isImage).count();
        } catch (IOException e) {
            throw new VitrailException("cannot list the folder %s: %s".formatted(folder, IoReason.of(e)), e);
        }
    }
}
