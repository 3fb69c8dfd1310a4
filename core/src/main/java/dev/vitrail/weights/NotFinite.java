package dev.vitrail.weights;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Looks for weights that are infinite or no numbers, as a training that ran off leaves them: a model of
 * these gives nothing.
 */
final class NotFinite {
    private static final int SHOWN = 3;

    /** Number of non-finite elements of each tensor, and of all its elements. */
    private final Map<String, long[]> found = new LinkedHashMap<>();

    /**
     * A copy of one tensor, looked at. Small types are looked at as what they become: their sum is finite only if
     * all numbers are.
     *
     * @param dtype of the copy
     */
    Tensor copy(String name, StoredTensor stored, DType dtype) {
        if (stored.dtype() == DType.F32 && dtype == DType.F32) {
            var copy = Tensor.checked(stored.bytes(), stored.shape());
            if (!copy.finite()) {
                count(name, stored);
            }
            return copy.tensor();
        }
        var values = Tensor.of(stored.bytes(), stored.dtype(), stored.shape());
        values = stored.dtype() == dtype ? values : values.to(dtype);
        if (dtype.floating() && !Double.isFinite(values.sum().item())) {
            count(name, stored);
        }
        return values;
    }

    private void count(String name, StoredTensor stored) {
        long count = 0;
        for (float value : stored.toFloats()) {
            count += Float.isFinite(value) ? 0 : 1;
        }
        if (count > 0) {
            found.put(name, new long[] {count, stored.elements()});
        }
    }

    /** Refuses weights that are not finite, by name and number. */
    void requireNone(String origin) {
        VitrailException.require(
                found.isEmpty(),
                "%s holds weights that are not finite (NaN or infinite): %s%s; a training that ran off leaves such, so"
                        + " load an earlier checkpoint of it",
                origin,
                found.entrySet().stream()
                        .limit(SHOWN)
                        .map(entry -> "%d of the %d numbers of %s"
                                .formatted(
                                        entry.getValue()[0],
                                        entry.getValue()[1],
                                        FormatErrors.printable(entry.getKey())))
                        .collect(Collectors.joining(", ")),
                found.size() > SHOWN ? " and of %d tensors more".formatted(found.size() - SHOWN) : "");
    }
}
