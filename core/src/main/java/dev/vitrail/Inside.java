package dev.vitrail;

import dev.vitrail.models.Observed;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Class scores of pictures, and what lies on the way to them.
 *
 * @param logits {@code [pictures, classes]}
 * @param results what blocks and attention layers gave, by name, in the order of computation; pictures come first in every shape
 *     but that of Swin's attention, which has windows there
 */
public record Inside(FloatArray logits, Map<String, FloatArray> results) {
    public Inside {
        results = Collections.unmodifiableMap(new LinkedHashMap<>(results));
    }

    /**
     * What the block or attention layer of that name gave.
     *
     * @throws VitrailException if it was not asked for
     */
    public FloatArray result(String name) {
        return Optional.ofNullable(results.get(name)).orElseThrow(() -> Observed.missing(name, results.keySet()));
    }
}
