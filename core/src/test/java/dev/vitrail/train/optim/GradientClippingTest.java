package dev.vitrail.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.train.Fixture;
import dev.vitrail.train.Losses;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class GradientClippingTest {
    /** Gradients of a tiny model before and after clipping, and what clipping said of their length before. */
    private record Outcome(Model model, Map<String, float[]> before, Map<String, float[]> after, double norm) {
        void each(BiConsumer<String, float[]> check) {
            after.forEach(check);
        }
    }

    private static void clipped(GradientClipping clipping, Consumer<Outcome> check) {
        try (var model = ViTConfig.of(8, 4, 16, 1, 2).withClasses(5).create();
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            Fixture.of(model.parameters(), "cls_token").setTrainable(false);
            RandomState.seed(2);
            try (var on = Gradients.on()) {
                Losses.crossEntropy(model.apply(Tensor.randn(4, 3, 8, 8)), Tensor.of(new long[] {0, 1, 2, 3}, 4), 0)
                        .times(30)
                        .backward();
            }
            var before = gradients(model);
            double norm = clipping.apply(model);
            check.accept(new Outcome(model, before, gradients(model), norm));
        }
    }

    private static Map<String, float[]> gradients(Model model) {
        var found = new LinkedHashMap<String, float[]>();
        model.parameters().forEach((name, parameter) -> {
            if (parameter.value().hasGradient()) {
                found.put(name, parameter.value().gradient().toFloats());
            }
        });
        return found;
    }

    private static double length(Iterable<float[]> gradients) {
        double squares = 0;
        for (var gradient : gradients) {
            for (float g : gradient) {
                squares += (double) g * g;
            }
        }
        return Math.sqrt(squares);
    }

    @Test
    void noneTellsTheLengthAlone() {
        clipped(new GradientClipping.None(), outcome -> {
            assertThat(outcome.norm).isCloseTo(length(outcome.before.values()), within(1e-3));
            assertThat(outcome.before).doesNotContainKey("cls_token");
            outcome.each((name, g) -> assertThat(g).as(name).isEqualTo(outcome.before.get(name)));
        });
    }

    @Test
    void normShortensAllAlike() {
        clipped(new GradientClipping.Norm(0.5), outcome -> {
            assertThat(outcome.norm).isGreaterThan(1).isCloseTo(length(outcome.before.values()), within(1e-3));
            assertThat(length(outcome.after.values())).isCloseTo(0.5, within(1e-5));
            outcome.each((name, g) -> {
                for (int i = 0; i < g.length; i++) {
                    assertThat((double) g[i])
                            .isCloseTo(Fixture.of(outcome.before, name)[i] * 0.5 / outcome.norm, within(1e-6));
                }
            });
        });
    }

    @Test
    void valueBoundsEachElement() {
        clipped(new GradientClipping.Value(0.02), outcome -> {
            assertThat(outcome.norm).isCloseTo(length(outcome.before.values()), within(1e-3));
            outcome.each((name, g) -> {
                for (int i = 0; i < g.length; i++) {
                    float before = Fixture.of(outcome.before, name)[i];
                    assertThat(g[i]).isEqualTo(Math.max(-0.02f, Math.min(0.02f, before)));
                }
            });
        });
    }

    @Test
    void adaptiveBoundsEachUnitByItsWeights() {
        clipped(GradientClipping.Adaptive.of(0.05), outcome -> {
            int[] shortened = {0, 0};
            outcome.each((name, g) -> {
                var before = Fixture.of(outcome.before, name);
                if (name.startsWith("head.")) {
                    assertThat(g).as(name).isEqualTo(before);
                    return;
                }
                var parameter = Fixture.of(outcome.model.parameters(), name);
                var weight = parameter.value().toFloats();
                int units = parameter.shape().length > 1 ? (int) parameter.shape()[0] : 1;
                int size = g.length / units;
                for (int unit = 0; unit < units; unit++) {
                    double w = 0, old = 0;
                    for (int i = unit * size; i < (unit + 1) * size; i++) {
                        w += (double) weight[i] * weight[i];
                        old += (double) before[i] * before[i];
                    }
                    double limit = 0.05 * Math.max(Math.sqrt(w), 1e-3);
                    double factor = Math.min(1, limit / Math.sqrt(old));
                    shortened[factor < 1 ? 1 : 0]++;
                    for (int i = unit * size; i < (unit + 1) * size; i++) {
                        assertThat((double) g[i]).as(name).isCloseTo(before[i] * factor, within(1e-6));
                    }
                }
            });
            assertThat(shortened).as("units left alone, and units shortened").doesNotContain(0);
        });
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> new GradientClipping.Norm(0))
                .isInstanceOf(VitrailException.class)
                .hasMessage("the norm that gradients are clipped by must be positive, found 0.0");
    }
}
