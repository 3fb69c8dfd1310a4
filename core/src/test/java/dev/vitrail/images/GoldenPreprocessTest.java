package dev.vitrail.images;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.StoredTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Decoding, resizing and normalising against timm's and Pillow's own results. */
class GoldenPreprocessTest {
    private static final Path FOLDER = Path.of("src/test/resources/golden/preprocess");

    static Stream<String> cases() throws IOException {
        try (var files = Files.list(FOLDER)) {
            return files
                    .map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.endsWith(".json"))
                    .map(name -> name.substring(0, name.length() - ".json".length()))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isThePythonResult(String id) throws IOException {
        var json = new ObjectMapper().readTree(Files.readString(FOLDER.resolve(id + ".json")));
        var tensors = tensors(id);
        var decoded = image(tensors, json);
        assertThat(ImageDecoder.decode(FOLDER.resolve(json.path("image").asText()))
                        .pixels())
                .isEqualTo(decoded.pixels());
        for (var config : json.path("configs")) {
            var input = preprocessing(config, Normalization.IMAGENET);
            var bytes = new byte[input.values()];
            input.toBytes(decoded, bytes, 0);
            assertThat(bytes)
                    .as("%s", config)
                    .isEqualTo(bytes(tensors, "u8/" + config.path("i").asInt()));
        }
        for (var entry : json.path("floats")) {
            int same = Integer.parseInt(entry.path("same_geometry_as").asText().substring("u8/".length()));
            var normalization = new Normalization(numbers(entry.path("mean")), numbers(entry.path("std")));
            var input = preprocessing(json.path("configs").path(same), normalization);
            var floats = new float[input.values() + 1];
            input.toFloats(decoded, floats, 1);
            var key = entry.path("key").asText();
            var expected = stored(tensors, key).toFloats();
            assertThat(java.util.Arrays.copyOfRange(floats, 1, floats.length))
                    .as(key)
                    .isEqualTo(expected);
        }
    }

    private static Map<String, StoredTensor> tensors(String id) {
        var tensors = new HashMap<String, StoredTensor>();
        Safetensors.read(FOLDER.resolve(id + ".safetensors")).forEach(tensor -> tensors.put(tensor.name(), tensor));
        return tensors;
    }

    private static RgbImage image(Map<String, StoredTensor> tensors, JsonNode json) {
        var size = json.path("size_wh");
        return new RgbImage(size.get(0).asInt(), size.get(1).asInt(), bytes(tensors, "decoded_rgb"));
    }

    private static StoredTensor stored(Map<String, StoredTensor> tensors, String name) {
        return Optional.ofNullable(tensors.get(name)).orElseThrow();
    }

    private static byte[] bytes(Map<String, StoredTensor> tensors, String name) {
        var stored = stored(tensors, name);
        var bytes = new byte[(int) stored.elements()];
        stored.bytes().get(bytes);
        return bytes;
    }

    private static Preprocessing preprocessing(JsonNode config, Normalization normalization) {
        var size = config.path("img_size");
        return new Preprocessing(
                3,
                size.isArray() ? size.get(0).asInt() : size.asInt(),
                size.isArray() ? size.get(1).asInt() : size.asInt(),
                config.path("crop_pct").asDouble(),
                CropMode.parse(config.path("crop_mode").asText()),
                Interpolation.parse(config.path("interpolation").asText()),
                normalization.mean(),
                normalization.std());
    }

    private static List<Double> numbers(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::asDouble)
                .toList();
    }
}
