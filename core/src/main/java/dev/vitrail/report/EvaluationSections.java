package dev.vitrail.report;

import static dev.vitrail.report.Html.escape;
import static dev.vitrail.report.Html.format;
import static dev.vitrail.report.Html.percent;

import dev.vitrail.eval.Calibration;
import dev.vitrail.eval.ClassScore;
import dev.vitrail.eval.ConfusionMatrix.Cell;
import dev.vitrail.eval.Mistake;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.LongStream;

/** What validation found, as sections of a page: confusion matrix, calibration, classes one by one, worst mistakes. */
final class EvaluationSections {
    /** Classes up to which a person can read a matrix. */
    private static final int MOST_IN_MATRIX = 30;
    /** Classes up to which its cells have room. */
    private static final int ROOMY = 14;

    private static final int PAIRS = 12;

    private final SavedEvaluation found;
    private final IntFunction<Optional<Thumbnail>> pictures;

    /**
     * @param pictures the image at a place of the data set, made small; none if it cannot be read any more
     */
    EvaluationSections(SavedEvaluation found, IntFunction<Optional<Thumbnail>> pictures) {
        this.found = found;
        this.pictures = pictures;
    }

    String html() {
        var out = new StringBuilder();
        boolean readable = found.classes().size() <= MOST_IN_MATRIX;
        if (readable) {
            out.append(
                            "<h2>What was taken for what</h2>\n<p>Rows are the truth, columns the prediction; a colour is as strong as"
                                    + " the share of its row.</p>\n")
                    .append(matrix());
        }
        out.append("<div class=two>\n<section><h2>Most confused</h2>\n")
                .append(confused())
                .append("</section>\n<section><h2>Calibration</h2>\n")
                .append(calibration())
                .append("</section>\n</div>\n");
        if (!found.names().isEmpty()) {
            out.append(
                            "<h2>Worst mistakes</h2>\n<p>The wrong answers that the model was surest of. Some are errors of the"
                                    + " labels.</p>\n")
                    .append(mistakes());
        }
        out.append("<h2>Class by class</h2>\n").append(classes());
        return out.toString();
    }

    private String name(int index) {
        return escape(found.classes().get(index));
    }

    private String matrix() {
        int count = found.classes().size();
        var confusion = found.evaluation().confusion();
        var scores = confusion.scores();
        var out = new StringBuilder("<div class=card><table class=\"heat%s\"><thead><tr style=\"height:%dpx\"><th></th>"
                .formatted(count > ROOMY ? " dense" : "", headHeight()));
        for (int j = 0; j < count; j++) {
            out.append("<th><span>").append(name(j)).append("</span></th>");
        }
        out.append("</tr></thead><tbody>\n");
        for (int i = 0; i < count; i++) {
            out.append("<tr><th>").append(name(i)).append("</th>");
            long images = Math.max(1, scores.get(i).images());
            for (int j = 0; j < count; j++) {
                out.append(cell(new Cell(i, j), confusion.count(i, j), images));
            }
            out.append("</tr>\n");
        }
        return out.append("</tbody></table></div>\n").toString();
    }

    /** Room for the longest name, which is written aslant, pixels. */
    private int headHeight() {
        int longest = found.classes().stream().mapToInt(String::length).max().orElse(0);
        return Math.min(118, 26 + 6 * longest);
    }

    private String cell(Cell cell, long count, long images) {
        if (count == 0) {
            return "<td></td>";
        }
        double share = (double) count / images;
        // Few of many would be invisible if strength were proportional: its root shows them.
        double strength = cell.isRight() ? share : Math.sqrt(share);
        return format(
                "<td%s style=\"background:rgb(var(--%s) / %.2f)\" title=\"%s taken for %s: %d of %d\">%d</td>",
                strength > 0.55 ? " class=strong" : "",
                cell.isRight() ? "right" : "wrong",
                0.06 + 0.9 * strength,
                name(cell.truth()),
                name(cell.prediction()),
                count,
                images,
                count);
    }

    private String confused() {
        var confusion = found.evaluation().confusion();
        var pairs = confusion.mostConfused(PAIRS);
        if (pairs.isEmpty()) {
            return "<p>No image was taken for what it is not.</p>\n";
        }
        var scores = confusion.scores();
        var out = new StringBuilder(
                "<div class=card><table class=plain><thead><tr><th>Truth, taken for</th><th>Images</th>"
                        + "<th>Share of the class</th></tr></thead><tbody>\n");
        pairs.forEach(pair -> {
            var cell = pair.getKey();
            double share = (double) pair.getValue() / scores.get(cell.truth()).images();
            out.append(format(
                    "<tr><td>%s → %s</td><td>%d</td><td>%.1f %%</td></tr>%n",
                    name(cell.truth()), name(cell.prediction()), pair.getValue(), 100 * share));
        });
        return out.append("</tbody></table></div>\n").toString();
    }

    private String classes() {
        var scores = found.evaluation().confusion().scores();
        var out = new StringBuilder("<div class=\"card tall\"><table class=plain><thead><tr>");
        for (var head : List.of("Class", "Images", "Precision", "Recall", "F1")) {
            out.append("<th class=sortable>").append(head).append("</th>");
        }
        out.append("</tr></thead><tbody>\n");
        for (ClassScore score : scores) {
            if (score.images() + score.predicted() == 0) {
                continue; // a class that this data has nothing to do with
            }
            out.append(format(
                    "<tr><td data-key=\"%s\">%1$s</td><td data-key=%d>%2$d</td>", name(score.index()), score.images()));
            for (double share : new double[] {score.precision(), score.recall(), score.f1()}) {
                out.append(format(
                        "<td data-key=%.6f>%.1f %%<span class=bar><i style=\"width:%2$.1f%%\"></i></span></td>",
                        share, 100 * share));
            }
            out.append("</tr>\n");
        }
        return out.append("</tbody></table></div>\n").toString();
    }

    private String calibration() {
        var calibration = found.evaluation().calibration();
        double accuracy = found.evaluation().top1();
        return format(
                        "<figure class=chart><figcaption><span>Expected calibration error <b>%s</b></span><span class=legend>"
                                + "<span><i class=c0></i>right</span><span><i class=c1></i>says more</span>"
                                + "<span style=\"opacity:.55\"><i class=c0></i>says less</span></span>"
                                + "</figcaption>%n",
                        percent(calibration.expectedError()))
                + reliability(calibration)
                + format(
                        "<p>It is %s sure on average and right in %s: %s.</p></figure>%n",
                        percent(calibration.confidence()),
                        percent(accuracy),
                        verdict(calibration.confidence() - accuracy));
    }

    private static String verdict(double surplus) {
        return Math.abs(surplus) < 0.01
                ? "as sure as it may be"
                : surplus > 0 ? "surer of itself than it may be" : "less sure of itself than it could be";
    }

    /** Accuracy by confidence, and below it how many images each bin has. */
    private static String reliability(Calibration calibration) {
        int width = 520, left = 58, right = 24, top = 10, bottom = 210, floor = 272;
        var bins = calibration.bins();
        double step = (double) (width - left - right) / Math.max(1, bins.size());
        long most = bins.stream()
                .flatMapToLong(bin -> LongStream.of(bin.images()))
                .max()
                .orElse(1);
        var out = new StringBuilder("<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"accuracy by confidence\">\n"
                .formatted(width, floor + 26));
        for (int i = 0; i <= 4; i++) {
            double y = bottom - (bottom - top) * i / 4.0;
            out.append(format(
                    "<line class=grid x1=%d x2=%d y1=%.1f y2=%3$.1f /><text class=tick text-anchor=end x=%d y=%.1f>%d %%"
                            + "</text>%n",
                    left, width - right, y, left - 8, y + 4, 25 * i));
            out.append(format(
                    "<text class=tick text-anchor=middle x=%.1f y=%d>%d %%</text>%n",
                    left + (width - left - right) * i / 4.0, floor + 20, 25 * i));
        }
        for (int i = 0; i < bins.size(); i++) {
            var bin = bins.get(i);
            if (bin.images() == 0) {
                continue;
            }
            double x = left + i * step + 1.5;
            double scale = bottom - top;
            double both = Math.min(bin.accuracy(), bin.confidence());
            double higher = Math.max(bin.accuracy(), bin.confidence());
            boolean tooSure = bin.confidence() > bin.accuracy();
            out.append(format(
                            "<g><title>%d images, %.1f %% sure, %.1f %% right</title>",
                            bin.images(), 100 * bin.confidence(), 100 * bin.accuracy()))
                    .append(block(x, bottom - scale * both, step - 3, scale * both, "var(--c0)", 1))
                    .append(block(
                            x,
                            bottom - scale * higher,
                            step - 3,
                            scale * (higher - both),
                            tooSure ? "var(--c1)" : "var(--c0)",
                            tooSure ? 0.55 : 0.4))
                    .append(block(
                            x,
                            floor - (floor - bottom - 14) * (double) bin.images() / most,
                            step - 3,
                            (floor - bottom - 14) * (double) bin.images() / most,
                            "var(--soft)",
                            0.5))
                    .append("</g>\n");
        }
        out.append("<line x1=%d y1=%d x2=%d y2=%d stroke=\"var(--soft)\" stroke-dasharray=\"4 4\" />\n"
                .formatted(left, bottom, width - right, top));
        return out.append("</svg>\n").toString();
    }

    private static String block(double x, double y, double width, double height, String color, double opacity) {
        return format(
                "<rect x=%.1f y=%.1f width=%.1f height=%.1f fill=\"%s\" fill-opacity=%.2f rx=2 />",
                x, y, width, height, color, opacity);
    }

    private String mistakes() {
        var out = new StringBuilder("<div class=gallery>\n");
        for (int i = 0; i < found.names().size(); i++) {
            out.append(mistake(
                    found.evaluation().mistakes().get(i), escape(found.names().get(i))));
        }
        return out.append("</div>\n").toString();
    }

    private String mistake(Mistake mistake, String file) {
        var picture = pictures.apply(mistake.index())
                .map(small -> format(
                        "<img%s src=\"%s\" alt=\"%s\" loading=lazy>",
                        small.coarse() ? " class=small" : "", small.dataUri(), file))
                .orElse("<span class=gone>cannot be read</span>");
        return format(
                "<figure><div class=picture>%s</div><figcaption><b>%s</b> <span class=share>%.1f %%</span><br>"
                        + "<span class=truth>is %s <span class=share>%.1f %%</span></span>"
                        + "<span class=file>%s</span></figcaption></figure>%n",
                picture,
                name(mistake.prediction()),
                100 * mistake.probability(),
                name(mistake.truth()),
                100 * mistake.truthProbability(),
                file);
    }
}
