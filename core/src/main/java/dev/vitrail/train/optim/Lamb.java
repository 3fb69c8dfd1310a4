package dev.vitrail.train.optim;

import dev.vitrail.engine.Foreach;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.optim.OptimizerState.Part;
import dev.vitrail.train.optim.OptimizerState.Slot;
import java.util.List;
import java.util.OptionalDouble;

/**
 * LAMB: Adam whose step for each tensor is as long as the tensor itself (You et al., 2020, <a
 * href="https://arxiv.org/abs/1904.00962">arXiv:1904.00962</a>, algorithm 2), the optimiser of DeiT III and of ResNet's
 * "strikes back" recipes, in the form in which NVIDIA and timm have it: the whole gradient is clipped first, and what
 * has no weight decay keeps Adam's own step unless {@code alwaysAdapt}.
 *
 * <p>For a gradient g of a parameter w, at step t: m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; r = (m/(1−β₁ᵗ)) /
 * (√(v/(1−β₂ᵗ)) + eps) + λw; w ← w − η · (‖w‖/‖r‖) · r. The ratio is 1 where either length is 0.
 */
public final class Lamb extends GroupOptimizer {
    /**
     * The numbers of LAMB.
     *
     * @param beta1 how much of the mean of the gradients a step keeps
     * @param beta2 how much of the mean of their squares a step keeps
     * @param eps added to the root of that mean
     * @param maxNorm longest that the gradient of all parameters together may be; empty: it is not clipped
     * @param trustClip whether the ratio ‖w‖/‖r‖ is at most 1, so that a step is never longer than Adam's
     * @param alwaysAdapt whether parameters without weight decay are given the ratio too
     */
    public record Settings(
            double beta1, double beta2, double eps, OptionalDouble maxNorm, boolean trustClip, boolean alwaysAdapt) {
        /** timm's, which DeiT III and the recipes of "ResNet strikes back" use. */
        public static final Settings DEFAULT = new Settings(0.9, 0.999, 1e-6, OptionalDouble.of(1), false, false);

        public Settings {
            VitrailException.require(
                    beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && eps > 0,
                    "LAMB needs betas in [0, 1) and a positive eps, found %s, %s and %s",
                    beta1,
                    beta2,
                    eps);
            VitrailException.require(
                    maxNorm.isEmpty() || maxNorm.getAsDouble() > 0,
                    "LAMB clips the gradient's norm to a positive length, found %s",
                    maxNorm.orElse(0));
        }
    }

    private static final int MEAN = 0, SQUARE = 1, STEP = 2;

    private final Settings settings;
    /** Factor of all gradients of a step, such that together they are not longer than allowed. */
    private double factor = 1;

    public Lamb(List<ParameterGroup> groups, Settings settings) {
        super(
                groups,
                parameter ->
                        List.of(Part.like("exp_avg", parameter), Part.like("exp_avg_sq", parameter), Part.counter()));
        this.settings = settings;
    }

    @Override
    void prepare(List<Slot> slots) {
        factor = 1;
        if (settings.maxNorm.isEmpty() || slots.isEmpty()) {
            return;
        }
        double norm = Frame.compute(() -> Tensor.stack(0, Foreach.norms(OptimizerState.gradients(slots)))
                .norm(false, 0)
                .item());
        factor = norm > settings.maxNorm.getAsDouble() ? settings.maxNorm.getAsDouble() / norm : 1;
    }

    @Override
    void update(List<Slot> slots, double learningRate, double weightDecay) {
        var values = OptimizerState.values(slots);
        var means = OptimizerState.kept(slots, MEAN);
        var squares = OptimizerState.kept(slots, SQUARE);
        var gradients = OptimizerState.gradients(slots);
        var clipped = factor == 1 ? gradients : Foreach.times(gradients, factor);
        Foreach.lerpInPlace(means, clipped, 1 - settings.beta1);
        Foreach.timesInPlace(squares, settings.beta2);
        Foreach.plusProductInPlace(squares, clipped, clipped, 1 - settings.beta2);

        var steps = slots.stream().mapToLong(slot -> slot.count(STEP)).toArray();
        var divisors = Foreach.dividedBy(Foreach.squareRoots(squares), corrections(settings.beta2, steps, 0.5));
        Foreach.plusInPlace(divisors, settings.eps);
        var updates = Foreach.dividedBy(means, corrections(settings.beta1, steps, 1));
        Foreach.dividedByInPlace(updates, divisors);
        if (weightDecay != 0) {
            Foreach.plusInPlace(updates, values, weightDecay);
        }
        if (weightDecay != 0 || settings.alwaysAdapt) {
            Foreach.timesInPlace(updates, trustRatios(values, updates));
        }
        Foreach.plusInPlace(values, updates, -learningRate);
    }

    /** {@code (1 − betaᵗ)ᵖᵒʷᵉʳ} for each number t of a step. */
    private static double[] corrections(double beta, long[] steps, double power) {
        var corrections = new double[steps.length];
        for (int i = 0; i < steps.length; i++) {
            corrections[i] = Math.pow(1 - Math.pow(beta, steps[i]), power);
        }
        return corrections;
    }

    private List<Tensor> trustRatios(List<Tensor> values, List<Tensor> updates) {
        var weight = Tensor.stack(0, Foreach.norms(values));
        var update = Tensor.stack(0, Foreach.norms(updates));
        var ratio = weight.dividedBy(update).maskedFill(weight.equalTo(0), 1).maskedFill(update.equalTo(0), 1);
        return (settings.trustClip ? ratio.atMost(1) : ratio).unbind(0);
    }
}
