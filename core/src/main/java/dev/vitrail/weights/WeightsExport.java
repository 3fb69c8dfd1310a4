package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ExportNames;
import dev.vitrail.models.ExportNames.CodeBase;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.ModelFamily;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** A model's weights as another code base names them. */
public final class WeightsExport {
    private WeightsExport() {}

    /**
     * The present weights of a model, without what serves training alone.
     *
     * @param names whose names; by default the model's own, which are timm's where timm has the model
     * @throws VitrailException if that code base has no place for a parameter, or no names are known for the family
     */
    public static List<StoredTensor> of(ModelFamily family, Model model, Optional<CodeBase> names) {
        var present = model.parameters().entrySet().stream()
                .filter(entry -> !model.onlyForTraining(entry.getKey()))
                .toList();
        var chosen = names.map(codeBase -> find(
                family,
                model.config(),
                codeBase,
                present.stream().map(Map.Entry::getKey).toList()));
        var tensors = new ArrayList<StoredTensor>();
        for (var entry : present) {
            var name = entry.getKey();
            var value = entry.getValue().value();
            tensors.addAll(chosen.map(found -> named(found, family, name, value))
                    .orElseGet(() -> List.of(stored(name, value))));
        }
        return tensors;
    }

    /** The names that have a place for all parameters; where none have, those whose first gap is told. */
    private static ExportNames find(ModelFamily family, ModelConfig model, CodeBase codeBase, List<String> parameters) {
        var candidates = family.exports().stream()
                .filter(names -> names.codeBase() == codeBase && names.suits(model))
                .toList();
        require(
                !candidates.isEmpty(),
                "no names of %s are known for %s: choose %s",
                codeBase,
                family.name(),
                choices(family));
        return candidates.stream()
                .filter(names -> parameters.stream()
                        .allMatch(parameter -> names.of(parameter).isPresent()))
                .findFirst()
                .orElse(candidates.get(0));
    }

    private static String choices(ModelFamily family) {
        var others = family.exports().stream()
                .map(names -> names.codeBase().toString())
                .distinct()
                .collect(Collectors.joining(" or "));
        return others.isEmpty() ? "timm" : "timm or " + others;
    }

    private static List<StoredTensor> named(ExportNames names, ModelFamily family, String name, Tensor value) {
        var place = names.of(name)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no place for the parameter %s of this %s: choose %s",
                        names.codeBase(), name, family.name(), choices(family)));
        var theirs = place.names();
        var tensors = new ArrayList<StoredTensor>();
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var values = place.values().apply(value);
            if (theirs.size() == 1) {
                return List.of(stored(theirs.get(0), values));
            }
            long rows = values.size(0) / theirs.size();
            for (int i = 0; i < theirs.size(); i++) {
                tensors.add(stored(theirs.get(i), values.narrow(0, i * rows, rows)));
            }
        }
        return tensors;
    }

    private static StoredTensor stored(String name, Tensor value) {
        return new StoredTensor(name, value.dtype(), value.shape(), ByteBuffer.wrap(value.toBytes()));
    }
}
