package dev.vitrail.models;

import dev.vitrail.VitrailException;
import dev.vitrail.engine.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A batch's class scores, with what modules gave on the way to them. All tensors belong to the frame of whoever asked.
 *
 * @param logits {@code [B, classes]}
 * @param results by name, in the order of computation
 */
public record Observed(Tensor logits, Map<String, Tensor> results) {
    public Observed {
        results = Collections.unmodifiableMap(new LinkedHashMap<>(results));
    }

    /**
     * What the module of that name gave.
     *
     * @throws VitrailException if it was not asked for, or did not run
     */
    public Tensor result(String name) {
        return Optional.ofNullable(results.get(name)).orElseThrow(() -> missing(name, results.keySet()));
    }

    /** The sentence for a name that is not among results. */
    public static VitrailException missing(String name, Set<String> known) {
        return VitrailException.of(
                "there is no result of '%s': the results are of %s",
                name, known.isEmpty() ? "nothing" : String.join(", ", known));
    }
}
