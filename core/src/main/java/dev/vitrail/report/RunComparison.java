package dev.vitrail.report;

import static dev.vitrail.report.Html.escape;
import static dev.vitrail.report.Html.format;
import static dev.vitrail.report.Html.percent;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.VitrailException;
import dev.vitrail.report.LineChart.Curve;
import dev.vitrail.train.EpochSummary;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Runs side by side.
 *
 * @param runs at least one, in the order they were named
 */
public record RunComparison(List<RunRecord> runs) {
    public RunComparison {
        runs = List.copyOf(runs);
        VitrailException.require(!runs.isEmpty(), "there is nothing to compare: name at least one run");
    }

    /** Reads runs from their folders. */
    public static RunComparison of(List<Path> folders) {
        return new RunComparison(folders.stream().map(RunRecord::read).toList());
    }

    /** What tells each run apart: its folder's name, or where two are alike, its path. */
    public List<String> names() {
        var names = runs.stream().map(RunRecord::name).toList();
        return names.stream().distinct().count() == names.size()
                ? names
                : runs.stream().map(run -> run.folder().toString()).toList();
    }

    /** The options that are not the same in all runs, each with its value in every run, in the order of the runs. */
    public Map<String, List<JsonNode>> differences() {
        var keys = new LinkedHashSet<String>();
        runs.forEach(run -> keys.addAll(run.options().keySet()));
        var differences = new LinkedHashMap<String, List<JsonNode>>();
        for (var key : keys) {
            var values = runs.stream().map(run -> run.option(key)).toList();
            if (values.stream().distinct().count() > 1) {
                differences.put(key, values);
            }
        }
        return differences;
    }

    /** Whether all were judged by the same data, as far as their configurations say: else accuracies say nothing of each other. */
    public boolean sameData() {
        return !differences().containsKey("data");
    }

    /** The place of the run with the best epoch. */
    public int best() {
        return IntStream.range(0, runs.size())
                .reduce((a, b) ->
                        runs.get(b).best().validationTop1() > runs.get(a).best().validationTop1() ? b : a)
                .orElseThrow();
    }

    /** A page with the runs' figures, their differences and their curves over each other. */
    public String html() {
        var body = new StringBuilder(RunPage.head("%d runs".formatted(runs.size()), String.join(", ", names())));
        body.append("<h2>Results</h2>\n").append(results());
        if (!sameData()) {
            body.append("<p>These runs learned from different data: their accuracies say nothing of each other.</p>\n");
        }
        body.append("<h2>Curves</h2>\n<div class=charts>\n")
                .append(chart("Validation top-1, %", row -> 100 * row.validationTop1(), RunPage::hundredths))
                .append(chart("Validation loss, nats", EpochSummary::validationLoss, RunPage::plain))
                .append(chart("Training loss, nats", EpochSummary::trainLoss, RunPage::plain))
                .append(chart("Learning rate at the epoch's end", EpochSummary::learningRate, RunPage::scientific))
                .append("</div>\n<h2>What differs</h2>\n")
                .append(different());
        body.append(RunPage.FOOTER);
        return Html.page("Runs – Vitrail", body.toString(), false);
    }

    private String chart(String title, ToDoubleFunction<EpochSummary> figure, DoubleFunction<String> text) {
        var names = names();
        return new LineChart(
                        title,
                        IntStream.range(0, runs.size())
                                .mapToObj(
                                        i -> new Curve(names.get(i), runs.get(i).values(figure)))
                                .toList(),
                        text)
                .svg();
    }

    private String results() {
        var out = new StringBuilder("<div class=card><table class=plain><thead><tr>");
        for (var head : List.of(
                "Run", "Best top-1", "Epoch", "Last top-1", "Loss", "Epochs", "Parameters", "Time", "Images/s")) {
            out.append("<th class=sortable>").append(head).append("</th>");
        }
        out.append("</tr></thead><tbody>\n");
        for (int i = 0; i < runs.size(); i++) {
            var run = runs.get(i);
            var best = run.best();
            out.append(format(
                    "<tr><td data-key=\"%s\"><i class=\"swatch c%d\"></i>%1$s</td>",
                    escape(names().get(i)), LineChart.color(i)));
            out.append(cell(
                    best.validationTop1(),
                    i == best()
                            ? "<b>%s</b>".formatted(percent(best.validationTop1()))
                            : percent(best.validationTop1())));
            out.append(cell(best.epoch(), String.valueOf(best.epoch())));
            out.append(cell(run.last().validationTop1(), percent(run.last().validationTop1())));
            out.append(cell(best.validationLoss(), format("%.4f", best.validationLoss())));
            out.append(cell(
                    run.epochs().size(),
                    run.finished()
                            ? String.valueOf(run.epochs().size())
                            : "%d of %s".formatted(run.epochs().size(), run.planned())));
            out.append(cell(run.parameters(), RunPage.parameters(run)));
            out.append(cell(run.seconds(), Html.duration(run.seconds())));
            out.append(cell(run.imagesPerSecond(), format("%.0f", run.imagesPerSecond())));
            out.append("</tr>\n");
        }
        return out.append("</tbody></table></div>\n").toString();
    }

    private static String cell(double key, String html) {
        return "<td data-key=%s>%s</td>".formatted(key, html);
    }

    private String different() {
        var differences = differences();
        if (differences.isEmpty()) {
            return "<p>Nothing: their configurations are the same.</p>\n";
        }
        var out = new StringBuilder("<div class=card><table class=\"plain left\"><thead><tr><th>Option</th>");
        names().forEach(name -> out.append("<th>").append(escape(name)).append("</th>"));
        out.append("</tr></thead><tbody>\n");
        differences.forEach((key, values) -> {
            out.append("<tr><td>").append(escape(key)).append("</td>");
            values.forEach(value ->
                    out.append("<td>").append(escape(RunRecord.text(value))).append("</td>"));
            out.append("</tr>\n");
        });
        return out.append("</tbody></table></div>\n").toString();
    }
}
