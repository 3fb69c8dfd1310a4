package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.cli.ProgressBar.Layout;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.TrainingListener.Step;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainingDisplayTest {
    private static final Step STEP =
            new Step(2, 100, 75, 1875, 1950, 0.4, 0.5117, 0.8125, 1.5, 9.05e-4, 315.4, Duration.ofSeconds(9000));

    @Test
    void theBarsSayWhatAPersonWaitsFor() {
        var lines = TrainingDisplay.lines(STEP, 0.7953);
        assertThat(lines.get(0).what()).isEqualTo("epoch 2/100");
        assertThat(lines.get(0).figures()).containsExactly("  75/1875", "loss 0.512", "top-1 81.25 %", "lr 9.1e-04");
        assertThat(lines.get(1).what()).isEqualTo("run        ");
        assertThat(lines.get(1).figures()).containsExactly("  1 %", "  315 images/s", "2:30:00 left", "best 79.53 %");
    }

    @ParameterizedTest
    @ValueSource(ints = {40, 60, 80, 120, 200})
    void theyFitTheTerminal(int columns) {
        var lines = TrainingDisplay.lines(STEP, 0.7953);
        var layout = Layout.of(lines, columns);
        for (int i = 0; i < lines.size(); i++) {
            int length = lines.get(i).what().length() + 2 + layout.bar();
            for (var figure : lines.get(i).figures().subList(0, layout.figures().get(i))) {
                length += 2 + figure.length();
            }
            assertThat(length).isLessThan(columns);
        }
        if (columns >= 80) {
            assertThat(layout.figures()).containsExactly(4, 4);
            assertThat(layout.bar()).isGreaterThan(columns > 80 ? 39 : 11);
        }
    }

    @Test
    void anEpochIsALine() {
        var row = TrainingDisplay.row(
                new EpochSummary(12, 1e-3, 0.8959, 0.67742, 0.5682, 0.7953, 0.99, 198.757, 315.49), true);
        assertThat(row).isEqualTo("   12      0.8959  67.74 %     0.5682  79.53 %        315      3:19  best");
        assertThat(row.length()).isLessThan(80);
    }
}
