package dev.vitrail.loading;

import dev.vitrail.images.CropMode;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Pretrained;
import dev.vitrail.weights.PretrainedConfig;
import java.util.Collections;
import java.util.List;

/** Preprocessing of models: by their variant, by published weights, or by what a folder says. */
final class ModelInput {
    private ModelInput() {}

    static Preprocessing fitted(Preprocessing input, ModelConfig config) {
        return new Preprocessing(
                config.channels(),
                config.imageHeight(),
                config.imageWidth(),
                input.cropPct(),
                input.cropMode(),
                input.interpolation(),
                statistics(input.mean(), config.channels()),
                statistics(input.std(), config.channels()));
    }

    /** Preprocessing of a variant's default weights; by default the whole image, its levels in [−1, 1]. */
    static Preprocessing preprocessing(Variant variant) {
        return Pretrained.input(variant.name())
                .map(ModelInput::preprocessing)
                .orElseGet(() -> new Preprocessing(
                        variant.config().channels(),
                        variant.config().imageHeight(),
                        variant.config().imageWidth(),
                        1,
                        CropMode.CENTER,
                        Interpolation.BICUBIC,
                        statistics(
                                Normalization.INCEPTION.mean(), variant.config().channels()),
                        statistics(
                                Normalization.INCEPTION.std(), variant.config().channels())));
    }

    /** The preparation that published weights want. */
    static Preprocessing preprocessing(Pretrained.Input input) {
        return new Preprocessing(
                input.channels(),
                input.height(),
                input.width(),
                input.cropShare(),
                CropMode.parse(input.cropMode()),
                Interpolation.parse(input.interpolation()),
                input.mean(),
                input.std());
    }

    /** A mean or std for another number of channels: for grey, the average of the colours'; for colours, the grey's. */
    static List<Double> statistics(List<Double> values, int channels) {
        if (channels > 1 && values.size() == 1) {
            return Collections.nCopies(channels, values.get(0));
        }
        return channels == 1
                ? List.of(values.stream()
                        .mapToDouble(Double::doubleValue)
                        .average()
                        .orElseThrow())
                : values;
    }

    static Preprocessing preprocessing(PretrainedConfig described, Variant variant, ModelConfig config) {
        var otherwise = fitted(preprocessing(variant), config);
        return new Preprocessing(
                config.channels(),
                config.imageHeight(),
                config.imageWidth(),
                described.cropPct().orElse(otherwise.cropPct()),
                described.cropMode().map(CropMode::parse).orElse(otherwise.cropMode()),
                described.interpolation().map(Interpolation::parse).orElse(otherwise.interpolation()),
                described.mean().isEmpty() ? otherwise.mean() : statistics(described.mean(), config.channels()),
                described.std().isEmpty() ? otherwise.std() : statistics(described.std(), config.channels()));
    }
}
