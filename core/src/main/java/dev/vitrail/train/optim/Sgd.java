package dev.vitrail.train.optim;

import dev.vitrail.engine.FusedOptimizers;
import dev.vitrail.errors.VitrailException;
import java.util.List;

/** SGD with momentum and weight decay added to the gradient, by libtorch's fused kernel. */
public final class Sgd extends GroupOptimizer {
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

    private final Settings settings;

    public Sgd(List<ParameterGroup> groups, Settings settings) {
        super( // a buffer of zeros gives the first step what PyTorch gives it, the gradient itself
                groups,
                parameter -> settings.momentum > 0
                        ? List.of(OptimizerState.Part.like("momentum_buffer", parameter))
                        : List.of());
        this.settings = settings;
    }

    @Override
    void update(List<OptimizerState.Slot> slots, double learningRate, double weightDecay) {
        FusedOptimizers.sgd(
                OptimizerState.values(slots),
                OptimizerState.gradients(slots),
                settings.momentum > 0 ? OptimizerState.kept(slots, 0) : List.of(),
                learningRate,
                settings.momentum,
                settings.nesterov,
                weightDecay);
    }
}
