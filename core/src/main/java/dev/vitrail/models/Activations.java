package dev.vitrail.models;

import dev.vitrail.errors.VitrailException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Logits of a batch, and outputs of modules on the way to them.
 *
 * @param logits {@code [B, classes]}
 * @param outputs by the names of modules and hook points, in the order of computation; images come first in every shape
 *     but that of Swin's attention, which has windows there
 * @param <T> {@link dev.vitrail.engine.Tensor}, of the caller's frame, or an array
 */
public record Activations<T>(T logits, Map<String, T> outputs) {
    public Activations {
        outputs = Collections.unmodifiableMap(new LinkedHashMap<>(outputs));
    }

    /**
     * The output of the module or hook point of that name.
     *
     * @throws VitrailException if it was not asked for, or did not run
     */
    public T output(String name) {
        return Optional.ofNullable(outputs.get(name)).orElseThrow(() -> missing(name, outputs.keySet()));
    }

    private static VitrailException missing(String name, Set<String> known) {
        return VitrailException.of(
                "there is no output of '%s': the outputs are of %s",
                name, known.isEmpty() ? "nothing" : String.join(", ", known));
    }
}
