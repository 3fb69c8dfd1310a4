package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.BETA1;
import static dev.vitrail.train.TrainingOptions.BETA2;
import static dev.vitrail.train.TrainingOptions.EPS;
import static dev.vitrail.train.TrainingOptions.GRAD_CLIP_ADAPTIVE;
import static dev.vitrail.train.TrainingOptions.GRAD_CLIP_NORM;
import static dev.vitrail.train.TrainingOptions.GRAD_CLIP_VALUE;
import static dev.vitrail.train.TrainingOptions.LAYER_DECAY;
import static dev.vitrail.train.TrainingOptions.MOMENTUM;
import static dev.vitrail.train.TrainingOptions.NESTEROV;
import static dev.vitrail.train.TrainingOptions.OPTIMIZER;
import static dev.vitrail.train.TrainingOptions.WEIGHT_DECAY;

import dev.vitrail.models.Model;
import dev.vitrail.train.optim.Adafactor;
import dev.vitrail.train.optim.AdamW;
import dev.vitrail.train.optim.GradientClipping;
import dev.vitrail.train.optim.Lamb;
import dev.vitrail.train.optim.Lion;
import dev.vitrail.train.optim.Optimizer;
import dev.vitrail.train.optim.ParameterGroups;
import dev.vitrail.train.optim.Sgd;
import java.util.OptionalDouble;

/** The optimizer that a run's options name, and how its gradients are kept short. */
public final class Optimizers {
    private Optimizers() {}

    /** Gradient clipping by the options. */
    static GradientClipping clipping(TrainingConfig config) {
        if (config.get(GRAD_CLIP_ADAPTIVE).isPresent()) {
            return GradientClipping.Adaptive.of(config.get(GRAD_CLIP_ADAPTIVE).get());
        }
        if (config.get(GRAD_CLIP_VALUE).isPresent()) {
            return new GradientClipping.Value(config.get(GRAD_CLIP_VALUE).get());
        }
        return config.get(GRAD_CLIP_NORM)
                .<GradientClipping>map(GradientClipping.Norm::new)
                .orElseGet(GradientClipping.None::new);
    }

    /** An optimiser of a model's trainable parameters. */
    public static Optimizer of(TrainingConfig config, Model model) {
        double weightDecay = config.get(WEIGHT_DECAY);
        double layerDecay = config.get(LAYER_DECAY);
        var groups = layerDecay < 1
                ? ParameterGroups.byLayer(model, weightDecay, layerDecay)
                : ParameterGroups.byWeightDecay(model, weightDecay);
        return switch (config.get(OPTIMIZER)) {
            case ADAMW ->
                new AdamW(
                        groups,
                        new AdamW.Settings(
                                config.get(BETA1).orElse(AdamW.Settings.DEFAULT.beta1()),
                                config.get(BETA2).orElse(AdamW.Settings.DEFAULT.beta2()),
                                config.get(EPS).orElse(AdamW.Settings.DEFAULT.eps())));
            case SGD -> new Sgd(groups, new Sgd.Settings(config.get(MOMENTUM), config.get(NESTEROV)));
            case LAMB ->
                new Lamb(
                        groups,
                        new Lamb.Settings(
                                config.get(BETA1).orElse(Lamb.Settings.DEFAULT.beta1()),
                                config.get(BETA2).orElse(Lamb.Settings.DEFAULT.beta2()),
                                config.get(EPS).orElse(Lamb.Settings.DEFAULT.eps()),
                                Lamb.Settings.DEFAULT.maxNorm(),
                                false,
                                false));
            case LION ->
                new Lion(
                        groups,
                        new Lion.Settings(
                                config.get(BETA1).orElse(Lion.Settings.DEFAULT.beta1()),
                                config.get(BETA2).orElse(Lion.Settings.DEFAULT.beta2())));
            case ADAFACTOR ->
                new Adafactor(
                        groups,
                        new Adafactor.Settings(
                                Adafactor.Settings.DEFAULT.decayRate(),
                                config.get(BETA2).orElse(Adafactor.Settings.DEFAULT.beta2Cap()),
                                config.get(MOMENTUM),
                                OptionalDouble.empty(),
                                Adafactor.Settings.DEFAULT.smallestFactored(),
                                Adafactor.Settings.DEFAULT.eps()));
        };
    }
}
