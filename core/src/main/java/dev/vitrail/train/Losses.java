package dev.vitrail.train;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Loss functions. Shapes: {@code B} images, {@code K} classes; each loss is a number without dimensions.
 *
 * <p>A target is {@code [B]} classes (I64) or {@code [B, K]} probabilities (F32). Logits of a half-precision type are
 * taken to F32 first.
 */
public final class Losses {
    private Losses() {}

    /**
     * Cross entropy, the mean over images.
     *
     * @param smoothing share of the target spread evenly over all classes (Szegedy et al., 2016, arXiv:1512.00567)
     */
    public static Tensor crossEntropy(Tensor logits, Tensor target, double smoothing) {
        return Functional.crossEntropy(full(logits), target, smoothing);
    }

    /**
     * Cross entropy where some classes count more than others, such as rare ones: the mean over the weights of the
     * targets' classes; with probabilities as targets, over images.
     *
     * @param weights {@code [K]}
     */
    public static Tensor crossEntropy(Tensor logits, Tensor target, double smoothing, Tensor weights) {
        return Functional.crossEntropy(full(logits), target, smoothing, weights);
    }

    private static Tensor full(Tensor logits) {
        return logits.dtype() == DType.F32 ? logits : logits.to(DType.F32);
    }

    /**
     * Binary cross entropy, one for each class (Beyer et al., 2020, arXiv:2006.07159; Wightman et
     * al., 2021, arXiv:2110.00476).
     *
     * @param smoothing share of a class target spread evenly over all classes; probabilities are taken as they are
     * @param threshold probabilities above it count as yes, all others as no; empty: probabilities are the targets
     * @param sumOverClasses whether the loss of an image is the sum over classes; else it is the mean
     * @param positiveWeight {@code [K]}, factor of the term of the positives
     */
    public record BinaryCrossEntropy(
            double smoothing, OptionalDouble threshold, boolean sumOverClasses, Optional<Tensor> positiveWeight) {
        public static BinaryCrossEntropy of(double smoothing) {
            return new BinaryCrossEntropy(smoothing, OptionalDouble.empty(), false, Optional.empty());
        }

        /** The loss, the mean over images. */
        public Tensor of(Tensor logits, Tensor target) {
            var wanted = target.dims() == 1 ? smoothed(target, logits.size(1)) : target;
            if (threshold.isPresent()) {
                wanted = wanted.greaterThan(threshold.getAsDouble()).to(DType.F32);
            }
            var each = Functional.binaryCrossEntropy(full(logits), wanted, positiveWeight.orElse(null)); // [B, K]
            return sumOverClasses ? each.sum(false, 1).mean() : each.mean();
        }

        private Tensor smoothed(Tensor classes, long count) {
            return Functional.oneHot(classes, count).times(1 - smoothing).plus(smoothing / count);
        }
    }

    /** Knowledge distillation from a teacher (Touvron et al., 2021, arXiv:2012.12877, section 4). */
    public enum Distillation {
        /** No distillation. */
        NONE,
        /** The teacher's class is the target (the paper's eq. 3). */
        HARD,
        /** The teacher's softened probabilities are (Hinton et al., 2015, arXiv:1503.02531; the paper's eq. 2). */
        SOFT
    }

    /**
     * {@code (1 − alpha) · base + alpha · distillation}.
     *
     * @param base the loss of the class logits against the true classes
     * @param logits {@code [B, K]} of the distillation token, or the class logits where there is none
     * @param teacher {@code [B, K]}, without gradient
     * @param alpha the teacher's share
     * @param temperature divides the logits of both in {@link Distillation#SOFT}
     */
    public static Tensor distilled(
            Tensor base, Distillation how, Tensor logits, Tensor teacher, double alpha, double temperature) {
        return switch (how) {
            case NONE -> base;
            case HARD ->
                base.times(1 - alpha)
                        .plus(crossEntropy(logits, teacher.argmax(1), 0).times(alpha));
            case SOFT -> {
                var student = Functional.logSoftmax(full(logits).times(1 / temperature), 1);
                var wanted = Functional.logSoftmax(full(teacher).times(1 / temperature), 1);
                // The divergence is averaged over B·K, not over B as the paper's equation would have it: so DeiT's code
                // does.
                var divergence = wanted.exp().times(wanted.minus(student)).sum();
                double factor = temperature * temperature / logits.count();
                yield base.times(1 - alpha).plus(divergence.times(factor * alpha));
            }
        };
    }
}
