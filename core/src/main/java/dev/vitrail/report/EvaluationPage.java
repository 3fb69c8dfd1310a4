package dev.vitrail.report;

import static dev.vitrail.report.Html.percent;

import dev.vitrail.data.Dataset;
import dev.vitrail.eval.Evaluation;

/** What an evaluation found, as a page of one file that needs nothing from anywhere. */
public final class EvaluationPage {
    private EvaluationPage() {}

    /**
     * The page.
     *
     * @param model what was evaluated
     * @param set what it was evaluated on, whose classes are the model's
     */
    public static String html(String model, Evaluation found, Dataset set) {
        var saved = SavedEvaluation.of(0, found, set);
        var body = RunPage.head(model, "evaluated on " + set.describe())
                + "<div class=tiles>\n"
                + Html.tile(
                        percent(found.top1()),
                        Html.format("top-1, %,d of %,d images", found.correct1(), found.images()))
                + (saved.classes().size() > 5
                        ? Html.tile(percent(found.top5()), "top-5")
                        : Html.tile(Html.format("%.0f", found.imagesPerSecond()), "images/s"))
                + Html.tile(Html.format("%.4f", found.nll()), "negative log-likelihood, nats")
                + Html.tile(percent(found.calibration().expectedError()), "expected calibration error")
                + "</div>\n"
                + new EvaluationSections(saved, index -> Thumbnail.of(set, index)).html()
                + RunPage.FOOTER;
        return Html.page(model + " – Vitrail", body, false);
    }
}
