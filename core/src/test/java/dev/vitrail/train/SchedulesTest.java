package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The schedule that a run's options describe. */
class SchedulesTest {
    /** Rates of two updates an epoch. */
    private static void assertRates(TrainingConfig config, double... expected) {
        var schedule = Schedules.of(config, config.peakLearningRate(), 2);
        var rates =
                IntStream.range(0, expected.length).mapToDouble(schedule::rate).toArray();
        assertThat(rates).containsExactly(expected, within(1e-12));
    }

    @Test
    void aWarmUpCoversTheFallOrComesBeforeItAndBothEndWithTheRun() {
        var config = TrainingConfigFile.with(
                TrainingConfig.STANDARD,
                """
                epochs: 6
                warmup_epochs: 1
                warmup_learning_rate: 0
                cooldown_epochs: 1
                learning_rate: 1
                learning_rate_scaling: null
                min_learning_rate: 0
                schedule: linear
                """,
                "the test");
        assertRates(config, 0, 0.5, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0);
        var prefix = config.with(TrainingOptions.WARMUP_PREFIX, true);
        assertRates(prefix, 0, 0.5, 1, 7 / 8.0, 6 / 8.0, 5 / 8.0, 0.5, 3 / 8.0, 2 / 8.0, 1 / 8.0, 0, 0);
    }

    /** By the formulas of ConvNeXt's {@code cosine_scheduler} and of ViT's {@code create_learning_rate_schedule}. */
    @ParameterizedTest
    @CsvSource({"convnext, 300, 20, 0.000001", "vit-augreg, 300, 32, 0", "vit-transfer, 5, 1, 0"})
    void theirCosineBeginsWhenTheWarmUpEnds(String recipe, int epochs, int warmUp, double lowest) {
        var config = Recipe.get(recipe).apply(TrainingConfig.STANDARD);
        double top = config.peakLearningRate();
        var schedule = Schedules.of(config, top, 10);
        assertThat(schedule.rate(10L * warmUp)).isCloseTo(top, within(1e-12));
        for (long step = 10L * warmUp; step < 10L * epochs; step += 7) {
            double along = (double) (step - 10L * warmUp) / (10L * epochs - 10L * warmUp);
            assertThat(schedule.rate(step))
                    .isCloseTo(lowest + 0.5 * (top - lowest) * (1 + Math.cos(Math.PI * along)), within(1e-12));
        }
        assertThat(schedule.rate(10L * epochs)).isCloseTo(lowest, within(1e-12));
    }
}
