package dev.vitrail.models.zoo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/**
 * What the original code bases say of their full-size models: every stored tensor by name, shape and type, and the
 * multiply–accumulates of one image. Read from the archives that {@link ManifestArchiver} packs.
 */
public final class Manifests {
    /** The code bases, by the names of their archives. */
    public static final List<String> CODE_BASES =
            List.of("timm", "deit_official", "swin_official", "convnext_official", "t2t_official", "vit_pytorch");

    private Manifests() {}

    /**
     * A stored tensor.
     *
     * @param dtype by safetensors' name, such as {@code F32}
     * @param role whether gradients reach it
     */
    public record Entry(List<Long> shape, String dtype, Role role) {}

    /** What a stored tensor is. */
    public enum Role {
        TRAINED,
        FIXED,
        BUFFER
    }

    /**
     * One model of one code base.
     *
     * @param classes outputs; the width where the model has no classifier
     * @param parameters elements of all parameters, buffers left out
     * @param trained elements of the parameters that gradients reach
     * @param multiplyAccumulates of convolutions, linear layers and matrix products for one image
     */
    public record Manifest(
            String codeBase,
            String model,
            int channels,
            int height,
            int width,
            int classes,
            long parameters,
            long trained,
            long multiplyAccumulates,
            Map<String, Entry> tensors) {
        @Override
        public String toString() {
            return codeBase + "/" + model;
        }
    }

    /** The manifests of all code bases. */
    public static List<Manifest> all() {
        return CODE_BASES.stream().flatMap(codeBase -> of(codeBase).stream()).toList();
    }

    /** The manifest of one model. */
    public static Optional<Manifest> find(String codeBase, String model) {
        return of(codeBase).stream()
                .filter(manifest -> manifest.model.equals(model))
                .findFirst();
    }

    /** The manifests of one code base. */
    public static List<Manifest> of(String codeBase) {
        var manifests = new ArrayList<Manifest>();
        var resource = Objects.requireNonNull(
                Manifests.class.getResourceAsStream("/manifests/" + codeBase + ".txt.gz"), codeBase);
        try (var lines =
                new BufferedReader(new InputStreamReader(new GZIPInputStream(resource), StandardCharsets.UTF_8))) {
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                var words = line.split(" ");
                if (words[0].equals("model")) {
                    manifests.add(head(codeBase, words));
                } else {
                    var shape = words[2].equals("-")
                            ? List.<Long>of()
                            : List.of(words[2].split("x")).stream()
                                    .map(Long::valueOf)
                                    .toList();
                    manifests
                            .get(manifests.size() - 1)
                            .tensors
                            .put(words[0], new Entry(shape, words[1], Role.valueOf(words[3])));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return manifests;
    }

    private static Manifest head(String codeBase, String[] words) {
        return new Manifest(
                codeBase,
                words[1],
                Integer.parseInt(words[2]),
                Integer.parseInt(words[3]),
                Integer.parseInt(words[4]),
                Integer.parseInt(words[5]),
                Long.parseLong(words[6]),
                Long.parseLong(words[7]),
                Long.parseLong(words[8]),
                new LinkedHashMap<>());
    }
}
