package dev.vitrail.train.optim;

import dev.vitrail.engine.Foreach;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.optim.OptimizerState.Part;
import dev.vitrail.train.optim.OptimizerState.Slot;
import java.util.List;

/**
 * Lion, which steps by the sign of an interpolated momentum and keeps one number for each weight where Adam keeps two
 * (Chen et al., 2023, <a href="https://arxiv.org/abs/2302.06675">arXiv:2302.06675</a>, algorithm 2).
 *
 * <p>For a gradient g of a parameter w: w ← w − η · (sign(β₁m + (1−β₁)g) + λw); m ← β₂m + (1−β₂)g. As every weight
 * moves by the whole learning rate, the paper takes one 3 to 10 times smaller than AdamW's, and a weight decay as many
 * times larger (section 5).
 */
public final class Lion extends GroupOptimizer {
    /**
     * The numbers of Lion.
     *
     * @param beta1 weight of the momentum in the direction of a step
     * @param beta2 how much of the momentum a step keeps
     */
    public record Settings(double beta1, double beta2) {
        /** The paper's. */
        public static final Settings DEFAULT = new Settings(0.9, 0.99);

        public Settings {
            VitrailException.require(
                    beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1,
                    "Lion needs betas in [0, 1), found %s and %s",
                    beta1,
                    beta2);
        }
    }

    private static final int MOMENTUM = 0;

    private final Settings settings;

    public Lion(List<ParameterGroup> groups, Settings settings) {
        super(groups, parameter -> List.of(Part.like("exp_avg", parameter)));
        this.settings = settings;
    }

    @Override
    void update(List<Slot> slots, double learningRate, double weightDecay) {
        var values = OptimizerState.values(slots);
        var momenta = OptimizerState.kept(slots, MOMENTUM);
        var gradients = OptimizerState.gradients(slots);
        if (weightDecay != 0) {
            Foreach.timesInPlace(values, 1 - learningRate * weightDecay);
        }
        var directions = Foreach.times(momenta, settings.beta1);
        Foreach.plusInPlace(directions, gradients, 1 - settings.beta1);
        Foreach.signInPlace(directions);
        Foreach.plusInPlace(values, directions, -learningRate);
        Foreach.lerpInPlace(momenta, gradients, 1 - settings.beta2);
    }
}
