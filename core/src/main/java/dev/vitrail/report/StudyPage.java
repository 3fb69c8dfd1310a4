package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.data.Dataset;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.report.LineChart.Curve;
import dev.vitrail.report.PointChart.Point;
import dev.vitrail.report.PointChart.Series;
import dev.vitrail.report.SortableTable.Cell;
import dev.vitrail.report.SortableTable.Row;
import dev.vitrail.report.StudyResults.Accuracy;
import dev.vitrail.report.StudyResults.Line;
import dev.vitrail.report.StudyRow.State;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The page of a study, {@code index.html}: its table and plots. */
public final class StudyPage {
    private static final Logger LOG = LoggerFactory.getLogger(StudyPage.class);

    /** The name of the inspection's page in the study's folder. */
    static final String INSPECTION = "inspect.html";

    private final StudyResults results;
    private final Optional<StudyComparison> comparison;
    private final Optional<InspectPage> compared;
    private final List<Line> lines;
    private final List<Integer> sizes;
    private final int most;

    private StudyPage(StudyResults results, Optional<StudyComparison> comparison, Optional<InspectPage> compared) {
        this.results = results;
        this.comparison = comparison;
        this.compared = compared;
        lines = results.lines();
        sizes = results.sizes();
        most = sizes.get(sizes.size() - 1);
    }

    /** Renders what is known so far. */
    public static String html(StudyResults results) {
        return Page.render("report/study.jte", new StudyPage(results, Optional.empty(), Optional.empty()));
    }

    /**
     * Writes the page of a finished study, {@code index.html}, with its winner and its baseline side by side on
     * validation images, and their inspection beside it, {@code inspect.html}. Models that cannot be inspected are not
     * compared.
     *
     * @param folder the study's
     */
    public static void write(StudyResults results, Dataset validation, Device device, Path folder) {
        var comparison = StudyComparison.of(results);
        var html = html(results);
        if (comparison.isPresent()) {
            try {
                html = comparison.get().inspect(validation, device, inspection -> {
                    AtomicFile.write(folder.resolve(INSPECTION), InspectPage.html(inspection));
                    return Page.render(
                            "report/study.jte",
                            new StudyPage(results, comparison, Optional.of(InspectPage.of(inspection))));
                });
            } catch (VitrailException e) {
                LOG.warn("the winner and the baseline are not compared: {}", e.getMessage());
            }
        }
        AtomicFile.write(folder.resolve("index.html"), html);
    }

    /** The winner and the baseline of a finished study. */
    Optional<StudyComparison> comparison() {
        return comparison;
    }

    /** Page model of the inspection of winner and baseline. */
    Optional<InspectPage> compared() {
        return compared;
    }

    StudyResults results() {
        return results;
    }

    List<Line> lines() {
        return lines;
    }

    String subtitle() {
        int done = results.in(State.FINISHED).size();
        return results.finished()
                ? done + " runs"
                : "%d of %d runs so far".formatted(done, results.rows().size());
    }

    List<Tile> tiles() {
        double seconds = results.rows().stream()
                .flatMap(row -> row.result().stream())
                .mapToDouble(StudyRow.Result::seconds)
                .sum();
        var tiles = new ArrayList<Tile>();
        best(most).ifPresent(line -> tiles.add(new Tile(Format.percent(mean(line, most)), "best, " + line.name())));
        tiles.add(new Tile(
                String.valueOf(results.in(State.FINISHED).size()),
                "runs, %d seed%s".formatted(seeds(), seeds() == 1 ? "" : "s")));
        tiles.add(new Tile(format("%,d", most), sizes.size() > 1 ? "images at most" : "images to learn from"));
        tiles.add(new Tile(Format.duration(seconds), "of training and validation"));
        return tiles;
    }

    private long seeds() {
        return results.rows().stream().map(StudyRow::seed).distinct().count();
    }

    private static double mean(Line line, int images) {
        return line.on(images).map(Accuracy::mean).orElse(0.0);
    }

    private Optional<Line> best(int images) {
        return lines.stream()
                .filter(line -> line.on(images).isPresent())
                .max(Comparator.comparingDouble(line -> mean(line, images)));
    }

    SortableTable table() {
        var heads = new ArrayList<>(List.of("Model", "Parameters", "MACs", "Images/s", "Time of a run"));
        sizes.forEach(size -> heads.add(sizes.size() > 1 ? format("%,d images", size) : "Top-1, %"));
        return new SortableTable(
                heads,
                IntStream.range(0, lines.size())
                        .mapToObj(i -> new Row(lines.get(i).name(), LineChart.color(i), cells(lines.get(i))))
                        .toList());
    }

    private List<Cell> cells(Line line) {
        var cells = new ArrayList<>(List.of(
                new Cell(line.parameters(), Format.millions(line.parameters())),
                new Cell(line.multiplyAccumulates(), Format.millions(line.multiplyAccumulates())),
                new Cell(line.imagesPerSecond(), format("%.0f", line.imagesPerSecond())),
                new Cell(line.seconds(), Format.duration(line.seconds()))));
        for (int size : sizes) {
            cells.add(new Cell(
                    mean(line, size),
                    line.on(size).map(Accuracy::text).orElse("–"),
                    best(size).filter(line::equals).isPresent()));
        }
        return cells;
    }

    String note() {
        return "Validation top-1 after the last epoch, %%%s; the best of a column is bold. MACs: of one image."
                .formatted(seeds() > 1 ? ", mean ± std over " + seeds() + " seeds" : ", one seed");
    }

    /** Accuracies against images, if there are several sizes, and against what the models cost. */
    List<PointChart> accuracies() {
        var charts = new ArrayList<PointChart>();
        if (sizes.size() > 1) {
            charts.add(new PointChart(
                    "Images to learn from",
                    "training images",
                    true,
                    lines.stream()
                            .map(line -> new Series(
                                    line.name(),
                                    line.accuracies().stream()
                                            .map(one -> point(one.images(), one))
                                            .toList()))
                            .toList(),
                    value -> format("%,.0f", value)));
        }
        charts.add(chart("Parameters", "parameters", Line::parameters, Format::millions));
        charts.add(chart("MACs", "multiply–accumulates of one image", Line::multiplyAccumulates, Format::millions));
        charts.add(chart("Time of a run", "training and validation", Line::seconds, Format::duration));
        return charts;
    }

    private PointChart chart(String title, String across, ToDoubleFunction<Line> figure, DoubleFunction<String> text) {
        return new PointChart(
                title + withMost(),
                across,
                false,
                lines.stream()
                        .map(line -> new Series(
                                line.name(),
                                line.on(most).stream()
                                        .map(one -> point(figure.applyAsDouble(line), one))
                                        .toList()))
                        .toList(),
                text);
    }

    private static Point point(double x, Accuracy one) {
        return new Point(x, 100 * one.mean(), 100 * one.std().orElse(0.0));
    }

    private String withMost() {
        return sizes.size() > 1 ? format(", with %,d images", most) : "";
    }

    LineChart epochs() {
        return new LineChart(
                "Epochs" + withMost(),
                lines.stream()
                        .map(line -> new Curve(
                                line.name(),
                                line.curve().stream().map(share -> 100 * share).toList()))
                        .toList(),
                Format::hundredths);
    }

    /** The runs that have not finished. */
    List<StudyRow> missing() {
        return results.rows().stream()
                .filter(row -> row.state() != State.FINISHED)
                .toList();
    }

    static String name(StudyRow row) {
        return String.valueOf(row.folder().getFileName());
    }

    static String state(StudyRow row) {
        return row.failure().isEmpty() ? row.state().text() : "failed: " + row.failure();
    }
}
