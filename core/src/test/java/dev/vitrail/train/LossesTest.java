package dev.vitrail.train;

import static dev.vitrail.train.Losses.Distillation.HARD;
import static dev.vitrail.train.Losses.Distillation.NONE;
import static dev.vitrail.train.Losses.Distillation.SOFT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.train.Losses.BinaryCrossEntropy;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every loss of the fixture: its value, and its gradient with respect to the logits. */
class LossesTest {
    private static final Fixture FIXTURE = new Fixture("losses");
    private static final Map<String, UnaryOperator<Tensor>> LOSSES = Map.ofEntries(
            Map.entry("cross_entropy", x -> Losses.crossEntropy(x, target(), 0)),
            Map.entry("cross_entropy_ls0.1_torch", x -> Losses.crossEntropy(x, target(), 0.1)),
            Map.entry("cross_entropy_soft_torch", x -> Losses.crossEntropy(x, soft(), 0)),
            Map.entry("timm_label_smoothing_0.1", x -> Losses.crossEntropy(x, target(), 0.1)),
            Map.entry("timm_label_smoothing_0.25", x -> Losses.crossEntropy(x, target(), 0.25)),
            Map.entry("timm_soft_target", x -> Losses.crossEntropy(x, soft(), 0)),
            Map.entry("timm_bce_dense_0.1", x -> BinaryCrossEntropy.of(0.1).of(x, target())),
            Map.entry("timm_bce_dense_0", x -> BinaryCrossEntropy.of(0).of(x, target())),
            Map.entry("timm_bce_soft", x -> BinaryCrossEntropy.of(0.1).of(x, soft())),
            Map.entry(
                    "timm_bce_soft_threshold_0.2",
                    x -> new BinaryCrossEntropy(0.1, OptionalDouble.of(0.2), false, Optional.empty()).of(x, soft())),
            Map.entry(
                    "timm_bce_sum_classes",
                    x -> new BinaryCrossEntropy(0.1, OptionalDouble.empty(), true, Optional.empty()).of(x, target())),
            Map.entry("timm_bce_pos_weight", x -> new BinaryCrossEntropy(
                            0.1, OptionalDouble.empty(), false, Optional.of(tensor("pos_weight")))
                    .of(x, target())),
            Map.entry("deit_distill_none_a0.5_t1", x -> distilled(x, NONE, 0.5, 1)),
            Map.entry("deit_distill_hard_a0.5_t1", x -> distilled(x, HARD, 0.5, 1)),
            Map.entry("deit_distill_soft_a0.3_t3", x -> distilled(x, SOFT, 0.3, 3)));

    private static Tensor distilled(Tensor x, Losses.Distillation how, double alpha, double temperature) {
        return Losses.distilled(
                Losses.crossEntropy(x, target(), 0),
                how,
                tensor("kd_logits"),
                tensor("teacher_logits"),
                alpha,
                temperature);
    }

    private static Tensor tensor(String name) {
        return FIXTURE.get(name).tensor();
    }

    private static Tensor target() {
        return FIXTURE.get("target").classes();
    }

    private static Tensor soft() {
        return tensor("soft_target");
    }

    @TestFactory
    Stream<DynamicTest> valuesAndGradientsAreTheOriginals() {
        return FIXTURE.json.get("values").properties().stream()
                .map(entry -> DynamicTest.dynamicTest(
                        entry.getKey(),
                        () -> assertLoss(entry.getKey(), entry.getValue().asDouble())));
    }

    private static void assertLoss(String name, double expected) {
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            var logits = tensor("logits").requireGradient(true);
            var loss = Fixture.of(LOSSES, name).apply(logits);
            assertThat(loss.item()).isCloseTo(expected, within(1e-6));
            loss.backward();
            assertThat(logits.gradient().toFloats())
                    .usingComparatorWithPrecision(1e-6f)
                    .containsExactly(FIXTURE.get("dlogits/" + name).numbers());
        }
    }

    @Test
    void distillationReachesTheDistillationLogits() {
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            for (var how : new Losses.Distillation[] {HARD, SOFT}) {
                var logits = tensor("kd_logits").requireGradient(true);
                Losses.distilled(Tensors.full(1, 1), how, logits, tensor("teacher_logits"), 0.5, 2)
                        .backward();
                assertThat(Tensors.largest(logits.gradient())).isGreaterThan(0.001);
            }
        }
    }
}
