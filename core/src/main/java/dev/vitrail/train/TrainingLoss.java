package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.LABEL_SMOOTHING;
import static dev.vitrail.train.TrainingOptions.LOSS;
import static dev.vitrail.train.TrainingOptions.SUM_OVER_CLASSES;
import static dev.vitrail.train.TrainingOptions.TARGET_THRESHOLD;

import dev.vitrail.engine.Tensor;
import java.util.Optional;
import java.util.OptionalDouble;

/** What a run's options say is to be made small. */
public final class TrainingLoss {
    /** The losses to choose from. */
    public enum Kind {
        CROSS_ENTROPY,
        BINARY_CROSS_ENTROPY
    }

    private final Kind kind;
    private final double smoothing;
    private final Losses.BinaryCrossEntropy binary;

    public TrainingLoss(TrainingConfig config) {
        kind = config.get(LOSS);
        smoothing = config.get(LABEL_SMOOTHING);
        binary = new Losses.BinaryCrossEntropy(
                smoothing,
                config.get(TARGET_THRESHOLD).map(OptionalDouble::of).orElse(OptionalDouble.empty()),
                config.get(SUM_OVER_CLASSES),
                Optional.empty());
    }

    /**
     * The mean loss of a batch.
     *
     * @param logits {@code [B, classes]}
     * @param target {@code [B]}, class indices, int64; or {@code [B, classes]} probabilities, float32, taken as they are
     */
    public Tensor of(Tensor logits, Tensor target) {
        return switch (kind) {
            case CROSS_ENTROPY -> Losses.crossEntropy(logits, target, target.dims() == 1 ? smoothing : 0);
            case BINARY_CROSS_ENTROPY -> binary.of(logits, target);
        };
    }
}
