package dev.vitrail.doctor;

import static dev.vitrail.train.TrainingOptions.CROP;
import static dev.vitrail.train.TrainingOptions.CROP_SCALE;
import static dev.vitrail.train.TrainingOptions.EMA_DECAY;
import static dev.vitrail.train.TrainingOptions.EMA_WARMUP;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;
import static dev.vitrail.train.TrainingOptions.LABEL_SMOOTHING;
import static dev.vitrail.train.TrainingOptions.LAYER_DECAY;
import static dev.vitrail.train.TrainingOptions.LOSS;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.OPTIMIZER;
import static dev.vitrail.train.TrainingOptions.REQUIRES_PRETRAINED;
import static dev.vitrail.train.TrainingOptions.TARGET_THRESHOLD;

import dev.vitrail.data.TypicalSize;
import dev.vitrail.train.Augmentation;
import dev.vitrail.train.LearningRateScaling;
import dev.vitrail.train.LossType;
import dev.vitrail.train.Objective;
import dev.vitrail.train.OptimizerType;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Checks that options fit each other, the initial weights and the number of images. */
final class OptionChecks {
    /** Images in a step that {@link Usual} rates are for. */
    private static final int REFERENCE = 256;
    /** Steps below which a model with random weights has learned next to nothing. */
    private static final int FEWEST_STEPS = 1000;
    /** Share of the first weights in a running mean from which on it is no use. */
    private static final double STALE = 0.01;
    /** Side of the smallest random crop, pixels of the image, that still shows what it is of. */
    private static final int MIN_CROP_SIDE = 16;

    /**
     * The learning rates that papers and the recipes here use with an optimiser, for 256 images in a step, and how they
     * follow that number. They are wide: outside of them training is known to stand still or to diverge.
     *
     * @param lowest rate
     * @param highest rate
     * @param scaling none where the rate does not depend on it
     */
    private record Usual(double lowest, double highest, Optional<LearningRateScaling> scaling) {
        static Usual of(OptimizerType optimizer, boolean pretrained) {
            return switch (optimizer) {
                // Swin 5e-4, DeiT 2.5e-4, ConvNeXt 1e-3 by the root; ours 1e-3 and 3e-3 for 32 are 2.8e-3 and 8.5e-3.
                // Fine-tuning: BEiT 5e-4 and below.
                case ADAMW, ADAFACTOR ->
                    new Usual(
                            pretrained ? 1e-6 : 2e-5,
                            pretrained ? 2.5e-3 : 1e-2,
                            Optional.of(LearningRateScaling.SQUARE_ROOT));
                // Chen et al., 2023 (arXiv:2302.06675): a third to a tenth of AdamW's.
                case LION ->
                    new Usual(
                            pretrained ? 1e-7 : 2e-6,
                            pretrained ? 8e-4 : 2e-3,
                            Optional.of(LearningRateScaling.SQUARE_ROOT));
                // DeiT-III 3e-3 and 4e-3 (fine-tuning 3e-4), "ResNet strikes back" 5e-3 to 8e-3, whatever the batch.
                case LAMB -> new Usual(pretrained ? 1e-5 : 3e-4, 2e-2, Optional.empty());
                // Goyal et al., 2017: 0.1; ViT's fine-tuning 0.001 to 0.06 for 512.
                case SGD ->
                    new Usual(pretrained ? 1e-4 : 5e-3, pretrained ? 0.1 : 1, Optional.of(LearningRateScaling.LINEAR));
            };
        }

        double at(double rate, int images) {
            return scaling.map(how -> how.rate(rate, images, 1, REFERENCE)).orElse(rate);
        }
    }

    private OptionChecks() {}

    static List<Diagnosis> of(TrainingPlan plan, TypicalSize typical) {
        var config = plan.config();
        boolean pretrained = plan.model().pretrained();
        int images = plan.data().train().size();
        var findings = new ArrayList<Diagnosis>();
        start(config, pretrained, findings);
        targets(config, plan.data().train().classes().size(), findings);
        learningRate(plan, findings);
        long steps = plan.totalSteps();
        if (!pretrained && steps < FEWEST_STEPS) {
            findings.add(Diagnosis.warn(
                    "raise --epochs, lower --batch, or start from published weights (--model NAME.TAG)",
                    "%,d %s over %,d images make %,d steps, and from random weights a model needs some thousands",
                    config.get(EPOCHS),
                    config.get(EPOCHS) == 1 ? "epoch" : "epochs",
                    images,
                    steps));
        }
        runningMean(config, steps, findings);
        typical.side().ifPresent(side -> crops(config, side, findings));
        return findings;
    }

    private static void start(TrainingConfig config, boolean pretrained, List<Diagnosis> findings) {
        if (pretrained) {
            return;
        }
        if (config.get(FREEZE_BACKBONE)) {
            findings.add(Diagnosis.refuse(
                    "start from published weights (--model NAME.TAG), or train all layers (--no-freeze)",
                    "only the classifier would be trained, on a model whose other weights are random and stay so"));
        } else if (config.get(REQUIRES_PRETRAINED)) {
            findings.add(Diagnosis.refuse(
                    "start from published weights (--model NAME.TAG) or a run of yours (--model RUN), or take another"
                            + " recipe",
                    "the options are for a model that is trained already (requires_pretrained), and this one starts"
                            + " from random weights"));
        }
        if (config.get(LAYER_DECAY) < 1) {
            findings.add(Diagnosis.warn(
                    "set layer_decay to 1, or start from published weights (--model NAME.TAG)",
                    "a layer decay of %s spares layers that know something already, but the model starts from random"
                            + " weights",
                    config.get(LAYER_DECAY)));
        }
    }

    /** A threshold that smoothed labels are all above or all below tells the model nothing. */
    private static void targets(TrainingConfig config, int classes, List<Diagnosis> findings) {
        if (config.get(OBJECTIVE) != Objective.CLASSIFY
                || config.get(LOSS) != LossType.BINARY_CROSS_ENTROPY
                || config.get(TARGET_THRESHOLD).isEmpty()) {
            return;
        }
        double smoothing = config.get(LABEL_SMOOTHING),
                threshold = config.get(TARGET_THRESHOLD).get();
        double others = smoothing / classes, own = 1 - smoothing + others;
        if (others > threshold || own <= threshold) {
            findings.add(Diagnosis.refuse(
                    "set label_smoothing to 0, or target_threshold between the two",
                    "a label smoothed by %s is %.3g for its own class and %.3g for each other of %,d, so that"
                            + " target_threshold %s makes it %s for all",
                    smoothing,
                    own,
                    others,
                    classes,
                    threshold,
                    others > threshold ? "a yes" : "a no"));
        }
    }

    private static void learningRate(TrainingPlan plan, List<Diagnosis> findings) {
        var config = plan.config();
        boolean pretrained = plan.model().pretrained();
        double rate = plan.peakLearningRate();
        int batch = plan.batchSize() * plan.gradientAccumulation();
        var optimizer = config.get(OPTIMIZER);
        // A classifier by itself bears more than a backbone does.
        var usual = Usual.of(optimizer, pretrained && !config.get(FREEZE_BACKBONE));
        double lowest = usual.at(usual.lowest, batch), highest = usual.at(usual.highest, batch);
        if (config.get(FREEZE_BACKBONE)) {
            highest = Math.max(highest, 10 * usual.highest);
        }
        if (rate < lowest || rate > highest) {
            findings.add(Diagnosis.warn(
                    rate < lowest ? "raise it (--lr)" : "lower it (--lr), or take more images in a step",
                    "a learning rate of %.2g is %s for %s with %,d images in a step, where %.2g to %.2g is usual %s",
                    rate,
                    rate < lowest ? "low" : "high",
                    optimizer.name().toLowerCase(Locale.ROOT),
                    batch,
                    lowest,
                    highest,
                    pretrained ? "from trained weights" : "from random weights"));
        }
    }

    private static void runningMean(TrainingConfig config, long steps, List<Diagnosis> findings) {
        if (config.get(EMA_DECAY).isEmpty() || config.get(EMA_WARMUP)) {
            return;
        }
        double left = Math.pow(config.get(EMA_DECAY).get(), steps);
        if (left > STALE) {
            findings.add(Diagnosis.warn(
                    "set ema_warmup to true, or lower ema_decay",
                    "after %,d steps the EMA of the weights, which is evaluated and saved, is still made of the first"
                            + " ones by %.0f %%",
                    steps,
                    100 * left));
        }
    }

    private static void crops(TrainingConfig config, int imageSide, List<Diagnosis> findings) {
        long side = Math.round(imageSide * Math.sqrt(config.get(CROP_SCALE).low()));
        if (config.get(CROP) == Augmentation.Crop.RESIZED && side < MIN_CROP_SIDE) {
            findings.add(Diagnosis.warn(
                    "pad and crop small images instead (--set crop=pad), or raise the minimum of crop_scale",
                    "random crops keep as little as %.0f %% of an image of %d pixels a side: about %d×%d pixels,"
                            + " enlarged",
                    100 * config.get(CROP_SCALE).low(),
                    imageSide,
                    side,
                    side));
        }
    }
}
