package dev.vitrail.models;

import dev.vitrail.engine.Tensor;
import java.util.Collection;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * Takes from a forward pass the feature maps that somebody asked for. They are part of the recorded graph, if
 * there is one.
 */
public final class FeatureTap implements AutoCloseable {
    /** Nobody asks. */
    public static final FeatureTap NONE = new FeatureTap(Set.of(), false);

    private final Set<Integer> wanted;
    private final boolean normalised;
    private final SortedMap<Integer, Tensor> taken = new TreeMap<>();

    FeatureTap(Collection<Integer> wanted, boolean normalised) {
        this.wanted = Set.copyOf(wanted);
        this.normalised = normalised;
    }

    /** Whether the model's last normalisation shall be applied to the maps that it fits. */
    public boolean normalised() {
        return normalised;
    }

    /**
     * Takes the result of a stage or block, if it is wanted.
     *
     * @param index of the map in {@link Model#featureInfo}
     * @param result in the family's layout
     * @param map to {@code [B, C, H, W]}
     */
    public void take(int index, Tensor result, UnaryOperator<Tensor> map) {
        if (wanted.contains(index)) {
            taken.put(index, map.apply(result).keep());
        }
    }

    /** What was taken, by index; it lives until this is closed. */
    SortedMap<Integer, Tensor> taken() {
        return taken;
    }

    @Override
    public void close() {
        taken.values().forEach(Tensor::release);
    }
}
