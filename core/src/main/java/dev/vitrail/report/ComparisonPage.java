package dev.vitrail.report;

import static dev.vitrail.report.Format.format;
import static dev.vitrail.report.Format.percent;

import dev.vitrail.report.LineChart.Curve;
import dev.vitrail.report.SortableTable.Cell;
import dev.vitrail.report.SortableTable.Row;
import dev.vitrail.train.EpochSummary;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** The page of runs side by side. */
record ComparisonPage(RunComparison comparison) {
    String title() {
        return comparison.runs().size() + " runs";
    }

    List<String> names() {
        return comparison.names();
    }

    boolean sameData() {
        return comparison.sameData();
    }

    SortableTable results() {
        var names = names();
        return new SortableTable(
                List.of("Run", "Best top-1", "Epoch", "Last top-1", "Loss", "Epochs", "Parameters", "Time", "Images/s"),
                IntStream.range(0, names.size())
                        .mapToObj(i -> new Row(names.get(i), LineChart.color(i), cells(i)))
                        .toList());
    }

    private List<Cell> cells(int number) {
        var run = comparison.runs().get(number);
        var best = run.best();
        int made = run.epochs().size();
        return List.of(
                new Cell(best.validationTop1(), percent(best.validationTop1()), number == comparison.best()),
                new Cell(best.epoch(), String.valueOf(best.epoch())),
                new Cell(run.last().validationTop1(), percent(run.last().validationTop1())),
                new Cell(best.validationLoss(), format("%.4f", best.validationLoss())),
                new Cell(made, run.finished() ? String.valueOf(made) : "%d of %s".formatted(made, run.planned())),
                new Cell(run.parameters(), format("%.2f M", run.parameters() / 1e6)),
                new Cell(run.seconds(), Format.duration(run.seconds())),
                new Cell(run.imagesPerSecond(), format("%.0f", run.imagesPerSecond())));
    }

    List<LineChart> charts() {
        return List.of(
                chart("Validation top-1, %", row -> 100 * row.validationTop1(), Format::hundredths),
                chart("Validation loss, nats", EpochSummary::validationLoss, Format::plain),
                chart("Training loss, nats", EpochSummary::trainLoss, Format::plain),
                chart("Learning rate at the epoch's end", EpochSummary::learningRate, Format::scientific));
    }

    private LineChart chart(String title, ToDoubleFunction<EpochSummary> figure, DoubleFunction<String> text) {
        var names = names();
        return new LineChart(
                title,
                IntStream.range(0, names.size())
                        .mapToObj(i ->
                                new Curve(names.get(i), comparison.runs().get(i).values(figure)))
                        .toList(),
                text);
    }

    /** The options that differ, with the value in each run. */
    Map<String, List<String>> differences() {
        var differences = new LinkedHashMap<String, List<String>>();
        comparison
                .differences()
                .forEach((key, values) -> differences.put(
                        key, values.stream().map(RunRecord::text).toList()));
        return differences;
    }
}
