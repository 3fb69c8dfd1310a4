package dev.vitrail.train;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tensors that an optimiser keeps beside each parameter, on its device, zero at first. */
final class OptimizerState {
    /** One parameter with what is kept for it, in the order of the parts' names. */
    record Slot(Parameter parameter, List<Tensor> kept) {}

    private final List<List<Slot>> groups = new ArrayList<>();
    private final Map<String, Tensor> named = new LinkedHashMap<>();

    /**
     * @param parts names of what is kept in the parameter's shape
     * @param counted whether the number of steps is kept too, as the last part, a number without dimensions
     */
    OptimizerState(List<ParameterGroup> parameters, List<String> parts, boolean counted) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            for (var group : parameters) {
                var slots = new ArrayList<Slot>();
                group.parameters().forEach((name, parameter) -> {
                    var kept = new ArrayList<Tensor>();
                    for (var part : parts) {
                        kept.add(zeros(name + "/" + part, parameter, parameter.shape()));
                    }
                    if (counted) {
                        kept.add(zeros(name + "/step", parameter));
                    }
                    slots.add(new Slot(parameter, List.copyOf(kept)));
                });
                groups.add(List.copyOf(slots));
            }
        }
    }

    private Tensor zeros(String name, Parameter parameter, long... shape) {
        var zeros = Tensor.empty(DType.F32, parameter.value().device(), shape)
                .fillInPlace(0)
                .keep();
        named.put(name, zeros);
        return zeros;
    }

    Map<String, Tensor> named() {
        return Collections.unmodifiableMap(named);
    }

    /** The slots of a group whose parameters have gradients now. */
    List<Slot> ready(int group) {
        return groups.get(group).stream()
                .filter(slot -> slot.parameter().value().hasGradient())
                .toList();
    }

    static List<Tensor> values(List<Slot> slots) {
        return slots.stream().map(slot -> slot.parameter().value()).toList();
    }

    static List<Tensor> gradients(List<Slot> slots) {
        return slots.stream().map(slot -> slot.parameter().value().gradient()).toList();
    }

    static List<Tensor> kept(List<Slot> slots, int part) {
        return slots.stream().map(slot -> slot.kept().get(part)).toList();
    }

    void close() {
        named.values().forEach(Tensor::release);
        named.clear();
        groups.clear();
    }
}
