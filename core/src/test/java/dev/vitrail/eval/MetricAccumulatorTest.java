package dev.vitrail.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.ConfusionMatrix.Cell;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Six images of three classes, every figure worked out by hand. */
class MetricAccumulatorTest {
    /** Logits whose softmax is these probabilities. */
    private static float[] logits(double... probabilities) {
        var logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]);
        }
        return logits;
    }

    private static Evaluation six() {
        var tally = new MetricAccumulator(3);
        tally.add(
                logits(0.78, 0.12, 0.1, 0.7, 0.2, 0.1, 0.1, 0.58, 0.32, 0.05, 0.9, 0.05),
                new int[] {0, 1, 1, 2},
                new int[] {10, 11, 12, 13},
                4);
        tally.add(
                logits(0.2, 0.3, 0.5, 0.31, 0.38, 0.31, 0.3, 0.3, 0.4),
                new int[] {2, 0, -1},
                new int[] {14, 15, 16},
                3);
        return tally.evaluation(2);
    }

    /** Two processes with some of the images each. */
    @Test
    void countsOfSeveralAddUp() {
        var first = new MetricAccumulator(3);
        first.add(
                logits(0.78, 0.12, 0.1, 0.7, 0.2, 0.1, 0.1, 0.58, 0.32, 0.05, 0.9, 0.05),
                new int[] {0, 1, 1, 2},
                new int[] {10, 11, 12, 13},
                4);
        var second = new MetricAccumulator(3);
        second.add(
                logits(0.2, 0.3, 0.5, 0.31, 0.38, 0.31, 0.3, 0.3, 0.4),
                new int[] {2, 0, -1},
                new int[] {14, 15, 16},
                3);
        var found = second.together(own -> List.of(first.counted(), own)).evaluation(2);
        var whole = six();
        assertThat(found.nll()).isCloseTo(whole.nll(), within(1e-15));
        assertThat(found.images()).isEqualTo(whole.images());
        assertThat(found.correct1()).isEqualTo(whole.correct1());
        assertThat(found.correct5()).isEqualTo(whole.correct5());
        assertThat(found.confusion()).isEqualTo(whole.confusion());
        assertThat(found.calibration()).isEqualTo(whole.calibration());
        assertThat(found.mistakes()).isEqualTo(whole.mistakes()).isNotEmpty();
    }

    @Test
    void countsWhatIsRight() {
        var found = six();
        assertThat(found.images()).isEqualTo(6);
        assertThat(found.correct1()).isEqualTo(3);
        assertThat(found.correct5()).isEqualTo(6);
        assertThat(found.nll()).isCloseTo(-Math.log(0.78 * 0.2 * 0.58 * 0.05 * 0.5 * 0.31) / 6, within(1e-6));
        assertThat(found.imagesPerSecond()).isEqualTo(3);
    }

    @Test
    void tellsWhichClassWasTakenForWhich() {
        var confusion = six().confusion();
        assertThat(confusion.cells())
                .containsExactly(
                        Map.entry(new Cell(0, 0), 1L),
                        Map.entry(new Cell(0, 1), 1L),
                        Map.entry(new Cell(1, 0), 1L),
                        Map.entry(new Cell(1, 1), 1L),
                        Map.entry(new Cell(2, 1), 1L),
                        Map.entry(new Cell(2, 2), 1L));
        assertThat(confusion.mostConfused(2))
                .extracting(Map.Entry::getKey)
                .containsExactly(new Cell(0, 1), new Cell(1, 0));
        assertThat(confusion.scores())
                .containsExactly(new ClassScore(0, 2, 2, 1), new ClassScore(1, 2, 3, 1), new ClassScore(2, 2, 1, 1));
        assertThat(confusion.scores().get(1)).satisfies(score -> {
            assertThat(score.precision()).isCloseTo(1 / 3.0, within(1e-12));
            assertThat(score.recall()).isEqualTo(0.5);
            assertThat(score.f1()).isCloseTo(0.4, within(1e-12));
        });
    }

    @Test
    void keepsTheMistakesThatItWasSurestOf() {
        assertThat(six().mistakes()).extracting(Mistake::index).containsExactly(13, 11, 15);
        assertThat(six().mistakes().get(0)).satisfies(worst -> {
            assertThat(worst.truth()).isEqualTo(2);
            assertThat(worst.prediction()).isEqualTo(1);
            assertThat(worst.probability()).isCloseTo(0.9, within(1e-6));
            assertThat(worst.truthProbability()).isCloseTo(0.05, within(1e-6));
        });
        var many = new MetricAccumulator(2);
        for (int i = 0; i < 100; i++) {
            double sure = 0.55 + (i * 37 % 100) * 0.004;
            many.add(logits(sure, 1 - sure), new int[] {1}, new int[] {i}, 1);
        }
        assertThat(many.evaluation(1).mistakes())
                .hasSize(Evaluation.MISTAKES)
                .extracting(mistake -> mistake.index() * 37 % 100)
                .containsExactlyElementsOf(IntStream.range(0, Evaluation.MISTAKES)
                        .map(i -> 99 - i)
                        .boxed()
                        .toList());
    }

    @Test
    void comparesConfidenceWithAccuracy() {
        var calibration = six().calibration();
        assertThat(calibration.bins()).hasSize(15);
        // Of 15 bins, 0.38 is in the 6th, 0.5 in the 8th, 0.58 in the 9th, 0.7 in the 11th, 0.78 in the 12th, 0.9 in
        // the 14th.
        assertThat(calibration.bins())
                .extracting(Calibration.Bin::images)
                .containsExactly(0L, 0L, 0L, 0L, 0L, 1L, 0L, 1L, 1L, 0L, 1L, 1L, 0L, 1L, 0L);
        assertThat(calibration.confidence()).isCloseTo((0.78 + 0.7 + 0.58 + 0.9 + 0.5 + 0.38) / 6, within(1e-6));
        double gaps = 0.22 + 0.7 + 0.42 + 0.9 + 0.5 + 0.38;
        assertThat(calibration.expectedError()).isCloseTo(gaps / 6, within(1e-6));
    }

    @Test
    void aBinTakesTheMeanOfItsImages() {
        var count = new Calibration.Count();
        count.add(0.95, true);
        count.add(0.97, false);
        count.add(0.99, true);
        count.add(1, true);
        var last = count.calibration().bins().get(14);
        assertThat(last.images()).isEqualTo(4);
        assertThat(last.confidence()).isCloseTo(0.9775, within(1e-12));
        assertThat(last.accuracy()).isEqualTo(0.75);
        assertThat(count.calibration().expectedError()).isCloseTo(0.2275, within(1e-12));
    }

    @Test
    void scoresThatAreNoNumbersAreNeverRight() {
        var tally = new MetricAccumulator(2);
        tally.add(new float[] {Float.NaN, Float.NaN}, new int[] {1}, new int[] {0}, 1);
        var found = tally.evaluation(1);
        assertThat(found.correct1()).isZero();
        assertThat(found.mistakes()).hasSize(1);
        assertThat(found.calibration().expectedError()).isZero();
    }

    @Test
    void aCellOutsideTheMatrixIsRefused() {
        assertThatThrownBy(() -> new ConfusionMatrix(2, Map.of(new Cell(0, 2), 1L)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("of 2 classes cannot have 1 at row 0, column 2");
    }
}
