package dev.vitrail.cli;

import dev.vitrail.LoadedModel;
import dev.vitrail.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How a command prepares images, where its model says otherwise or nothing. */
final class PreparationOptions {
    @Option(
            names = "--mean",
            paramLabel = "R,G,B",
            description = "Means of the channels, of values from 0 to 1 (default: the model's).")
    private Optional<String> mean = Optional.empty();

    @Option(
            names = "--std",
            paramLabel = "R,G,B",
            description = "Standard deviations of the channels, on the same scale (default: the model's).")
    private Optional<String> std = Optional.empty();

    @Option(
            names = "--crop",
            paramLabel = "SHARE",
            description =
                    "Side of the centre crop over the side of the resized image, such as 0.875 (default: the model's).")
    private Optional<Double> crop = Optional.empty();

    @Option(
            names = "--interpolation",
            paramLabel = "NAME",
            description = "bilinear, bicubic, lanczos, nearest, box or hamming (default: the model's).")
    private Optional<String> interpolation = Optional.empty();

    /** The model with what the options say. */
    LoadedModel applyTo(LoadedModel loaded) {
        if (mean.isEmpty() && std.isEmpty() && crop.isEmpty() && interpolation.isEmpty()) {
            return loaded;
        }
        try {
            var input = loaded.preprocessing();
            return loaded.withPreprocessing(new Preprocessing(
                    input.channels(),
                    input.height(),
                    input.width(),
                    crop.orElse(input.cropPct()),
                    input.cropMode(),
                    interpolation.map(Interpolation::parse).orElse(input.interpolation()),
                    mean.map(text -> numbers("--mean", text, input.channels())).orElse(input.mean()),
                    std.map(text -> numbers("--std", text, input.channels())).orElse(input.std())));
        } catch (RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    private static List<Double> numbers(String option, String text, int channels) {
        try {
            var values = Arrays.stream(text.split(",", -1)).map(Double::valueOf).toList();
            VitrailException.require(
                    values.size() == channels,
                    "%s '%s' gives %d numbers for images of %d channels: give one for each, such as 0.485,0.456,0.406",
                    option,
                    text,
                    values.size(),
                    channels);
            return values;
        } catch (NumberFormatException e) {
            throw new VitrailException(
                    "%s '%s' is no list of numbers: give one for each channel, such as 0.485,0.456,0.406"
                            .formatted(option, text),
                    e);
        }
    }
}
