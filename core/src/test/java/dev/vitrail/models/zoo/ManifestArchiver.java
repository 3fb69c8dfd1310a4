package dev.vitrail.models.zoo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/**
 * Packs manifests (a JSON file for each model, {@code <code base>/<model>.json}) into the archives that
 * {@link Manifests} reads. Run by hand when the manifests change:
 *
 * <pre>
 * java -cp core/target/test-classes:JACKSON dev.vitrail.models.zoo.ManifestArchiver MANIFESTS \
 *     core/src/test/resources/manifests
 * </pre>
 *
 * A model is a line {@code model name channels height width classes parameters trained multiply-accumulates}, followed
 * by a line {@code name dtype shape role} for each tensor.
 */
final class ManifestArchiver {
    private ManifestArchiver() {}

    /**
     * @param arguments the folder of manifests, and the folder to write archives to
     */
    public static void main(String[] arguments) throws IOException {
        var mapper = new ObjectMapper();
        for (var codeBase : Manifests.CODE_BASES) {
            List<Path> files;
            try (var listing = Files.list(Path.of(arguments[0], codeBase))) {
                files = listing.sorted().toList();
            }
            try (var out = new BufferedWriter(new OutputStreamWriter(
                    new GZIPOutputStream(Files.newOutputStream(Path.of(arguments[1], codeBase + ".txt.gz"))),
                    StandardCharsets.UTF_8))) {
                for (var file : files) {
                    write(mapper.readTree(file.toFile()), out);
                }
            }
        }
    }

    private static void write(JsonNode manifest, BufferedWriter out) throws IOException {
        var input = manifest.get("input_size");
        out.write("model %s %d %d %d %d %d %d %d\n"
                .formatted(
                        manifest.get("model").asText(),
                        input.get(0).asInt(),
                        input.get(1).asInt(),
                        input.get(2).asInt(),
                        manifest.get("output_shape").get(1).asInt(),
                        manifest.get("params").asLong(),
                        manifest.get("trainable_params").asLong(),
                        manifest.get("macs").get("total").asLong()));
        var tensors = manifest.get("state_dict").fields();
        while (tensors.hasNext()) {
            var tensor = tensors.next();
            var sides = new ArrayList<String>();
            tensor.getValue().get("shape").forEach(side -> sides.add(side.asText()));
            out.write("%s %s %s %s\n"
                    .formatted(
                            tensor.getKey(),
                            tensor.getValue().get("dtype").asText(),
                            sides.isEmpty() ? "-" : String.join("x", sides),
                            role(tensor.getValue())));
        }
    }

    private static Manifests.Role role(JsonNode tensor) {
        if (tensor.path("kind").asText().equals("buffer")) {
            return Manifests.Role.BUFFER;
        }
        return tensor.path("requires_grad").asBoolean(true) ? Manifests.Role.TRAINED : Manifests.Role.FIXED;
    }
}
