package dev.vitrail.train.optim;

import dev.vitrail.engine.FusedOptimizers;
import dev.vitrail.errors.VitrailException;
import java.util.List;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019, <a
 * href="https://arxiv.org/abs/1711.05101">arXiv:1711.05101</a>), by libtorch's fused kernel.
 */
public final class AdamW extends GroupOptimizer {
    /**
     * The numbers of AdamW.
     *
     * @param beta1 how much of the mean of the gradients a step keeps
     * @param beta2 how much of the mean of their squares a step keeps
     * @param eps added to the root of that mean
     */
    public record Settings(double beta1, double beta2, double eps) {
        /** PyTorch's, and the papers' unless they say otherwise. */
        public static final Settings DEFAULT = new Settings(0.9, 0.999, 1e-8);

        public Settings {
            VitrailException.require(
                    beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && eps > 0,
                    "AdamW needs betas in [0, 1) and a positive eps, found %s, %s and %s",
                    beta1,
                    beta2,
                    eps);
        }
    }

    private static final int MEAN = 0, SQUARE = 1, STEP = 2;

    private final Settings settings;

    public AdamW(List<ParameterGroup> groups, Settings settings) {
        super(
                groups,
                parameter -> List.of(
                        OptimizerState.Part.like("exp_avg", parameter),
                        OptimizerState.Part.like("exp_avg_sq", parameter),
                        OptimizerState.Part.counterForKernels()));
        this.settings = settings;
    }

    @Override
    void update(List<OptimizerState.Slot> slots, double learningRate, double weightDecay) {
        var steps = OptimizerState.kept(slots, STEP);
        steps.forEach(step -> step.plusInPlace(1));
        FusedOptimizers.adamW(
                OptimizerState.values(slots),
                OptimizerState.gradients(slots),
                OptimizerState.kept(slots, MEAN),
                OptimizerState.kept(slots, SQUARE),
                steps,
                learningRate,
                settings.beta1,
                settings.beta2,
                weightDecay,
                settings.eps);
    }
}
