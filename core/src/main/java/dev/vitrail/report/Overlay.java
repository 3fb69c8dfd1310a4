package dev.vitrail.report;

import dev.vitrail.inspect.Explanation;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.inspect.TokenNorms;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A map over a photo, as {@code overlay.jte} draws it. The photo is the background that the page's style names
 * {@code --photo}.
 *
 * @param title above it
 * @param how one sentence on what it shows and how to read it
 * @param map address of the map, a pixel for each cell
 * @param words what it shows, for screen readers
 * @param numbers its scores or counts; may be empty
 * @param best whether it is the explanation to trust
 * @param width columns of cells
 * @param height rows of cells
 * @param removed the first quarter of the cells that the map names, as the data of an SVG path; may be empty
 * @param framed cells to frame, likewise
 */
record Overlay(
        String title,
        String how,
        String map,
        String words,
        List<String> numbers,
        boolean best,
        int width,
        int height,
        String removed,
        String framed) {
    /** Cells that screen readers are told. */
    private static final int TOLD = 5;

    /** The map of a method. */
    static Overlay of(Explanation explanation, Explanation.Method method) {
        var map = method.map();
        var numbers = method.score()
                .map(score -> Stream.of(
                                Format.format("deletion %.2f", score.deletionArea()),
                                Format.format("insertion %.2f", score.insertionArea()),
                                Format.format("SaCo %.2f", score.saco()).replace('-', '−'))
                        .map(Format::unbroken)
                        .toList())
                .orElse(List.of());
        return new Overlay(
                Character.toUpperCase(method.name().charAt(0))
                        + method.name().substring(1)
                        + (map.flat() ? ", flat" : ""),
                how(method, ColorScale.of(map)),
                InspectPictures.png(ColorScale.of(map).picture(map)),
                "%s for %s: %s".formatted(method.name(), explanation.label(), InspectPictures.words(map, TOLD)),
                numbers,
                !explanation.insensitive()
                        && explanation.best().filter(method::equals).isPresent(),
                map.width(),
                map.height(),
                method.score().isPresent()
                        ? InspectPictures.cells(
                                map.width(), Arrays.stream(map.order()).limit(map.values().length / 4))
                        : "",
                "");
    }

    private static String how(Explanation.Method method, ColorScale scale) {
        if (method.map().flat()) {
            return "All cells are alike: the map shows nothing.";
        }
        return switch (method.figure()) {
            case RELEVANCE -> "Bright cells raise this class: attention weighted by its gradient.";
            case CAM -> "Red cells add to the class's logit, blue cells take away.";
            case GRAD_CAM -> "Bright cells hold features that raise this class.";
            case ROLLOUT -> "Bright cells are where attention leads through all layers; the same for every class.";
            case CLASS_ATTENTION ->
                "Bright cells are what the class token reads in the last layer; the same for every class.";
            default ->
                scale == ColorScale.SIGNED
                        ? "Red: the class loses probability when the cell is hidden; blue: it gains."
                        : "Bright cells matter: the class loses probability when one is hidden.";
        };
    }

    /** The default explanation of an answer, without scores. */
    static Overlay ofDefault(String method, String label, GridMap map) {
        var scale = ColorScale.of(map);
        return new Overlay(
                Character.toUpperCase(method.charAt(0)) + method.substring(1),
                (scale == ColorScale.SIGNED ? "Red cells raise %s, blue ones lower it." : "Bright cells raise %s.")
                        .formatted(label),
                InspectPictures.png(scale.picture(map)),
                "%s for %s: %s".formatted(method, label, InspectPictures.words(map, TOLD)),
                List.of(),
                false,
                map.width(),
                map.height(),
                "",
                "");
    }

    /** Norms of the tokens, with outliers framed. */
    static Overlay of(TokenNorms norms, String photo) {
        var map = norms.patches();
        var where = ModelLayout.words(norms.block());
        double threshold = norms.threshold();
        return new Overlay(
                photo,
                "Norms after %s; bright is long.".formatted(where),
                InspectPictures.png(ColorScale.AMOUNT.picture(map)),
                "token norms of %s after %s: %s".formatted(photo, where, InspectPictures.words(map, TOLD)),
                List.of("%d of %d patches are outliers".formatted(norms.outliers(), map.values().length)),
                false,
                map.width(),
                map.height(),
                "",
                InspectPictures.cells(
                        map.width(), IntStream.range(0, map.values().length).filter(i -> map.values()[i] > threshold)));
    }

    /** A map by a scale and a range that others share. */
    static Overlay of(String title, String how, String words, GridMap map, ColorScale scale, float low, float high) {
        return new Overlay(
                title,
                how,
                InspectPictures.png(scale.picture(map, low, high)),
                words,
                List.of(),
                false,
                map.width(),
                map.height(),
                "",
                "");
    }
}
