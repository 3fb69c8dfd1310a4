package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.BETA1;
import static dev.vitrail.train.TrainingOptions.BETA2;
import static dev.vitrail.train.TrainingOptions.EPS;
import static dev.vitrail.train.TrainingOptions.LAYER_DECAY;
import static dev.vitrail.train.TrainingOptions.MOMENTUM;
import static dev.vitrail.train.TrainingOptions.NESTEROV;
import static dev.vitrail.train.TrainingOptions.OPTIMIZER;
import static dev.vitrail.train.TrainingOptions.WEIGHT_DECAY;

import dev.vitrail.models.Model;

/** The optimiser that a run's options name. */
public final class Optimizers {
    /** The optimisers to choose from. */
    public enum Kind {
        ADAMW,
        SGD
    }

    private Optimizers() {}

    /** An optimiser of a model's trainable parameters. */
    public static Optimizer of(TrainingConfig config, Model model) {
        double weightDecay = config.get(WEIGHT_DECAY);
        double layerDecay = config.get(LAYER_DECAY);
        var groups = layerDecay < 1
                ? ParameterGroups.byLayer(model, weightDecay, layerDecay)
                : ParameterGroups.byWeightDecay(model, weightDecay);
        return switch (config.get(OPTIMIZER)) {
            case ADAMW -> new AdamW(groups, new AdamW.Settings(config.get(BETA1), config.get(BETA2), config.get(EPS)));
            case SGD -> new Sgd(groups, new Sgd.Settings(config.get(MOMENTUM), config.get(NESTEROV)));
        };
    }
}
