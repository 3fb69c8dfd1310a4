package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.CkaOptions;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.report.InspectPage.Picture;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The similarity of a model's blocks to each other and to those of another model, as pages show it. */
final class InspectSimilarity {
    /** Width that a matrix is scaled to by a whole factor, pixels. */
    private static final int WIDE = 420;

    private InspectSimilarity() {}

    /**
     * The matrices that were asked for.
     *
     * @param other name of the other model, if there is one
     */
    static List<Picture> of(Inspection inspection, Optional<String> other) {
        var pictures = new ArrayList<Picture>();
        if (inspection.has(Figure.CKA)) {
            var behavior = inspection.behavior();
            behavior.flatMap(Behavior::similarity).ifPresent(cka -> pictures.add(picture(cka, Optional.empty())));
            behavior.flatMap(Behavior::similarityToOther)
                    .ifPresent(cka -> pictures.add(picture(cka, Optional.of(other.orElse("the other model")))));
        }
        return pictures;
    }

    /** Settings of CKA, in a sentence. */
    static String estimator(CkaOptions options) {
        return (options.unitTokens()
                        ? "Each token counts the same, so that a few outliers do not decide."
                        : "Tokens count by their norms, so a few outliers may decide.")
                + (options.unbiased() ? "" : " The estimate is biased: it is near 1 for few images.");
    }

    private static Picture picture(Cka cka, Optional<String> other) {
        float low = Float.POSITIVE_INFINITY, high = Float.NEGATIVE_INFINITY;
        boolean undefined = false;
        for (var row : cka.values()) {
            for (float value : row) {
                undefined |= Float.isNaN(value);
                low = Float.isNaN(value) ? low : Math.min(low, value);
                high = Float.isNaN(value) ? high : Math.max(high, value);
            }
        }
        return Picture.of(
                "Similarity of the blocks to " + other.orElse("each other"),
                InspectPictures.similarity(cka),
                WIDE,
                format(
                        "similarities of %d blocks to %d, from %.2f to %.2f",
                        cka.rows().size(), cka.columns().size(), low, high),
                format(
                        "%s. CKA from %.2f (dark) to %.2f (bright) over %d images%s.%s",
                        axes(cka, other),
                        low,
                        high,
                        cka.images(),
                        cka.images() < Cka.FEW ? ", which is few: the values are uncertain" : "",
                        undefined ? " Grey is not defined: the block gives all images the same." : ""));
    }

    /** The blocks along both sides of a matrix, in words. */
    private static String axes(Cka cka, Optional<String> other) {
        var rows = ends(cka.rows());
        return other.map(name ->
                        "Top to bottom this model, %s; left to right %s, %s".formatted(rows, name, ends(cka.columns())))
                .orElse("Top to bottom, and left to right, %s".formatted(rows));
    }

    private static String ends(List<String> blocks) {
        return "from %s to %s"
                .formatted(ModelLayout.words(blocks.get(0)), ModelLayout.words(blocks.get(blocks.size() - 1)));
    }
}
