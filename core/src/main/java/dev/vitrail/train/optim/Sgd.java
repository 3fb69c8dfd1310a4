package dev.vitrail.train.optim;

import dev.vitrail.VitrailException;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.FusedOptimizers;
import dev.vitrail.engine.Tensor;
import java.util.List;
import java.util.Map;

/** Stochastic SGD with momentum and weight decay added to the gradient, by libtorch's fused kernel. */
public final class Sgd implements Optimizer {
    /**
     * The numbers of SGD.
     *
     * @param momentum how much of the former direction a step keeps; 0 for none
     * @param nesterov whether the gradient counts as taken where the momentum leads (Sutskever et al., 2013)
     */
    public record Settings(double momentum, boolean nesterov) {
        public Settings {
            VitrailException.require(momentum >= 0 && momentum < 1, "momentum must be in [0, 1), found %s", momentum);
            VitrailException.require(
                    !nesterov || momentum > 0, "Nesterov's gradient needs a momentum above 0, found %s", momentum);
        }
    }

    private final List<ParameterGroup> groups;
    private final Settings settings;
    private final OptimizerState state;

    public Sgd(List<ParameterGroup> groups, Settings settings) {
        this.groups = List.copyOf(groups);
        this.settings = settings;
        // A buffer of zeros gives the first step what PyTorch gives it, the gradient itself.
        state = new OptimizerState(
                groups,
                parameter -> settings.momentum > 0
                        ? List.of(OptimizerState.Part.like("momentum_buffer", parameter))
                        : List.of());
    }

    @Override
    public List<ParameterGroup> groups() {
        return groups;
    }

    @Override
    public void step(double learningRate) {
        for (int i = 0; i < groups.size(); i++) {
            var group = groups.get(i);
            int index = i;
            Frame.run(() -> update(group, state.ready(index), learningRate));
        }
    }

    private void update(ParameterGroup group, List<OptimizerState.Slot> slots, double learningRate) {
        if (slots.isEmpty()) {
            return;
        }
        FusedOptimizers.sgd(
                OptimizerState.values(slots),
                OptimizerState.gradients(slots),
                settings.momentum > 0 ? OptimizerState.kept(slots, 0) : List.of(),
                learningRate * group.learningRateScale(),
                settings.momentum,
                settings.nesterov,
                group.weightDecay());
    }

    @Override
    public Map<String, Tensor> state() {
        return state.named();
    }

    @Override
    public void close() {
        state.close();
    }
}
