package dev.vitrail.train.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.Fixture;
import dev.vitrail.train.optim.ParameterGroup;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class CosineScheduleTest {
    @TestFactory
    Stream<DynamicTest> ratesAreTheOriginals() {
        var tests = Stream.<DynamicTest>builder();
        new Fixture("schedule_cosine")
                .json
                .get("variants")
                .forEach(variant ->
                        tests.add(DynamicTest.dynamicTest(variant.get("name").asText(), () -> assertRates(variant))));
        return tests.build();
    }

    private static void assertRates(JsonNode variant) {
        var args = variant.get("args");
        var schedule = new CosineSchedule(
                        variant.get("base_lr").asDouble(),
                        args.get("t_initial").asLong(),
                        args.path("lr_min").asDouble(0),
                        args.path("cycle_limit").asInt(1),
                        args.path("cycle_decay").asDouble(1))
                .warmedUp(
                        args.path("warmup_t").asLong(0),
                        args.path("warmup_lr_init").asDouble(0),
                        args.path("warmup_prefix").asBoolean(false));
        var group = new ParameterGroup(0.5, 0, java.util.Map.of());
        for (int t = 0; t < variant.get("lr").size(); t++) {
            double rate = schedule.rate(t);
            assertThat(rate).isCloseTo(variant.get("lr").get(t).asDouble(), within(1e-15));
            assertThat(rate * group.learningRateScale())
                    .isCloseTo(variant.get("lr_group_with_lr_scale_half").get(t).asDouble(), within(1e-15));
        }
    }

    @Test
    void cyclesRestartAtDecayedRates() {
        var schedule = new CosineSchedule(1, 10, 0, 3, 0.5);
        assertThat(schedule.rate(0)).isEqualTo(1);
        assertThat(schedule.rate(5)).isCloseTo(0.5, within(1e-12));
        assertThat(schedule.rate(10)).isCloseTo(0.5, within(1e-12));
        assertThat(schedule.rate(15)).isCloseTo(0.25, within(1e-12));
        assertThat(schedule.rate(20)).isCloseTo(0.25, within(1e-12));
        assertThat(schedule.rate(30)).isZero();
    }

    @Test
    void refusesRatesAndLengthsOutOfRange() {
        assertThatThrownBy(() -> CosineSchedule.of(0, 10, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("must be positive, found 0.0");
        assertThatThrownBy(() -> CosineSchedule.of(0.1, 0, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessage("cosine length must be at least 1, found 0");
        assertThatThrownBy(() -> new CosineSchedule(0.1, 10, 0, 0, 1))
                .hasMessage("cosine cycles must be at least 1, found 0");
        assertThatThrownBy(() -> new CosineSchedule(0.1, 10, 0, 1, 0))
                .hasMessage("cosine cycle decay must be positive, found 0.0");
    }
}
