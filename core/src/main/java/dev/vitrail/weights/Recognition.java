package dev.vitrail.weights;

import dev.vitrail.models.Catalog;
import dev.vitrail.models.Model;
import dev.vitrail.models.Variant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Says what a checkpoint looks like that does not fit. */
final class Recognition {
    private static final int SHOWN = 5;

    private Recognition() {}

    /** One sentence that lists what is wrong and what the file seems to be. */
    static String sentence(
            StateDict state, Model model, List<String> missing, Collection<String> unexpected, List<String> misshapen) {
        var parts = new ArrayList<String>();
        if (!missing.isEmpty()) {
            parts.add("%d tensors are missing (%s)".formatted(missing.size(), some(missing)));
        }
        if (!unexpected.isEmpty()) {
            parts.add("%d are unexpected (%s)".formatted(unexpected.size(), some(unexpected)));
        }
        if (!misshapen.isEmpty()) {
            parts.add("%d have another shape (%s)".formatted(misshapen.size(), some(misshapen)));
        }
        var looksLike = variantOf(state)
                .map(variant -> "it looks like %s of the family %s: name that model"
                        .formatted(variant.name(), variant.family().name()))
                .orElse("name the model that it was made from, or check that the file is complete");
        return "%s does not fit the model: %s; %s".formatted(state.origin(), String.join(", ", parts), looksLike);
    }

    private static String some(Collection<String> names) {
        var shown = String.join(", ", names.stream().limit(SHOWN).toList());
        return names.size() > SHOWN ? shown + ", …" : shown;
    }

    /** The variant whose names and shapes the checkpoint has, classifier aside. */
    static Optional<Variant> variantOf(StateDict state) {
        for (var variant : Catalog.variants()) {
            if (matches(variant, state)) {
                return Optional.of(variant);
            }
        }
        return Optional.empty();
    }

    private static boolean matches(Variant variant, StateDict state) {
        try (var model = variant.create()) {
            var shapes = model.parameters();
            var names = renamed(variant, state, shapes.keySet());
            return shapes.entrySet().stream()
                    .filter(entry -> model.classifiers().stream()
                            .noneMatch(c -> entry.getKey().startsWith(c + ".")))
                    .allMatch(entry -> Optional.ofNullable(names.get(entry.getKey()))
                            .map(tensor -> Arrays.equals(
                                    tensor.shape(), entry.getValue().shape()))
                            .orElse(false));
        }
    }

    private static Map<String, StoredTensor> renamed(Variant variant, StateDict state, Set<String> expected) {
        if (!state.names().containsAll(expected)) {
            for (var dialect : variant.family().dialects()) {
                if (dialect.recognises().test(state.names())) {
                    var tensors = new java.util.LinkedHashMap<String, StoredTensor>();
                    state.forEach(
                            tensor -> dialect.rename().apply(tensor.name()).ifPresent(n -> tensors.put(n, tensor)));
                    return tensors;
                }
            }
        }
        return state.tensors();
    }
}
