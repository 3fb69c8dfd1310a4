package dev.vitrail.train.optim;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The tensors that an optimiser keeps beside each parameter, zero at first. */
final class OptimizerState {
    /** Name of the part that counts steps. */
    private static final String STEP = "step";

    /** One parameter with what is kept for it, in the order of its parts. */
    record Slot(Parameter parameter, List<Tensor> kept) {
        /** Counts one more step in a part that {@link Part#counter} declared; gives its number, from 1. */
        long count(int part) {
            return (long) kept.get(part).plusInPlace(1).item();
        }
    }

    /**
     * State of one parameter under one name.
     *
     * @param name PyTorch's
     * @param onParametersDevice whether it lies where the parameter does; else in main memory
     */
    record Part(String name, DType dtype, boolean onParametersDevice, long... shape) {
        /** F32 in the parameter's shape. */
        static Part like(String name, Parameter parameter) {
            return new Part(name, DType.F32, true, parameter.shape());
        }

        /** The number of steps, F32 without dimensions, where the fused kernels want it. */
        static Part counterForKernels() {
            return new Part(STEP, DType.F32, true);
        }

        /** The number of steps, in main memory, where reading it never waits for a GPU. */
        static Part counter() {
            return new Part(STEP, DType.F32, false);
        }
    }

    private final List<List<Slot>> groups = new ArrayList<>();
    private final Map<String, Tensor> named = new LinkedHashMap<>();

    /**
     * @param parts what is kept for a parameter
     */
    OptimizerState(List<ParameterGroup> parameters, Function<Parameter, List<Part>> parts) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            for (var group : parameters) {
                var slots = new ArrayList<Slot>();
                group.parameters().forEach((name, parameter) -> {
                    var kept = parts.apply(parameter).stream()
                            .map(part -> zeros(name, part, parameter))
                            .toList();
                    slots.add(new Slot(parameter, kept));
                });
                groups.add(List.copyOf(slots));
            }
        }
    }

    private Tensor zeros(String parameterName, Part part, Parameter parameter) {
        var device = part.onParametersDevice ? parameter.value().device() : Device.CPU;
        var zeros = Tensor.empty(part.dtype, device, part.shape).fillInPlace(0).keep();
        named.put(parameterName + "/" + part.name, zeros);
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
