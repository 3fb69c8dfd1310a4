package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.CheckpointFormat;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** The tensors of a weights file by name, in the file's order, with what the file says about itself. Immutable. */
public final class StateDict implements Iterable<StoredTensor> {
    private final Map<String, StoredTensor> tensors;
    private final Map<String, String> metadata;
    private final String origin;
    private final boolean averaged;
    private final Optional<String> architecture;
    private final List<String> notes;

    /**
     * @param origin where the tensors come from, for the sentences of errors: usually a path
     * @throws VitrailException if two tensors have one name
     */
    public StateDict(Collection<StoredTensor> tensors, Map<String, String> metadata, String origin) {
        this(tensors, metadata, origin, false, Optional.empty(), List.of());
    }

    /**
     * @param averaged see {@link #averaged()}
     * @param architecture see {@link #architecture()}
     * @param notes see {@link #notes()}
     */
    public StateDict(
            Collection<StoredTensor> tensors,
            Map<String, String> metadata,
            String origin,
            boolean averaged,
            Optional<String> architecture,
            List<String> notes) {
        var byName = new LinkedHashMap<String, StoredTensor>();
        for (var tensor : tensors) {
            VitrailException.require(
                    byName.put(tensor.name(), tensor) == null,
                    "%s holds two tensors named %s; names must differ",
                    origin,
                    FormatErrors.printable(tensor.name()));
        }
        this.tensors = Collections.unmodifiableMap(byName);
        this.metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
        this.origin = origin;
        this.averaged = averaged;
        this.architecture = architecture;
        this.notes = List.copyOf(notes);
    }

    /** Tensors by name, in the file's order. */
    public Map<String, StoredTensor> tensors() {
        return tensors;
    }

    /** Names in the file's order. */
    public Set<String> names() {
        return tensors.keySet();
    }

    public Optional<StoredTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /**
     * The tensor of that name.
     *
     * @throws VitrailException if there is none
     */
    public StoredTensor get(String name) {
        return find(name)
                .orElseThrow(() -> VitrailException.of(
                        "%s holds no tensor named %s (it holds %d others)", origin, name, tensors.size()));
    }

    /** This state dict without the tensors whose names are {@code unwanted}. */
    StateDict without(Predicate<String> unwanted) {
        if (names().stream().noneMatch(unwanted)) {
            return this;
        }
        var kept = tensors.values().stream()
                .filter(tensor -> !unwanted.test(tensor.name()))
                .toList();
        return with(kept);
    }

    /** Other tensors of the same file. */
    StateDict with(Collection<StoredTensor> others) {
        return new StateDict(others, metadata, origin, averaged, architecture, notes);
    }

    /**
     * This state dict by our names.
     *
     * @param whose names they were, which {@link TransformersNames#origin} tells
     * @param sentences in place of {@link #notes}
     */
    StateDict translated(Collection<StoredTensor> ours, String whose, List<String> sentences) {
        var more = new LinkedHashMap<>(metadata);
        more.put(TransformersNames.TRANSLATED, whose);
        return new StateDict(ours, more, origin, averaged, architecture, sentences);
    }

    /**
     * The tensors by our names, where these are another code base's; without those that we do not store. What a format
     * splits but cannot be cut keeps its name.
     */
    Map<String, StoredTensor> translated(CheckpointFormat format) {
        var ours = new LinkedHashMap<String, StoredTensor>();
        tensors.forEach((theirs, tensor) -> {
            var names = format.split().apply(theirs);
            if (names.isEmpty()) {
                format.rename().apply(theirs).ifPresent(name -> ours.put(name, tensor.named(name)));
                return;
            }
            var parts = tensor.parts(names.size());
            if (parts.isEmpty()) {
                ours.put(theirs, tensor);
            }
            for (int i = 0; i < parts.size(); i++) {
                var part = parts.get(i);
                names.get(i).ifPresent(name -> ours.put(name, part.named(name)));
            }
        });
        return ours;
    }

    public int size() {
        return tensors.size();
    }

    /** Text that the file carries beside its tensors, such as {@code format} or {@code epoch}. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** Origin of the tensors, to name in errors. */
    public String origin() {
        return origin;
    }

    /** Returns whether the file keeps these as the EMA over training, apart from the weights as trained. */
    public boolean averaged() {
        return averaged;
    }

    /** The architecture that the file says its weights are of, such as timm's {@code arch}; nobody has looked it up. */
    public Optional<String> architecture() {
        return architecture.or(() -> Optional.ofNullable(metadata.get("arch")));
    }

    /** Sentences for a person about where the reader found the tensors. */
    public List<String> notes() {
        return notes;
    }

    @Override
    public Iterator<StoredTensor> iterator() {
        return tensors.values().iterator();
    }

    @Override
    public String toString() {
        return "%d tensors of %s".formatted(tensors.size(), origin);
    }
}
