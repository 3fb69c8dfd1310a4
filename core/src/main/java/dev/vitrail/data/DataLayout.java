package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.DecodeOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Layout of labelled images on disk, which opens a split. */
interface DataLayout {
    /**
     * Opens a split.
     *
     * @throws VitrailException if the data has no such split
     */
    Dataset open(Split split);

    /** The images to validate by, with the classes of those to train on; empty if the data has no split for it. */
    Optional<Dataset> validation(Dataset train);

    /** A data set whose labels are the outputs of a classifier with these classes. */
    default Dataset labelled(Split split, ClassNames classes) {
        return Relabelled.of(open(split), classes);
    }

    /**
     * Finds the layout of the data at a path.
     *
     * @param labels a CSV file of labels, for a flat folder
     * @throws VitrailException if it is none that is known
     */
    static DataLayout of(Path path, Optional<Path> labels, DecodeOptions decoding) {
        if (labels.isPresent()) {
            return new Csv(path, labels.get(), decoding);
        }
        var shards = Shards.at(path).filter(found -> !SplitFolders.holdsClasses(path));
        if (shards.isPresent()) {
            return new ShardFiles(path, shards.get(), decoding);
        }
        ImageFolder.requireFolder(path);
        if (Idx.has(path, Split.TRAIN) || Idx.has(path, Split.VALIDATION)) {
            return new IdxFiles(path);
        }
        if (!ImageListing.holdsImage(path)) {
            Shards.requireUnpacked(path);
        }
        if (SplitFolders.at(path)) {
            return new SplitFolders(path, decoding);
        }
        VitrailException.require(
                !ImageFolder.classFolders(path).isEmpty(),
                "%s holds %s; expected CLASS/IMAGE folders, train and val folders of these, .tar or .parquet files, IDX"
                        + " files, or a CSV file of labels (--labels FILE.csv with file,label on each line)",
                path,
                SplitFolders.contents(path));
        return new ClassFolders(path, decoding);
    }

    /** A flat folder and a CSV file of labels. */
    record Csv(Path path, Path labels, DecodeOptions decoding) implements DataLayout {
        @Override
        public Dataset open(Split split) {
            return LabelledFolder.open(path, labels, Optional.empty()).withDecoding(decoding);
        }

        @Override
        public Optional<Dataset> validation(Dataset train) {
            return Optional.empty();
        }

        @Override
        public Dataset labelled(Split split, ClassNames classes) {
            return LabelledFolder.open(path, labels, Optional.of(classes));
        }
    }

    /** Tar or Parquet files. */
    record ShardFiles(Path path, Shards shards, DecodeOptions decoding) implements DataLayout {
        @Override
        public Dataset open(Split split) {
            return open(split, Optional.empty());
        }

        @Override
        public Optional<Dataset> validation(Dataset train) {
            return shards.hasValidation()
                    ? Optional.of(open(Split.VALIDATION, Optional.of(train.classes())))
                    : Optional.empty();
        }

        private Dataset open(Split split, Optional<List<String>> classes) {
            var files = shards.of(split)
                    .orElseThrow(() -> VitrailException.of(
                            "%s has no files of the part '%s', only of %s",
                            path, split.folders().get(0), shards.parts().keySet()));
            return switch (shards.format()) {
                case TAR -> WebDataset.open(files, classes, decoding);
                case PARQUET -> ParquetImages.open(files, classes, decoding);
            };
        }
    }

    /** IDX files, whose labels are numbers. */
    record IdxFiles(Path path) implements DataLayout {
        @Override
        public Dataset open(Split split) {
            return Idx.open(path, split);
        }

        @Override
        public Optional<Dataset> validation(Dataset train) {
            return Idx.has(path, Split.VALIDATION) ? Optional.of(open(Split.VALIDATION)) : Optional.empty();
        }

        @Override
        public Dataset labelled(Split split, ClassNames classes) {
            return Relabelled.byIndex(open(split), classes);
        }
    }

    /** A folder for each class; there are no splits. */
    record ClassFolders(Path path, DecodeOptions decoding) implements DataLayout {
        @Override
        public Dataset open(Split split) {
            return ImageFolder.open(path).withDecoding(decoding);
        }

        @Override
        public Optional<Dataset> validation(Dataset train) {
            return Optional.empty();
        }
    }
}
