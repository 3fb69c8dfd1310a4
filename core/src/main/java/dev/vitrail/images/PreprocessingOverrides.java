package dev.vitrail.images;

import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Optional;

/**
 * Settings that override a model's preprocessing; the rest stays the model's.
 *
 * @param mean of each channel, on the scale 0–1
 * @param std of each channel, on the same scale
 * @param cropPct the part of the resized image's side that the crop keeps
 * @param interpolation how images are resized
 */
public record PreprocessingOverrides(
        Optional<List<Double>> mean,
        Optional<List<Double>> std,
        Optional<Double> cropPct,
        Optional<Interpolation> interpolation) {
    /** Changes nothing. */
    public static final PreprocessingOverrides NONE =
            new PreprocessingOverrides(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

    /**
     * Applies the overrides to a model's preprocessing.
     *
     * @throws VitrailException if mean or std do not have a number for each channel, or cannot be
     */
    public Preprocessing applyTo(Preprocessing input) {
        mean.ifPresent(values -> requireOneForEach("mean", values, input.channels()));
        std.ifPresent(values -> requireOneForEach("std", values, input.channels()));
        return new Preprocessing(
                input.channels(),
                input.height(),
                input.width(),
                cropPct.orElse(input.cropPct()),
                input.cropMode(),
                interpolation.orElse(input.interpolation()),
                mean.orElse(input.mean()),
                std.orElse(input.std()));
    }

    /** Returns whether mean or std are overridden. */
    public boolean hasStatistics() {
        return mean.isPresent() || std.isPresent();
    }

    private static void requireOneForEach(String name, List<Double> values, int channels) {
        VitrailException.require(
                values.size() == channels,
                "%s needs a number for each of %d channels, found %s: give as many, such as %s",
                name,
                channels,
                values,
                channels == 1 ? "0.5" : "0.485,0.456,0.406");
    }
}
