package dev.vitrail.train.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.LearningRateScaling;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    private static double[] rates(Schedule schedule, int count) {
        return LongStream.range(0, count).mapToDouble(schedule::rate).toArray();
    }

    private static void assertRates(Schedule schedule, double... expected) {
        assertThat(rates(schedule, expected.length)).containsExactly(expected, within(1e-12));
    }

    @Test
    void linearFallsEvenlyAndStays() {
        assertRates(PolynomialSchedule.linear(1, 4, 0.2), 1, 0.8, 0.6, 0.4, 0.2, 0.2);
    }

    @Test
    void polynomialFallsByItsPower() {
        assertRates(new PolynomialSchedule(8, 4, 0, 2), 8, 4.5, 2, 0.5, 0);
    }

    @Test
    void stepsFallAtEqualDistances() {
        assertRates(StepSchedule.every(1, 2, 7, 0.5), 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125);
    }

    @Test
    void stepsFallAtMilestones() {
        assertRates(new StepSchedule(1, List.of(1L, 4L, 4L), 0.1), 1, 0.1, 0.1, 0.1, 0.001, 0.001);
    }

    @Test
    void anyScheduleIsWarmedUp() {
        assertRates(PolynomialSchedule.linear(1, 4, 0).warmedUp(2, 0.2, true), 0.2, 0.6, 1, 0.75, 0.5, 0.25, 0);
        assertRates(PolynomialSchedule.linear(1, 4, 0).warmedUp(2, 0.2, false), 0.2, 0.6, 0.5, 0.25, 0);
        assertRates(Schedule.constant(0.3).warmedUp(3, 0, false), 0, 0.1, 0.2, 0.3, 0.3);
        assertRates(Schedule.constant(0.3).warmedUp(0, 0, true), 0.3, 0.3);
    }

    @Test
    void coolsDownAtOneRate() {
        assertRates(Schedule.constant(1).from(2, 0.01), 1, 1, 0.01, 0.01);
    }

    @Test
    void ratesOfEpochsHoldForTheirUpdates() {
        assertRates(StepSchedule.every(1, 1, 3, 0.5).heldFor(3), 1, 1, 1, 0.5, 0.5, 0.5, 0.25);
    }

    @Test
    void plateauFallsWhenPatienceEnds() {
        var plateau = new Plateau(0.1, 1, 0, 0, 0.005, true);
        assertThat(factors(plateau, 50, 60, 60, 59, 61, 60, 60, 60, 60, 60, 60))
                .containsExactly(
                        new double[] {1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.005, 0.005, 0.005}, within(1e-12));
    }

    @Test
    void plateauRestsAfterAFall() {
        assertThat(factors(new Plateau(0.5, 0, 0, 2, 0, true), 9, 8, 8, 8, 8, 8))
                .containsExactly(new double[] {1, 1, 0.5, 0.5, 0.5, 0.25, 0.25}, within(1e-12));
    }

    @Test
    void plateauOfALossWantsMoreThanTheThreshold() {
        assertThat(factors(new Plateau(0.5, 0, 0.1, 0, 0, false), 1, 0.95, 0.85, 0.77, 0.76))
                .containsExactly(new double[] {1, 1, 0.5, 0.5, 0.25, 0.25}, within(1e-12));
    }

    /** The factor before the first figure, and after each. */
    private static double[] factors(Plateau plateau, double... figures) {
        var seen = new ArrayList<Double>();
        var factors = new double[figures.length + 1];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = plateau.after(seen);
            if (i < figures.length) {
                seen.add(figures[i]);
            }
        }
        return factors;
    }

    @Test
    void ratesScaleWithTheImagesOfAnUpdate() {
        assertThat(LearningRateScaling.LINEAR.rate(1e-3, 64, 4, 512)).isCloseTo(5e-4, within(1e-18));
        assertThat(LearningRateScaling.SQUARE_ROOT.rate(1e-3, 256, 4, 256)).isCloseTo(2e-3, within(1e-18));
        assertThatThrownBy(() -> LearningRateScaling.LINEAR.rate(1e-3, 0, 1, 256))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("all must be positive");
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> new StepSchedule(1, List.of(3L, 2L), 0.1))
                .isInstanceOf(VitrailException.class)
                .hasMessage("the times of a learning rate's steps must be positive and ascend, found [3, 2]");
        assertThatThrownBy(() -> PolynomialSchedule.linear(1, 0, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessage("length and power of a polynomial schedule must be positive, found 0 and 1.0");
        assertThatThrownBy(() -> new Plateau(1, 0, 0, 0, 0, true)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> Schedule.constant(1).warmedUp(-1, 0, false)).isInstanceOf(VitrailException.class);
    }
}
