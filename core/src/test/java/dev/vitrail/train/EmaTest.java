package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Module;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EmaTest {
    private static final Fixture FIXTURE = new Fixture("ema");

    /** Parameters and buffers of the fixture's convolution, batch normalisation and linear layer. */
    private static final class Tensors extends Module {
        Tensors() {
            FIXTURE.below("model_0/").forEach((name, values) -> {
                switch (name) {
                    case "1.running_mean", "1.running_var" -> buffer(name, DType.F32, Init.zeros(), values.shape());
                    case "1.num_batches_tracked" -> buffer(name, DType.I64, Init.zeros(), values.shape());
                    default -> parameter(name, Init.zeros(), values.shape());
                }
            });
        }

        void become(int step) {
            FIXTURE.below("model_" + step + "/").forEach((name, values) -> {
                var parameter = Fixture.of(parameters(), name);
                parameter.assign(parameter.value().dtype() == DType.I64 ? values.classes() : values.tensor());
            });
        }
    }

    @Test
    void averagesAreTheOriginals() {
        try (var model = new Tensors();
                var frame = Frame.open()) {
            model.become(0);
            try (var ema = new Ema(model)) {
                for (int step = 1; step <= FIXTURE.json.get("steps").asInt(); step++) {
                    model.become(step);
                    ema.update(FIXTURE.json.get("decay").asDouble());
                }
                assertEqual(ema.state(), "ema_v3/");
                var ownWeight =
                        Fixture.of(model.parameters(), "0.weight").value().toFloats();
                ema.during(() -> assertThat(Fixture.of(model.parameters(), "0.weight")
                                .value()
                                .toFloats())
                        .usingComparatorWithPrecision(1e-6f)
                        .containsExactly(FIXTURE.get("ema_v3/0.weight").numbers()));
                assertThat(Fixture.of(model.parameters(), "0.weight").value().toFloats())
                        .isEqualTo(ownWeight);
                assertThat(Fixture.of(model.parameters(), "0.weight").value().requiresGradient())
                        .isTrue();
                assertEqual(ema.state(), "ema_v3/");
            }
        }
    }

    private static void assertEqual(Map<String, dev.vitrail.engine.Tensor> averages, String prefix) {
        assertThat(averages).hasSameSizeAs(FIXTURE.below(prefix));
        FIXTURE.below(prefix)
                .forEach((name, values) -> assertThat(Fixture.of(averages, name).toFloats())
                        .as(name)
                        .usingComparatorWithPrecision(1e-6f)
                        .containsExactly(values.numbers()));
    }

    @Test
    void warmUpForgetsTheFirstWeightsSoon() {
        var settings = new Ema.Settings(0.9999, true);
        var steps = FIXTURE.json.get("warmup_steps");
        for (int i = 0; i < steps.size(); i++) {
            assertThat(settings.decayAt(steps.get(i).asLong()))
                    .isCloseTo(FIXTURE.json.get("warmup_decay_example").get(i).asDouble(), within(1e-12));
        }
        assertThat(new Ema.Settings(0.9, true).decayAt(1000)).isEqualTo(0.9);
    }
}
