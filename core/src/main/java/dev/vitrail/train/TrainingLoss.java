package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.CLASS_WEIGHTS;
import static dev.vitrail.train.TrainingOptions.LABEL_SMOOTHING;
import static dev.vitrail.train.TrainingOptions.LOSS;
import static dev.vitrail.train.TrainingOptions.SUM_OVER_CLASSES;
import static dev.vitrail.train.TrainingOptions.TARGET_THRESHOLD;

import dev.vitrail.data.ClassWeights;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.MaskedPatches;
import dev.vitrail.models.Model;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The loss by a run's options: how far a model is from the labels and, if there is one, from a teacher.
 */
public final class TrainingLoss {
    /** Class weights of the loss. */
    public enum Weighting {
        EQUAL,
        INVERSE_FREQUENCY,
        EFFECTIVE_NUMBER;

        /** β of the effective number, for data sets of thousands of images (Cui et al., 2019, section 5.2). */
        private static final double BETA = 0.999;

        private Optional<float[]> of(int[] counts) {
            return switch (this) {
                case EQUAL -> Optional.empty();
                case INVERSE_FREQUENCY -> Optional.of(ClassWeights.inverseFrequency(counts));
                case EFFECTIVE_NUMBER -> Optional.of(ClassWeights.effectiveNumber(counts, BETA));
            };
        }
    }

    private final LossType kind;
    private final double smoothing;
    private final Losses.BinaryCrossEntropy binary;
    private final Optional<float[]> weights;
    private final Optional<Teacher> teacher;

    /**
     * @param counts {@code [classes]}, images of each class that are trained on; weights are made of them where a run
     *     has any
     * @param teacher remains the caller's to close
     */
    public TrainingLoss(TrainingConfig config, int[] counts, Optional<Teacher> teacher) {
        this(config, config.get(CLASS_WEIGHTS).of(counts), teacher);
    }

    /**
     * @param weights {@code [classes]}, of each class
     */
    TrainingLoss(TrainingConfig config, Optional<float[]> weights, Optional<Teacher> teacher) {
        kind = config.get(LOSS);
        smoothing = config.get(LABEL_SMOOTHING);
        binary = new Losses.BinaryCrossEntropy(
                smoothing,
                config.get(TARGET_THRESHOLD).map(OptionalDouble::of).orElse(OptionalDouble.empty()),
                config.get(SUM_OVER_CLASSES),
                Optional.empty());
        this.weights = weights;
        this.teacher = teacher;
    }

    /** Against the labels alone, all classes alike. */
    public static TrainingLoss ofLabels(TrainingConfig config) {
        return new TrainingLoss(config, Optional.<float[]>empty(), Optional.empty());
    }

    /** {@code [classes]}, how much each counts; empty where they count alike. */
    Optional<float[]> classWeights() {
        return weights;
    }

    /**
     * Total weight of the images of a batch: the sum of the weights of their classes.
     *
     * @param target {@code [B]} or {@code [B, classes]}
     * @return empty if images weigh alike
     */
    OptionalDouble weight(Tensor target) {
        return kind == LossType.CROSS_ENTROPY && weights.isPresent() && target.dims() == 1
                ? OptionalDouble.of(Frame.compute(() -> weights(target)
                        .indexSelect(0, target)
                        .to(DType.F64)
                        .sum()
                        .item()))
                : OptionalDouble.empty();
    }

    /**
     * A forward pass and its loss.
     *
     * @param mean over the images
     * @param logits {@code [B, classes]}; of masked patches {@code [B·M, colors]}
     * @param classes {@code [B]}, I64, the right ones (of mixed images, those with the largest share); or {@code [B·M]}
     */
    record Found(Tensor mean, Tensor logits, Tensor classes) {}

    /**
     * Runs a model.
     *
     * @param images {@code [B, C, H, W]}
     * @param target {@code [B]}, class indices, int64; or {@code [B, classes]} probabilities, float32, taken as they
     *     are; masked patches do without
     */
    Found of(Model model, Tensor images, Tensor target) {
        if (model instanceof MaskedPatches masked) {
            var guess = masked.guess(images);
            return new Found(Losses.crossEntropy(guess.logits(), guess.colors(), 0), guess.logits(), guess.colors());
        }
        var classes = target.dims() == 1 ? target : target.argmax(1);
        if (teacher.isEmpty()) {
            var logits = model.apply(images);
            return new Found(of(logits, target), logits, classes);
        }
        var heads = model.trainingLogits(images);
        return new Found(teacher.get().loss(of(heads.get(0), target), heads, images), heads.get(0), classes);
    }

    private Tensor of(Tensor logits, Tensor target) {
        return switch (kind) {
            case CROSS_ENTROPY -> {
                double spread = target.dims() == 1 ? smoothing : 0;
                yield weights.isPresent()
                        ? Losses.crossEntropy(logits, target, spread, weights(logits))
                        : Losses.crossEntropy(logits, target, spread);
            }
            case BINARY_CROSS_ENTROPY -> binary.of(logits, target);
        };
    }

    private Tensor weights(Tensor logits) {
        var values = weights.orElseThrow();
        return Tensor.of(values, values.length).to(logits.device());
    }
}
