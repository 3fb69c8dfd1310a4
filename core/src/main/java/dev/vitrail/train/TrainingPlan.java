package dev.vitrail.train;

import static dev.vitrail.errors.VitrailException.require;
import static dev.vitrail.train.TrainingOptions.BATCH_SIZE;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.GRADIENT_ACCUMULATION;
import static dev.vitrail.train.TrainingOptions.LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.LEARNING_RATE_SCALING;
import static dev.vitrail.train.TrainingOptions.MIN_LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.REFERENCE_BATCH;

import dev.vitrail.data.Sampler;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.images.augment.TrainingTransform;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.train.schedule.Schedule;
import dev.vitrail.weights.FolderConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A training run, resolved: everything that follows from its options, its data and its model, derived once. The
 * trainer, the doctor and what is printed all read it here.
 *
 * @param config the options as the run uses them and {@code config.yaml} keeps them
 * @param data images to train on and to validate by
 * @param model the model that is trained; remains the caller's to close
 * @param sampler the order of the training images in each epoch
 * @param transform from a decoded image to the model's input, with augmentation
 * @param mixing of the images of a batch; empty for none
 * @param batchesPerEpoch full batches in an epoch
 * @param stepsPerEpoch optimizer steps in an epoch
 * @param peakLearningRate learning rate at the top of the schedule
 * @param schedule learning rate by step, counted from 0; for a plateau, before its factor
 * @param reasons why a value is not the one that was asked for, a sentence each
 */
public record TrainingPlan(
        TrainingConfig config,
        TrainAndValidation data,
        LoadedModel model,
        Sampler sampler,
        TrainingTransform transform,
        Optional<Mixing> mixing,
        int batchesPerEpoch,
        int stepsPerEpoch,
        double peakLearningRate,
        Schedule schedule,
        List<String> reasons) {
    public TrainingPlan {
        reasons = List.copyOf(reasons);
    }

    /**
     * Resolves a run. Where an epoch has fewer images than a step is to have, the batch is made smaller, such that its
     * images still mix in pairs, and fewer batches are accumulated; a scaled learning rate follows, and the minimum
     * with it.
     *
     * @param config whose options fit each other ({@link TrainingConfig#checked})
     * @throws dev.vitrail.errors.VitrailException if there are too few images to mix, or the augmentation does not fit
     *     the model's input
     */
    public static TrainingPlan resolve(TrainingConfig config, TrainAndValidation data, LoadedModel model) {
        var reasons = new ArrayList<String>();
        var sampler = Augmentation.sampler(config, data.train());
        var fitted = fitted(config, sampler.length(), reasons);
        int batches = sampler.length() / fitted.get(BATCH_SIZE);
        int steps = -Math.floorDiv(-batches, fitted.get(GRADIENT_ACCUMULATION)); // rounded up
        double peak = fitted.peakLearningRate();
        return new TrainingPlan(
                fitted,
                data,
                model,
                sampler,
                Augmentation.of(fitted, model.preprocessing()),
                Augmentation.mixing(fitted),
                batches,
                steps,
                peak,
                Schedules.of(fitted, peak, steps),
                reasons);
    }

    /** The options for epochs of so many images. */
    static TrainingConfig fitted(TrainingConfig config, int images, List<String> reasons) {
        boolean mixes = config.mixes();
        require(
                !mixes || images > 1,
                "mixing takes images in pairs, and an epoch has %d: add images, or leave out mixup and cutmix",
                images);
        int batch = Math.max(1, Math.min(config.get(BATCH_SIZE), mixes ? images - images % 2 : images));
        int accumulation = Math.max(1, Math.min(config.get(GRADIENT_ACCUMULATION), images / batch));
        if (batch < config.get(BATCH_SIZE)) {
            say(
                    reasons,
                    "batch_size %d is lowered to %d: an epoch has %d images",
                    config.get(BATCH_SIZE),
                    batch,
                    images);
        }
        if (accumulation < config.get(GRADIENT_ACCUMULATION)) {
            say(
                    reasons,
                    "gradient_accumulation %d is lowered to %d: an epoch has no more batches",
                    config.get(GRADIENT_ACCUMULATION),
                    accumulation);
        }
        var fitted = config.with(BATCH_SIZE, batch)
                .with(GRADIENT_ACCUMULATION, accumulation)
                .withMinLearningRateBelowPeak();
        fitted.get(LEARNING_RATE_SCALING)
                .filter(scaling -> fitted.peakLearningRate() != fitted.get(LEARNING_RATE))
                .ifPresent(scaling -> say(
                        reasons,
                        "learning_rate %s for %d images a step is scaled to %s for %d (%s)",
                        fitted.get(LEARNING_RATE),
                        fitted.get(REFERENCE_BATCH),
                        fitted.peakLearningRate(),
                        batch * accumulation,
                        scaling.name().toLowerCase(Locale.ROOT)));
        if (!fitted.get(MIN_LEARNING_RATE).equals(config.get(MIN_LEARNING_RATE))) {
            say(
                    reasons,
                    "min_learning_rate %s is lowered to the peak, %s",
                    config.get(MIN_LEARNING_RATE),
                    fitted.get(MIN_LEARNING_RATE));
        }
        return fitted;
    }

    private static void say(List<String> reasons, String sentence, Object... values) {
        reasons.add(String.format(Locale.ROOT, sentence, values));
    }

    /** Images in a batch. */
    public int batchSize() {
        return config.get(BATCH_SIZE);
    }

    /** Batches whose gradients are added up in a step. */
    public int gradientAccumulation() {
        return config.get(GRADIENT_ACCUMULATION);
    }

    public int epochs() {
        return config.get(EPOCHS);
    }

    /** Optimizer steps of the whole run. */
    public long totalSteps() {
        return (long) epochs() * stepsPerEpoch;
    }

    /** The learning rate of a step, counted from 0, after the epochs that were made so far. */
    double learningRate(long step, List<EpochSummary> made) {
        return schedule.rate(step) * Schedules.plateau(config, peakLearningRate, made);
    }

    /** Description of the model for its folder, with the names of its classes. */
    FolderConfig description() {
        return model.description(
                config.get(OBJECTIVE) == Objective.CLASSIFY ? data.train().classes() : List.of());
    }
}
