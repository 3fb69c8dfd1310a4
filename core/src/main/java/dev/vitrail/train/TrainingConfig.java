package dev.vitrail.train;

import static dev.vitrail.errors.VitrailException.require;
import static dev.vitrail.train.TrainingOptions.BATCH_SIZE;
import static dev.vitrail.train.TrainingOptions.CLASS_BALANCED_SAMPLING;
import static dev.vitrail.train.TrainingOptions.CLASS_WEIGHTS;
import static dev.vitrail.train.TrainingOptions.COOLDOWN_EPOCHS;
import static dev.vitrail.train.TrainingOptions.CROP_PCT;
import static dev.vitrail.train.TrainingOptions.CUTMIX;
import static dev.vitrail.train.TrainingOptions.CUTMIX_MINMAX;
import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.EVAL_INTERPOLATION;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;
import static dev.vitrail.train.TrainingOptions.GRADIENT_ACCUMULATION;
import static dev.vitrail.train.TrainingOptions.GRAD_CLIP_ADAPTIVE;
import static dev.vitrail.train.TrainingOptions.GRAD_CLIP_VALUE;
import static dev.vitrail.train.TrainingOptions.LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.LEARNING_RATE_SCALING;
import static dev.vitrail.train.TrainingOptions.LOSS;
import static dev.vitrail.train.TrainingOptions.MEAN;
import static dev.vitrail.train.TrainingOptions.MIN_LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.MIXUP;
import static dev.vitrail.train.TrainingOptions.MODEL;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.REFERENCE_BATCH;
import static dev.vitrail.train.TrainingOptions.REQUIRES_PRETRAINED;
import static dev.vitrail.train.TrainingOptions.SAMPLES_PER_EPOCH;
import static dev.vitrail.train.TrainingOptions.STD;
import static dev.vitrail.train.TrainingOptions.TEACHER;
import static dev.vitrail.train.TrainingOptions.TRAIN_FRACTION;
import static dev.vitrail.train.TrainingOptions.WARMUP_EPOCHS;

import dev.vitrail.images.PreprocessingOverrides;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that decides a training run, so that a run can be repeated from this alone: a value for each of the
 * {@link TrainingOptions}.
 */
public final class TrainingConfig {
    /** Every option at its default. */
    public static final TrainingConfig STANDARD = new TrainingConfig(Map.of());

    /** The values that are not the standard ones. */
    private final Map<TrainingOption<?>, Object> values;

    private TrainingConfig(Map<TrainingOption<?>, Object> values) {
        this.values = values;
    }

    /** The standard options for a model and data; longer runs begin with five epochs of warm-up. */
    public static TrainingConfig of(String model, String data, int epochs) {
        return STANDARD.with(MODEL, model)
                .with(DATA, data)
                .with(EPOCHS, epochs)
                .with(WARMUP_EPOCHS, epochs > 10 ? 5.0 : 0.0);
    }

    /**
     * This configuration with another number of epochs. Warm-up and cool-down stay as they are, but take no more than a
     * fifth of the run each.
     */
    public TrainingConfig withEpochs(int epochs) {
        if (epochs == get(EPOCHS)) {
            return this;
        }
        return with(EPOCHS, epochs)
                .with(WARMUP_EPOCHS, Math.min(get(WARMUP_EPOCHS), epochs / 5.0))
                .with(COOLDOWN_EPOCHS, Math.min(get(COOLDOWN_EPOCHS), epochs / 5.0));
    }

    /** An option's value. */
    @SuppressWarnings("unchecked") // `with` alone puts values in, and only such as belong to their option
    public <T> T get(TrainingOption<T> option) {
        return (T) values.getOrDefault(option, option.standard());
    }

    /**
     * This configuration with another value of an option.
     *
     * @throws dev.vitrail.errors.VitrailException if the option cannot have this value
     */
    public <T> TrainingConfig with(TrainingOption<T> option, T value) {
        var changed = new LinkedHashMap<>(values);
        option.checked(value);
        if (value.equals(option.standard())) {
            changed.remove(option);
        } else {
            changed.put(option, value);
        }
        return new TrainingConfig(changed);
    }

    /**
     * The pre-training that this run can begin with: masked patches of all training images, of which the labels are not
     * read. The other options are this run's, but for those that need labels or a trained model.
     *
     * @param epochs passes over all training images, whatever an epoch of this run is
     */
    public TrainingConfig pretraining(int epochs) {
        return with(OBJECTIVE, Objective.MASKED_PATCHES)
                .with(EPOCHS, epochs)
                .with(WARMUP_EPOCHS, get(WARMUP_EPOCHS) * epochs / get(EPOCHS))
                .with(SAMPLES_PER_EPOCH, Optional.empty())
                .with(COOLDOWN_EPOCHS, 0.0)
                .with(TRAIN_FRACTION, 1.0)
                .with(REQUIRES_PRETRAINED, false)
                .with(FREEZE_BACKBONE, false)
                .with(CLASS_BALANCED_SAMPLING, false)
                .with(MIXUP, 0.0)
                .with(CUTMIX, 0.0)
                .with(CUTMIX_MINMAX, Optional.empty())
                .with(TEACHER, Optional.empty());
    }

    /**
     * This configuration, whose options fit each other.
     *
     * @throws dev.vitrail.errors.VitrailException if they do not
     */
    public TrainingConfig checked() {
        require(!get(MODEL).isBlank(), "a run needs a model: name one of the catalogue, or a folder with weights");
        require(
                get(WARMUP_EPOCHS) + get(COOLDOWN_EPOCHS) < get(EPOCHS),
                "%s epochs of warm-up and cool-down leave nothing of %d epochs: let them be fewer",
                get(WARMUP_EPOCHS) + get(COOLDOWN_EPOCHS),
                get(EPOCHS));
        double top = peakLearningRate();
        require(
                get(MIN_LEARNING_RATE) <= top,
                "the lowest learning rate %s is above the top %s: change one of them",
                get(MIN_LEARNING_RATE),
                top);
        require(
                get(GRAD_CLIP_VALUE).isEmpty() || get(GRAD_CLIP_ADAPTIVE).isEmpty(),
                "gradients are clipped by value or adaptively, not both: leave out grad_clip_value or"
                        + " grad_clip_adaptive");
        require(
                get(CLASS_WEIGHTS) == TrainingLoss.Weighting.EQUAL || get(LOSS) == LossType.CROSS_ENTROPY,
                "class weights belong to the cross entropy: leave out class_weights, or the other loss");
        require(
                get(OBJECTIVE) == Objective.CLASSIFY || !mixes() && get(TEACHER).isEmpty() && !get(FREEZE_BACKBONE),
                "masked patches are learned from images as they are, by the whole model: leave out mixup, cutmix,"
                        + " cutmix_minmax, teacher and freeze_backbone");
        require(
                !mixes() || get(BATCH_SIZE) % 2 == 0,
                "mixing takes the images of a batch in pairs, and %d is odd: change the batch size, or mix nothing",
                get(BATCH_SIZE));
        return this;
    }

    /** The learning rate at the top of the schedule, scaled to the images of a step where that is asked for. */
    double peakLearningRate() {
        double rate = get(LEARNING_RATE);
        return get(LEARNING_RATE_SCALING)
                .map(scaling -> scaling.rate(rate, get(BATCH_SIZE), get(GRADIENT_ACCUMULATION), get(REFERENCE_BATCH)))
                .orElse(rate);
    }

    /** This configuration with the minimum learning rate lowered to the peak, where it is above. */
    TrainingConfig withMinLearningRateBelowPeak() {
        return with(MIN_LEARNING_RATE, Math.min(get(MIN_LEARNING_RATE), peakLearningRate()));
    }

    /** Overrides of the model's preprocessing. */
    public PreprocessingOverrides preprocessing() {
        return new PreprocessingOverrides(get(MEAN), get(STD), get(CROP_PCT), get(EVAL_INTERPOLATION));
    }

    /** Returns whether images are mixed with each other. */
    boolean mixes() {
        return get(MIXUP) > 0 || get(CUTMIX) > 0 || get(CUTMIX_MINMAX).isPresent();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TrainingConfig config && config.values.equals(values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    /** The options that are not at their standard values. */
    @Override
    public String toString() {
        return values.toString();
    }
}
