package dev.vitrail.report;

import static dev.vitrail.report.Format.format;
import static dev.vitrail.report.Format.percent;

import dev.vitrail.data.Dataset;
import dev.vitrail.eval.Evaluation;
import java.util.List;
import java.util.Optional;

/** The page of an evaluation. */
public final class EvaluationPage {
    private final String model;
    private final Dataset set;
    private final EvaluationSections found;

    private EvaluationPage(String model, Dataset set, EvaluationSections found) {
        this.model = model;
        this.set = set;
        this.found = found;
    }

    /**
     * Renders the page.
     *
     * @param model name of the model
     * @param set what it was evaluated on, with the model's classes
     */
    public static String html(String model, Evaluation found, Dataset set) {
        var sections = new EvaluationSections(
                SavedEvaluation.of(0, found, set), index -> Thumbnail.of(set, index), index -> Optional.empty());
        return Page.render("report/evaluation.jte", new EvaluationPage(model, set, sections));
    }

    String model() {
        return model;
    }

    String subtitle() {
        return "evaluated on " + set.describe();
    }

    EvaluationSections found() {
        return found;
    }

    List<Tile> tiles() {
        var evaluation = found.saved().evaluation();
        return List.of(
                new Tile(
                        percent(evaluation.top1()),
                        format("top-1, %,d of %,d images", evaluation.correct1(), evaluation.images())),
                found.classes().size() > 5
                        ? new Tile(percent(evaluation.top5()), "top-5")
                        : new Tile(format("%.0f", evaluation.imagesPerSecond()), "images/s"),
                new Tile(format("%.4f", evaluation.nll()), "negative log-likelihood, nats"),
                new Tile(percent(evaluation.calibration().expectedError()), "expected calibration error"));
    }
}
