package dev.vitrail.cli;

import dev.vitrail.images.decode.DecodeOptions;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of labelled images and their decoding. */
final class LabelledData {
    @Option(
            names = "--data",
            paramLabel = "D",
            description = "D/class/image, D/train and D/val, a flat folder with --labels, .tar (WebDataset) or .parquet"
                    + " files, or IDX files; without it, the built-in set.")
    private Optional<Path> data = Optional.empty();

    @Option(
            names = "--labels",
            paramLabel = "FILE",
            description = "CSV file with columns file and label, for a flat folder.")
    private Optional<Path> labels = Optional.empty();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    /** The path given; empty: the built-in set. */
    Optional<Path> path() {
        return data;
    }

    Optional<Path> labels() {
        return labels;
    }

    DecodeOptions decoding() {
        return decoding.options();
    }
}
