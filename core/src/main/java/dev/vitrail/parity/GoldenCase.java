package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.StoredTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A golden case as it lies on disk.
 *
 * @param path its JSON file
 * @param json what it says
 * @param tensors the safetensors file that it names; empty if it names none
 */
record GoldenCase(Path path, JsonNode json, StateDict tensors) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Reads a case; empty if the JSON file is something else. */
    static Optional<GoldenCase> read(Path path) {
        JsonNode json;
        try {
            json = MAPPER.readTree(path.toFile());
        } catch (IOException e) {
            throw new VitrailException(path + " is not a golden case: " + e.getMessage(), e);
        }
        if (!json.hasNonNull("kind") || !json.hasNonNull("id")) {
            return Optional.empty();
        }
        var file = json.path("file").asText("");
        var tensors = file.isEmpty()
                ? new StateDict(List.of(), Map.of(), path.toString())
                : Safetensors.read(path.resolveSibling(file));
        return Optional.of(new GoldenCase(path, json, tensors));
    }

    String id() {
        return json.path("id").asText();
    }

    String kind() {
        return json.path("kind").asText();
    }

    /** Another file of the case. */
    Path sibling(String file) {
        var sibling = path.resolveSibling(file);
        VitrailException.require(Files.isRegularFile(sibling), "the case %s needs the file %s", id(), sibling);
        return sibling;
    }

    boolean has(String name) {
        return tensors.find(name).isPresent();
    }

    /** A tensor of the case, in the caller's frame. */
    Tensor tensor(String name) {
        var stored = tensors.get(name);
        return Tensor.of(stored.bytes(), stored.dtype(), stored.shape());
    }

    float[] floats(String name) {
        return tensors.get(name).toFloats();
    }

    /** The tensors whose names start with a prefix, without it. */
    StateDict below(String prefix) {
        List<StoredTensor> found = tensors.tensors().values().stream()
                .filter(tensor -> tensor.name().startsWith(prefix))
                .map(tensor -> tensor.named(tensor.name().substring(prefix.length())))
                .collect(Collectors.toList());
        return new StateDict(found, Map.of(), path.toString());
    }
}
