package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.LABEL_SMOOTHING;
import static dev.vitrail.train.TrainingOptions.LOSS;

import dev.vitrail.engine.Tensor;

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
        binary = Losses.BinaryCrossEntropy.of(smoothing);
    }

    /**
     * The mean loss of a batch.
     *
     * @param logits {@code [B, classes]}
     * @param target {@code [B]}, class indices, int64
     */
    public Tensor of(Tensor logits, Tensor target) {
        return switch (kind) {
            case CROSS_ENTROPY -> Losses.crossEntropy(logits, target, smoothing);
            case BINARY_CROSS_ENTROPY -> binary.of(logits, target);
        };
    }
}
