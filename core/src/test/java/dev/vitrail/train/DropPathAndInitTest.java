package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Init;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Random draws against the originals' statistics. */
class DropPathAndInitTest {
    @BeforeAll
    static void oneThread() {
        Threads.set(1);
    }

    @AfterAll
    static void allThreads() {
        Threads.set(Runtime.getRuntime().availableProcessors());
    }

    private static final Fixture FIXTURE = new Fixture("drop_path_and_init");

    @Test
    void ratesRiseLinearlyOverAllStages() {
        for (var rates : FIXTURE.json.get("drop_path_rates")) {
            var expected = Stream.<JsonNode>builder();
            for (var rate : rates.get("rates")) {
                if (rate.isArray()) {
                    rate.forEach(expected::add);
                } else {
                    expected.add(rate);
                }
            }
            var wanted = expected.build().mapToDouble(JsonNode::asDouble).toArray();
            assertThat(DropPath.linear(rates.get("rate").asDouble(), wanted.length))
                    .containsExactly(wanted, within(1e-7));
        }
    }

    @Test
    void aDroppedBranchIsZeroAndAKeptOneScaled() {
        double p = FIXTURE.json.get("drop_path_p").asDouble();
        float kept = (float) FIXTURE.json.get("drop_path_kept_value_scale1").asDouble();
        var dropPath = new DropPath(p);
        dropPath.train(true);
        RandomState.seed(5);
        try (var frame = Frame.open()) {
            var y = dropPath.apply(Tensor.ones(40_000, 2));
            assertThat(y.mean().item())
                    .isCloseTo(FIXTURE.json.get("drop_path_mean_scale1").asDouble(), within(0.01));
            assertThat(y.select(1, 0).toFloats())
                    .isEqualTo(y.select(1, 1).toFloats())
                    .containsOnly(0, kept);
            dropPath.train(false);
            assertThat(dropPath.apply(Tensor.ones(50)).toFloats()).containsOnly(1);
        }
    }

    @Test
    void truncatedNormalsAreTheOriginals() {
        RandomState.seed(6);
        for (var sample : FIXTURE.json.get("init_statistics")) {
            switch (sample.get("fn").asText() + " " + sample.path("mean").asText() + " "
                    + sample.path("std").asText()) {
                case "trunc_normal_ 0.0 0.02" -> assertStatistics(sample, Init.truncatedNormal(0.02), false);
                case "trunc_normal_ 0.0 1.0" -> assertStatistics(sample, Init.truncatedNormal(1), true);
                case "lecun_normal_ fan_in=300  " ->
                    assertStatistics(sample, Init.truncatedNormalOfVariance(1.0 / 300), true);
                default -> {} // the others occur in no model
            }
        }
    }

    private static void assertStatistics(JsonNode expected, Init init, boolean cut) {
        try (var frame = Frame.open()) {
            var values = Tensor.zeros(300, 400);
            init.fill(values);
            double std = expected.get("sample_std").asDouble();
            assertThat(values.mean().item()).isCloseTo(0, within(std / 50));
            assertThat(values.variance(false, 0, 1).squareRoot().item()).isCloseTo(std, within(std / 50));
            // Where the cut bites, the largest sample sits just below it; elsewhere it varies with the draw.
            double largest = expected.get("max").asDouble();
            assertThat(values.max().item()).isCloseTo(largest, within(largest * (cut ? 0.001 : 0.3)));
        }
    }

    @TestFactory
    Stream<DynamicTest> modelsStartAsTheOriginals() {
        return FIXTURE.json.get("model_default_init_mean_std_absmax").properties().stream()
                .filter(entry -> Catalog.find(entry.getKey()).isPresent())
                .map(entry ->
                        DynamicTest.dynamicTest(entry.getKey(), () -> assertStart(entry.getKey(), entry.getValue())));
    }

    private static void assertStart(String variant, JsonNode expected) {
        try (var model = Catalog.get(variant).create();
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            expected.properties().forEach(entry -> {
                var values = Fixture.of(model.parameters(), entry.getKey()).value();
                double mean = entry.getValue().get(0).asDouble();
                double std = entry.getValue().get(1).asDouble();
                double noise = 6 * Math.max(std, 1e-7) / Math.sqrt(values.count());
                assertThat(values.mean().item()).as(entry.getKey()).isCloseTo(mean, within(2 * noise + 2e-6));
                double found = values.flatten(0).variance(false, 0).squareRoot().item();
                assertThat(found).as(entry.getKey()).isCloseTo(std, within(noise + 0.03 * std + 1e-9));
            });
        }
    }
}
