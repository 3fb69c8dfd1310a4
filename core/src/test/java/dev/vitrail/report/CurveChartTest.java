package dev.vitrail.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.report.CurveChart.Dot;
import dev.vitrail.report.CurveChart.Scale;
import dev.vitrail.report.CurveChart.Series;
import dev.vitrail.report.CurveChart.Style;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CurveChartTest {
    private static CurveChart chart(Style style, double... values) {
        var dots = new ArrayList<Dot>();
        for (double value : values) {
            dots.add(new Dot(dots.size(), value));
        }
        return CurveChart.of("title", "words", "across", List.of(new Series("one", 0, style, dots)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "LINEAR      | 3      | 147   | 0 50 100 150",
                "LINEAR      | 0.4    | 44    | 0 10 20 30 40 50",
                "LOGARITHMIC | 0.021  | 0.3   | 0.02 0.05 0.1 0.2 0.5",
                "LOGARITHMIC | 1      | 1     | 1 2",
                "LOGARITHMIC | 0.0005 | 40    | 10⁻⁴ 10⁻³ 0.01 0.1 1 10 100",
                "RANK        | 1      | 90    | 1 2 5 10 20 50 100",
            })
    void theAxisEndsAtTheTicksThatEncloseTheData(Scale scale, double least, double most, String ticks) {
        assertThat(chart(Style.LINE, least, most).withScale(scale).ticks())
                .extracting(Axis.Tick::label)
                .containsExactly(ticks.split(" ", -1));
    }

    @Test
    void aValueWithoutNeighborsOnALogarithmicAxisIsADot() {
        var chart = chart(Style.LINE, 0, 5, 7, 0, 0, 2).withScale(Scale.LOGARITHMIC);
        var one = Objects.requireNonNull(chart.series().get(0));
        assertThat(chart.drawnDots(one)).containsExactly(new Dot(5, 2));
        assertThat(chart.drawnDots(new Series("one", 0, Style.LINE_AND_DOTS, one.dots())))
                .hasSize(3);
    }
}
