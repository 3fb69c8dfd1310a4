package dev.vitrail.train.optim;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Parameter;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/** An optimizer that updates one group of parameters after the other, with state beside each parameter. */
abstract class GroupOptimizer implements Optimizer {
    private final List<ParameterGroup> groups;
    private final OptimizerState state;

    /**
     * @param parts what is kept for a parameter
     */
    GroupOptimizer(List<ParameterGroup> groups, Function<Parameter, List<OptimizerState.Part>> parts) {
        this.groups = List.copyOf(groups);
        state = new OptimizerState(groups, parts);
    }

    @Override
    public final List<ParameterGroup> groups() {
        return groups;
    }

    @Override
    public final void step(double learningRate) {
        Frame.run(() -> {
            var ready = IntStream.range(0, groups.size()).mapToObj(state::ready).toList();
            prepare(ready.stream().flatMap(List::stream).toList());
            for (int i = 0; i < ready.size(); i++) {
                var group = groups.get(i);
                var slots = ready.get(i);
                if (!slots.isEmpty()) {
                    Frame.run(() -> update(slots, learningRate * group.learningRateScale(), group.weightDecay()));
                }
            }
        });
    }

    /** Looks at all parameters that have a gradient, before any of them is updated. */
    void prepare(List<OptimizerState.Slot> all) {}

    /**
     * Updates the parameters of a group.
     *
     * @param slots those that have a gradient, one or more
     * @param learningRate the group's
     */
    abstract void update(List<OptimizerState.Slot> slots, double learningRate, double weightDecay);

    @Override
    public final Map<String, Tensor> state() {
        return state.named();
    }

    @Override
    public final void close() {
        state.close();
    }
}
