package dev.vitrail.report;

import static dev.vitrail.report.Html.escape;
import static dev.vitrail.report.Html.format;
import static dev.vitrail.report.Html.percent;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.report.LineChart.Curve;
import dev.vitrail.train.EpochSummary;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The page of a run, {@code index.html}: a single file that needs nothing from anywhere. */
final class RunPage {
    /** Four panes of glass. */
    static final String LOGO =
            "<svg viewBox=\"0 0 44 44\" aria-hidden=true><g stroke=\"var(--paper)\" stroke-width=2.5>"
                    + "<path fill=\"var(--c0)\" d=\"M2 2h18l-5 20H2z\"/><path fill=\"var(--c4)\" d=\"M20 2h22v15l-27 5z\"/>"
                    + "<path fill=\"var(--c2)\" d=\"M2 22h13l9 20H2z\"/><path fill=\"var(--c1)\" d=\"M15 22l27-5v25H24z\"/></g></svg>";

    static final String FOOTER = "<footer>Made by Vitrail.</footer>\n";

    private RunPage() {}

    /**
     * @param data what was trained on and validated with, a line each
     * @param sections what validation found, as HTML; empty where that is not known
     */
    static String html(RunRecord run, List<String> data, SavedEvaluation found, String sections) {
        var body = new StringBuilder();
        body.append(head(run.name(), subtitle(run)));
        body.append(tiles(run, found));
        body.append("<h2>Curves</h2>\n<div class=charts>\n");
        charts(run, manyClasses(found)).forEach(chart -> body.append(chart.svg()));
        body.append("</div>\n");
        body.append(sections);
        body.append("<h2>How to repeat it</h2>\n");
        data.forEach(line -> body.append("<p>").append(escape(line)).append("</p>\n"));
        body.append(options(run.options()));
        body.append("<footer>The sections on mistakes are of epoch %d, the best. Made by Vitrail.</footer>\n"
                .formatted(found.epoch()));
        return Html.page(run.name() + " – Vitrail", body.toString(), !run.finished());
    }

    static String head(String title, String subtitle) {
        return "<header>%s<div><h1>%s</h1><p>%s</p></div></header>\n".formatted(LOGO, escape(title), escape(subtitle));
    }

    private static String subtitle(RunRecord run) {
        return run.finished()
                ? "%s, %d epochs".formatted(run.model(), run.epochs().size())
                : "%s, %d of %s epochs so far"
                        .formatted(run.model(), run.epochs().size(), run.planned());
    }

    /** Whether the five highest scores say more than that the classes are few. */
    private static boolean manyClasses(SavedEvaluation found) {
        return found.classes().size() > 5;
    }

    private static String tiles(RunRecord run, SavedEvaluation found) {
        var best = run.best();
        return "<div class=tiles>\n"
                + Html.tile(percent(best.validationTop1()), "best top-1, epoch " + best.epoch())
                + (manyClasses(found)
                        ? Html.tile(percent(best.validationTop5()), "top-5 of that epoch")
                        : Html.tile(format("%,d", found.evaluation().images()), "images to be judged by"))
                + Html.tile(percent(run.last().validationTop1()), "top-1 of the last epoch")
                + Html.tile(format("%.4f", best.validationLoss()), "validation loss, nats")
                + Html.tile(percent(found.evaluation().calibration().expectedError()), "expected calibration error")
                + Html.tile(parameters(run), "parameters")
                + Html.tile(Html.duration(run.seconds()), "of training and validation")
                + Html.tile(format("%.0f", run.imagesPerSecond()), "images/s while training")
                + "</div>\n";
    }

    /** A count of parameters in millions. */
    static String parameters(RunRecord run) {
        return format("%.2f M", run.parameters() / 1e6);
    }

    private static List<LineChart> charts(RunRecord run, boolean top5) {
        var accuracy = new ArrayList<>(List.of(
                new Curve("training top-1", run.values(row -> 100 * row.trainTop1())),
                new Curve("validation top-1", run.values(row -> 100 * row.validationTop1()))));
        if (top5) {
            accuracy.add(new Curve("validation top-5", run.values(row -> 100 * row.validationTop5())));
        }
        return List.of(
                new LineChart(
                        "Loss, nats",
                        List.of(
                                new Curve("training", run.values(EpochSummary::trainLoss)),
                                new Curve("validation", run.values(EpochSummary::validationLoss))),
                        RunPage::plain),
                new LineChart("Accuracy, %", accuracy, RunPage::hundredths),
                new LineChart(
                        "Learning rate at the epoch's end",
                        List.of(new Curve("learning rate", run.values(EpochSummary::learningRate))),
                        RunPage::scientific),
                new LineChart(
                        "Speed while training, images/s",
                        List.of(new Curve("images/s", run.values(EpochSummary::imagesPerSecond))),
                        RunPage::plain));
    }

    static String hundredths(double value) {
        return plain(Math.round(100 * value) / 100.0);
    }

    /** At most four digits behind the point, and no zeros at the end. */
    static String plain(double value) {
        var text = format(Math.abs(value) >= 100 ? "%.1f" : "%.4f", value);
        return text.replaceFirst("\\.?0+$", "");
    }

    static String scientific(double value) {
        return value == 0
                ? "0"
                : format("%.2e", value).replaceFirst("\\.?0+e", "e").replace("e-0", "e-");
    }

    private static String options(Map<String, JsonNode> options) {
        var out = new StringBuilder(
                "<details><summary>All options, as in config.yaml</summary><div class=card><div class=options>\n");
        options.forEach((key, value) -> out.append(
                "<div><span>%s</span><b>%s</b></div>\n".formatted(escape(key), escape(RunRecord.text(value)))));
        return out.append("</div></div></details>\n").toString();
    }
}
