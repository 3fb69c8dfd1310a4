package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.images.CropMode;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.ImageDecoder;
import java.util.ArrayList;
import java.util.List;

/** Images: decoded, resized and cropped to the very bytes, and normalised. */
final class PreprocessParity {
    private static final double FLOAT = 1e-6;

    private PreprocessParity() {}

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var expected = decoded(golden);
        var found =
                ImageDecoder.decode(golden.sibling(golden.json().path("image").asText()));
        outcome.check(
                "decoded_error",
                "the decoded image of %d×%d pixels".formatted(found.width(), found.height()),
                Difference.of(levels(found.pixels()), levels(expected.pixels())),
                0,
                0);
        for (var config : golden.json().path("configs")) {
            var key = "u8/" + config.path("i").asInt();
            var input = preprocessing(config, Normalization.IMAGENET);
            var resized = new byte[input.values()];
            input.toBytes(expected, resized, 0);
            outcome.check(
                    "resized_error",
                    "the resized image " + config,
                    Difference.of(levels(resized), golden.floats(key)),
                    0,
                    0);
        }
        for (var entry : golden.json().path("floats")) {
            var same = entry.path("same_geometry_as").asText().replaceFirst("^u8/", "");
            var normalization = new Normalization(numbers(entry.path("mean")), numbers(entry.path("std")));
            var input = preprocessing(golden.json().path("configs").get(Integer.parseInt(same)), normalization);
            var values = new float[input.values()];
            input.toFloats(expected, values, 0);
            var key = entry.path("key").asText();
            outcome.check("normalised_error", key, Difference.of(values, golden.floats(key)), FLOAT, FLOAT);
        }
    }

    private static RgbImage decoded(GoldenCase golden) {
        var stored = golden.tensors().get("decoded_rgb");
        var pixels = new byte[(int) stored.elements()];
        stored.bytes().get(pixels);
        return new RgbImage((int) stored.shape()[1], (int) stored.shape()[0], pixels);
    }

    private static Preprocessing preprocessing(JsonNode config, Normalization normalization) {
        var size = config.path("img_size");
        int height = size.isArray() ? size.get(0).asInt() : size.asInt();
        int width = size.isArray() ? size.get(1).asInt() : size.asInt();
        // What a border is filled with follows from the mean.
        var mean = config.has("mean") ? numbers(config.path("mean")) : normalization.mean();
        return new Preprocessing(
                config.path("out_shape").path(0).asInt(3),
                height,
                width,
                config.path("crop_pct").asDouble(),
                CropMode.parse(config.path("crop_mode").asText("center")),
                Interpolation.parse(config.path("interpolation").asText("bilinear")),
                mean,
                normalization.std());
    }

    private static List<Double> numbers(JsonNode array) {
        var numbers = new ArrayList<Double>();
        array.forEach(number -> numbers.add(number.asDouble()));
        return numbers;
    }

    private static float[] levels(byte[] bytes) {
        var levels = new float[bytes.length];
        for (int i = 0; i < levels.length; i++) {
            levels[i] = bytes[i] & 255;
        }
        return levels;
    }
}
