package dev.vitrail.weights;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ExportNames;
import dev.vitrail.models.ExportNames.CodeBase;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelFamily;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
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
        var chosen = names.map(codeBase -> find(family, codeBase));
        var tensors = new ArrayList<StoredTensor>();
        for (var entry : model.parameters().entrySet()) {
            var name = entry.getKey();
            if (!model.onlyForTraining(name)) {
                var value = entry.getValue().value();
                tensors.addAll(chosen.map(found -> named(found, family, name, value))
                        .orElseGet(() -> List.of(stored(name, value))));
            }
        }
        return tensors;
    }

    private static ExportNames find(ModelFamily family, CodeBase codeBase) {
        return family.exports().stream()
                .filter(names -> names.codeBase() == codeBase)
                .findFirst()
                .orElseThrow(() -> VitrailException.of(
                        "no names of %s are known for %s: choose %s", codeBase, family.name(), choices(family)));
    }

    private static String choices(ModelFamily family) {
        var others = family.exports().stream()
                .map(names -> names.codeBase().toString())
                .collect(Collectors.joining(" or "));
        return others.isEmpty() ? "timm" : "timm or " + others;
    }

    private static List<StoredTensor> named(ExportNames names, ModelFamily family, String name, Tensor value) {
        var theirs = names.of(name)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no place for the parameter %s of this %s: choose %s",
                        names.codeBase(), name, family.name(), choices(family)));
        long rows = theirs.size() == 1 ? 0 : value.size(0) / theirs.size();
        var parts = new ArrayList<StoredTensor>();
        for (int i = 0; i < theirs.size(); i++) {
            int part = i;
            parts.add(
                    theirs.size() == 1
                            ? stored(theirs.get(0), value)
                            : Frame.compute(() -> {
                                try (var off = Gradients.off()) {
                                    return stored(theirs.get(part), value.narrow(0, part * rows, rows));
                                }
                            }));
        }
        return parts;
    }

    private static StoredTensor stored(String name, Tensor value) {
        return new StoredTensor(name, value.dtype(), value.shape(), ByteBuffer.wrap(value.toBytes()));
    }
}
