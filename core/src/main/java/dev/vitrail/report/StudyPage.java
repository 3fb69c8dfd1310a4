package dev.vitrail.report;

import static dev.vitrail.report.Html.escape;
import static dev.vitrail.report.Html.format;

import dev.vitrail.report.PointChart.Point;
import dev.vitrail.report.PointChart.Series;
import dev.vitrail.report.StudyResults.Accuracy;
import dev.vitrail.report.StudyResults.Line;
import dev.vitrail.report.StudyRow.State;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;

/** The page of a study, {@code index.html}: its table and plots in a single file that needs nothing from anywhere. */
public final class StudyPage {
    private final StudyResults results;
    private final List<Line> lines;
    private final List<Integer> sizes;
    private final int most;

    private StudyPage(StudyResults results) {
        this.results = results;
        lines = results.lines();
        sizes = results.sizes();
        most = sizes.get(sizes.size() - 1);
    }

    /** The page of what is known so far. */
    public static String html(StudyResults results) {
        return new StudyPage(results).html();
    }

    private String html() {
        int done = results.in(State.FINISHED).size();
        var body = new StringBuilder(RunPage.head(
                results.title(),
                results.finished()
                        ? "%d runs".formatted(done)
                        : "%d of %d runs so far".formatted(done, results.rows().size())));
        if (lines.isEmpty()) {
            body.append("<p>No run has finished yet.</p>\n");
        } else {
            body.append(tiles()).append("<h2>Results</h2>\n").append(table()).append(note());
            body.append("<h2>Accuracy against …</h2>\n<div class=charts>\n");
            charts(body);
            body.append("</div>\n");
        }
        body.append(open());
        body.append("<h2>How it was made</h2>\n");
        if (!results.source().isEmpty()) {
            body.append("<p>").append(escape(results.source())).append("</p>\n");
        }
        results.data().forEach(line -> body.append("<p>").append(escape(line)).append("</p>\n"));
        body.append("<details><summary>The study, as vitrail study takes it</summary><div class=card><pre>")
                .append(escape(results.definition()))
                .append("</pre></div></details>\n")
                .append(RunPage.FOOTER);
        return Html.page(results.title() + " – Vitrail", body.toString(), false);
    }

    private String tiles() {
        var best = lines.stream()
                .filter(line -> line.on(most).isPresent())
                .max(Comparator.comparingDouble(line -> mean(line, most)));
        double seconds = results.rows().stream()
                .flatMap(row -> row.result().stream())
                .mapToDouble(StudyRow.Result::seconds)
                .sum();
        return "<div class=tiles>\n"
                + best.map(line -> Html.tile(format("%.2f %%", 100 * mean(line, most)), "best, " + line.name()))
                        .orElse("")
                + Html.tile(
                        format("%d", results.in(State.FINISHED).size()),
                        "runs, %d seed%s".formatted(seeds(), seeds() == 1 ? "" : "s"))
                + Html.tile(format("%,d", most), sizes.size() > 1 ? "images at most" : "images to learn from")
                + Html.tile(Html.duration(seconds), "of training and validation")
                + "</div>\n";
    }

    private long seeds() {
        return results.rows().stream().map(StudyRow::seed).distinct().count();
    }

    private static double mean(Line line, int images) {
        return line.on(images).map(Accuracy::mean).orElse(0.0);
    }

    private String table() {
        var out = new StringBuilder("<div class=card><table class=plain><thead><tr>");
        for (var head : List.of("Model", "Parameters", "MACs", "Images/s", "Time of a run")) {
            out.append("<th class=sortable>").append(head).append("</th>");
        }
        for (int size : sizes) {
            out.append("<th class=sortable>")
                    .append(sizes.size() > 1 ? format("%,d images", size) : "Top-1, %")
                    .append("</th>");
        }
        out.append("</tr></thead><tbody>\n");
        for (int i = 0; i < lines.size(); i++) {
            var line = lines.get(i);
            out.append(format(
                    "<tr><td data-key=\"%s\"><i class=\"swatch c%d\"></i>%1$s</td>",
                    escape(line.name()), LineChart.color(i)));
            out.append(cell(line.parameters(), millions(line.parameters())));
            out.append(cell(line.multiplyAccumulates(), millions(line.multiplyAccumulates())));
            out.append(cell(line.imagesPerSecond(), format("%.0f", line.imagesPerSecond())));
            out.append(cell(line.seconds(), Html.duration(line.seconds())));
            for (int size : sizes) {
                var text = line.on(size).map(Accuracy::text).orElse("–");
                out.append(cell(
                        mean(line, size), best(size).filter(line::equals).isPresent() ? "<b>" + text + "</b>" : text));
            }
            out.append("</tr>\n");
        }
        return out.append("</tbody></table></div>\n").toString();
    }

    private Optional<Line> best(int size) {
        return lines.stream()
                .filter(line -> line.on(size).isPresent())
                .max(Comparator.comparingDouble(line -> mean(line, size)));
    }

    private static String cell(double key, String html) {
        return "<td data-key=%s>%s</td>".formatted(key, html);
    }

    private String note() {
        return "<p>Validation top-1 after the last epoch, %%%s; the best of a column is bold. MACs: of one image.</p>\n"
                .formatted(seeds() > 1 ? ", mean ± std over " + seeds() + " seeds" : ", one seed");
    }

    private void charts(StringBuilder body) {
        if (sizes.size() > 1) {
            body.append(new PointChart(
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
                            value -> format("%,.0f", value))
                    .svg());
        }
        var at = sizes.size() > 1 ? format(", with %,d images", most) : "";
        body.append(chart("Parameters" + at, "parameters", Line::parameters, StudyPage::millions));
        body.append(chart(
                "MACs" + at, "multiply–accumulates of one image", Line::multiplyAccumulates, StudyPage::millions));
        body.append(chart("Time of a run" + at, "training and validation", Line::seconds, Html::duration));
        body.append(new LineChart(
                        "Epochs" + at,
                        lines.stream()
                                .map(line -> new LineChart.Curve(
                                        line.name(),
                                        line.curve().stream()
                                                .map(share -> 100 * share)
                                                .toList()))
                                .toList(),
                        RunPage::hundredths)
                .svg());
    }

    private String chart(String title, String across, ToDoubleFunction<Line> figure, DoubleFunction<String> text) {
        return new PointChart(
                        title,
                        across,
                        false,
                        lines.stream()
                                .map(line -> new Series(
                                        line.name(),
                                        line.on(most).stream()
                                                .map(one -> point(figure.applyAsDouble(line), one))
                                                .toList()))
                                .toList(),
                        text)
                .svg();
    }

    private static Point point(double x, Accuracy one) {
        return new Point(x, 100 * one.mean(), 100 * one.std().orElse(0.0));
    }

    private static String millions(double count) {
        return RunPage.hundredths(count / 1e6) + " M";
    }

    /** The runs that are not there, and why. */
    private String open() {
        var rows = results.rows().stream()
                .filter(row -> row.state() != State.FINISHED)
                .toList();
        if (rows.isEmpty()) {
            return "";
        }
        var out = new StringBuilder("<h2>Runs that are not there</h2>\n<div class=card><table class=\"plain left\">"
                + "<thead><tr><th>Run</th><th>State</th></tr></thead><tbody>\n");
        for (var row : rows) {
            out.append("<tr><td>%s</td><td>%s</td></tr>\n"
                    .formatted(
                            escape(String.valueOf(row.folder().getFileName())),
                            escape(row.failure().isEmpty() ? row.state().text() : "failed: " + row.failure())));
        }
        return out.append("</tbody></table></div>\n").toString();
    }
}
