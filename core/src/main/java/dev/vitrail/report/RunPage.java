package dev.vitrail.report;

import static dev.vitrail.report.Format.format;
import static dev.vitrail.report.Format.percent;

import dev.vitrail.report.LineChart.Curve;
import dev.vitrail.train.EpochSummary;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The page of a run, {@code index.html}.
 *
 * @param data descriptions of the training and validation data
 * @param found sections on the validation of its best epoch
 */
record RunPage(RunRecord run, List<String> data, EvaluationSections found) {
    RunPage {
        data = List.copyOf(data);
    }

    String html() {
        return Page.render("report/run.jte", this);
    }

    String subtitle() {
        int made = run.epochs().size();
        return run.finished()
                ? "%s, %d epochs".formatted(run.model(), made)
                : "%s, %d of %s epochs so far".formatted(run.model(), made, run.planned());
    }

    List<Tile> tiles() {
        var best = run.best();
        var evaluation = found.saved().evaluation();
        return List.of(
                new Tile(percent(best.validationTop1()), "best top-1, epoch " + best.epoch()),
                manyClasses()
                        ? new Tile(percent(best.validationTop5()), "top-5 of that epoch")
                        : new Tile(format("%,d", evaluation.images()), "images to be judged by"),
                new Tile(percent(run.last().validationTop1()), "top-1 of the last epoch"),
                new Tile(format("%.4f", best.validationLoss()), "validation loss, nats"),
                new Tile(percent(evaluation.calibration().expectedError()), "expected calibration error"),
                new Tile(format("%.2f M", run.parameters() / 1e6), "parameters"),
                new Tile(Format.duration(run.seconds()), "of training and validation"),
                new Tile(format("%.0f", run.imagesPerSecond()), "images/s while training"));
    }

    /** Returns true if there are more than five classes, so that top-5 accuracy is meaningful. */
    private boolean manyClasses() {
        return found.classes().size() > 5;
    }

    List<LineChart> charts() {
        return List.of(
                loss(run),
                accuracy(run, manyClasses()),
                learningRate(run),
                new LineChart(
                        "Speed while training, images/s",
                        List.of(new Curve("images/s", run.values(EpochSummary::imagesPerSecond))),
                        Format::plain));
    }

    static LineChart loss(RunRecord run) {
        return new LineChart(
                "Loss, nats",
                List.of(
                        new Curve("training", run.values(EpochSummary::trainLoss)),
                        new Curve("validation", run.values(EpochSummary::validationLoss))),
                Format::plain);
    }

    static LineChart accuracy(RunRecord run, boolean top5) {
        var curves = new ArrayList<>(List.of(
                new Curve("training top-1", run.values(row -> 100 * row.trainTop1())),
                new Curve("validation top-1", run.values(row -> 100 * row.validationTop1()))));
        if (top5) {
            curves.add(new Curve("validation top-5", run.values(row -> 100 * row.validationTop5())));
        }
        return new LineChart("Accuracy, %", curves, Format::hundredths);
    }

    static LineChart learningRate(RunRecord run) {
        return new LineChart(
                "Learning rate at the epoch's end",
                List.of(new Curve("learning rate", run.values(EpochSummary::learningRate))),
                Format::scientific);
    }

    /** All options with their values. */
    Map<String, String> options() {
        var options = new LinkedHashMap<String, String>();
        run.options().forEach((key, value) -> options.put(key, RunRecord.text(value)));
        return options;
    }
}
