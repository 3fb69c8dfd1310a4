package dev.vitrail.cli;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.PreprocessingOverrides;
import dev.vitrail.loading.LoadedModel;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options that override the model's preprocessing. */
final class PreparationOptions {
    @Option(
            names = "--mean",
            paramLabel = "R,G,B",
            description = "Channel means for normalization, on a scale of 0 to 1 (default: the model's).")
    private Optional<String> mean = Optional.empty();

    @Option(
            names = "--std",
            paramLabel = "R,G,B",
            description = "Channel stds for normalization, on the same scale (default: the model's).")
    private Optional<String> std = Optional.empty();

    @Option(
            names = "--crop",
            paramLabel = "FRACTION",
            description = "Center crop as a fraction of the resized image, such as 0.875 (default: the model's).")
    private Optional<Double> crop = Optional.empty();

    @Option(
            names = "--interpolation",
            paramLabel = "NAME",
            description = "Resize interpolation: bilinear, bicubic, lanczos, nearest, box or hamming.")
    private Optional<String> interpolation = Optional.empty();

    /** The model with what the options say; it is closed if they cannot be. */
    LoadedModel applyTo(LoadedModel loaded) {
        try {
            return loaded.withPreprocessing(new PreprocessingOverrides(
                    mean.map(text -> numbers("--mean", text)),
                    std.map(text -> numbers("--std", text)),
                    crop,
                    interpolation.map(Interpolation::parse)));
        } catch (RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    private static List<Double> numbers(String option, String text) {
        try {
            return Arrays.stream(text.split(",", -1)).map(Double::valueOf).toList();
        } catch (NumberFormatException e) {
            throw new VitrailException(
                    "%s '%s' is no list of numbers: give one for each channel, such as 0.485,0.456,0.406"
                            .formatted(option, text),
                    e);
        }
    }
}
