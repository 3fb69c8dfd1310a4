package dev.vitrail.parity;

import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.Losses;
import dev.vitrail.train.Losses.BinaryCrossEntropy;
import dev.vitrail.train.Losses.Distillation;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/** Losses and their gradients with respect to the logits. */
final class LossParity {
    private static final double VALUE = 2e-6;
    private static final Pattern SMOOTHING = Pattern.compile("(?:cross_entropy_ls|timm_label_smoothing_)([\\d.]+).*");
    private static final Pattern DENSE = Pattern.compile("timm_bce_dense_([\\d.]+)");
    private static final Pattern THRESHOLD = Pattern.compile("timm_bce_soft_threshold_([\\d.]+)");
    private static final Pattern DISTILLATION = Pattern.compile("deit_distill_(none|hard|soft)_a([\\d.]+)_t([\\d.]+)");
    /** Smoothing of the original's binary cross entropy unless it is said. */
    private static final double DEFAULT_SMOOTHING = 0.1;

    private final GoldenCase golden;

    private LossParity(GoldenCase golden) {
        this.golden = golden;
    }

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var losses = new LossParity(golden);
        golden.json().path("values").fieldNames().forEachRemaining(name -> {
            try (var on = Gradients.on()) {
                var logits = golden.tensor("logits").requireGradient(true);
                var loss = losses.loss(name, logits);
                outcome.check(
                        "loss_error",
                        "the loss " + name,
                        Difference.of(loss.toFloats(), golden.floats("loss/" + name)),
                        VALUE,
                        VALUE);
                loss.backward();
                outcome.check(
                        "gradient_error",
                        "the gradient of " + name,
                        Difference.of(logits.gradient().toFloats(), golden.floats("dlogits/" + name)),
                        VALUE,
                        VALUE);
            }
        });
    }

    private Tensor loss(String name, Tensor logits) {
        var target = golden.tensor("target");
        var soft = golden.tensor("soft_target");
        var smoothing = SMOOTHING.matcher(name);
        if (smoothing.matches()) {
            return Losses.crossEntropy(logits, target, number(smoothing.group(1)));
        }
        var dense = DENSE.matcher(name);
        if (dense.matches()) {
            return BinaryCrossEntropy.of(number(dense.group(1))).of(logits, target);
        }
        var threshold = THRESHOLD.matcher(name);
        if (threshold.matches()) {
            var limit = OptionalDouble.of(number(threshold.group(1)));
            return new BinaryCrossEntropy(DEFAULT_SMOOTHING, limit, false, Optional.empty()).of(logits, soft);
        }
        var distillation = DISTILLATION.matcher(name);
        if (distillation.matches()) {
            return Losses.distilled(
                    Losses.crossEntropy(logits, target, 0),
                    Distillation.valueOf(distillation.group(1).toUpperCase(Locale.ROOT)),
                    golden.tensor("kd_logits"),
                    golden.tensor("teacher_logits"),
                    number(distillation.group(2)),
                    number(distillation.group(3)));
        }
        return switch (name) {
            case "cross_entropy" -> Losses.crossEntropy(logits, target, 0);
            case "cross_entropy_soft_torch", "timm_soft_target" -> Losses.crossEntropy(logits, soft, 0);
            case "timm_bce_soft" -> BinaryCrossEntropy.of(DEFAULT_SMOOTHING).of(logits, soft);
            case "timm_bce_sum_classes" ->
                new BinaryCrossEntropy(DEFAULT_SMOOTHING, OptionalDouble.empty(), true, Optional.empty())
                        .of(logits, target);
            case "timm_bce_pos_weight" ->
                new BinaryCrossEntropy(
                                DEFAULT_SMOOTHING,
                                OptionalDouble.empty(),
                                false,
                                Optional.of(golden.tensor("pos_weight")))
                        .of(logits, target);
            default -> throw VitrailException.of("the loss '%s' is not known here", name);
        };
    }

    private static double number(String text) {
        return Double.parseDouble(text);
    }
}
