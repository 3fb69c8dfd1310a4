package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.AttentionDistance;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Explanation;
import dev.vitrail.inspect.Faithfulness;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.PositionBias;
import dev.vitrail.inspect.PositionSimilarity;
import dev.vitrail.report.PointChart.Point;
import dev.vitrail.report.PointChart.Series;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** The page of an inspection: one file that needs no network and no script. */
public final class InspectPage {
    /** Curves of heads in one chart. */
    private static final int HEADS = 16;

    private static final int LENS_CLASSES = 5;

    private final Inspection inspection;

    private InspectPage(Inspection inspection) {
        this.inspection = inspection;
    }

    /** Renders an inspection. */
    public static String html(Inspection inspection) {
        return Page.render("report/inspect.jte", new InspectPage(inspection));
    }

    /**
     * A picture with its words.
     *
     * @param title above it
     * @param source its address, which is itself
     * @param width of the drawing, pixels
     * @param words what it shows, for readers of screens
     * @param note below it
     */
    record Picture(String title, String source, int width, String words, String note) {}

    /**
     * A map over a photo.
     *
     * @param photo address of the photo
     * @param map address of the map
     */
    record Overlay(String title, String photo, String map, String words, String note, boolean best) {}

    /** The model's name, without the folders that it lies in. */
    String title() {
        var name = inspection.inspector().loaded().name();
        return name.substring(name.lastIndexOf('/', name.length() - 2) + 1);
    }

    String subtitle() {
        return "Inspection: what it has learned, and why it decided so";
    }

    List<Tile> tiles() {
        var loaded = inspection.inspector().loaded();
        var input = loaded.preprocessing();
        var tiles = new ArrayList<Tile>();
        tiles.add(new Tile(
                Format.millions(loaded.model().parameterCount()),
                "parameters, " + loaded.variant().name()));
        tiles.add(new Tile("%d × %d".formatted(input.height(), input.width()), "pixels of its images"));
        tiles.add(new Tile(String.valueOf(loaded.model().blocks().size()), "blocks"));
        inspection
                .behavior()
                .ifPresent(behavior -> tiles.add(new Tile(format("%,d", behavior.images()), "images measured")));
        return tiles;
    }

    List<Inspection.Photo> photos() {
        return inspection.photos();
    }

    static String finding(Inspection.Photo photo) {
        return photo.explanations().get(0).sentence();
    }

    /** The rows of a photo: a class each, a map for each method. */
    List<List<Overlay>> rows(Inspection.Photo photo) {
        var source = InspectPictures.jpeg(photo.seen());
        return photo.explanations().stream()
                .map(explanation -> explanation.methods().stream()
                        .filter(method -> inspection.chosen().contains(figure(method.name())))
                        .map(method -> overlay(source, explanation, method))
                        .toList())
                .toList();
    }

    private static Figure figure(String method) {
        return switch (method) {
            case "relevance" -> Figure.RELEVANCE;
            case "CAM" -> Figure.CAM;
            case "Grad-CAM" -> Figure.GRAD_CAM;
            case "rollout" -> Figure.ROLLOUT;
            case "last attention" -> Figure.CLASS_ATTENTION;
            default -> Figure.FAITHFULNESS;
        };
    }

    private static Overlay overlay(String photo, Explanation explanation, Explanation.Method method) {
        var note = method.score()
                .map(score -> format(
                        "deletion %.2f, insertion %.2f, SaCo %.2f",
                        score.deletionArea(), score.insertionArea(), score.saco()))
                .orElse(method.map().flat() ? "flat" : "");
        if (method.name().equals("rollout") || method.name().equals("last attention")) {
            note = note.isEmpty() ? "the same for every class" : note + "; the same for every class";
        }
        return new Overlay(
                method.name(),
                photo,
                InspectPictures.png(ColorScale.of(method.map()).picture(method.map())),
                "%s for %s: %s".formatted(method.name(), explanation.label(), InspectPictures.words(method.map())),
                note,
                explanation.best().filter(method::equals).isPresent());
    }

    /** Deletion and insertion of the best method, with random removal. */
    Optional<PointChart> curves(Inspection.Photo photo) {
        var explanation = photo.explanations().get(0);
        if (explanation.random().isEmpty() || explanation.best().isEmpty()) {
            return Optional.empty();
        }
        var best = explanation.best().get();
        var score = best.score().orElseThrow();
        var random = explanation.random().get();
        return Optional.of(new PointChart(
                "Probability of " + explanation.label() + ", %",
                "cells removed or added, %",
                false,
                List.of(
                        curve(best.name() + ", removed", score.deletion()),
                        curve(best.name() + ", added", score.insertion()),
                        curve("random, removed", random.deletion()),
                        curve("random, added", random.insertion())),
                value -> format("%.0f", value)));
    }

    private static Series curve(String name, float[] values) {
        return new Series(
                name,
                IntStream.range(0, values.length)
                        .mapToObj(i -> new Point(100.0 * i / (values.length - 1), 100 * values[i], 0))
                        .toList());
    }

    /** The probabilities of the final five most probable classes at every depth. */
    Optional<PointChart> lens(Inspection.Photo photo) {
        if (!inspection.has(Figure.LENS)) {
            return Optional.empty();
        }
        return photo.explanations().get(0).lens().map(lens -> {
            var last = lens.logits()[lens.logits().length - 1];
            var classes = IntStream.range(0, last.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer c) -> -last[c]))
                    .limit(LENS_CLASSES)
                    .toList();
            return new PointChart(
                    "What the classifier would say earlier, %",
                    "depth in blocks (0 is the embedding)",
                    false,
                    classes.stream()
                            .map(c -> new Series(
                                    inspection.inspector().loaded().label(c),
                                    IntStream.range(0, lens.logits().length)
                                            .mapToObj(depth ->
                                                    new Point(depth, 100 * probability(lens.logits()[depth], c), 0))
                                            .toList()))
                            .toList(),
                    value -> format("%.0f", value));
        });
    }

    private static double probability(float[] logits, int c) {
        double largest = Double.NEGATIVE_INFINITY, sum = 0;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        for (float logit : logits) {
            sum += Math.exp(logit - largest);
        }
        return Math.exp(logits[c] - largest) / sum;
    }

    /** Where the outliers of a photo's last block are. */
    Optional<Overlay> norms(Inspection.Photo photo) {
        var norms = photo.explanations().get(0).norms();
        if (norms.isEmpty() || !inspection.has(Figure.TOKEN_NORMS)) {
            return Optional.empty();
        }
        var last = norms.get(norms.size() - 1);
        return Optional.of(new Overlay(
                "token norms",
                InspectPictures.jpeg(photo.seen()),
                InspectPictures.png(ColorScale.AMOUNT.picture(last.patches())),
                "norms after the last block: " + InspectPictures.words(last.patches()),
                "%d of %d patches are outliers"
                        .formatted(last.outliers(), last.patches().values().length),
                false));
    }

    Optional<PointChart> distances() {
        var distances = inspection.behavior().map(Behavior::distances).orElse(List.<AttentionDistance>of());
        if (distances.isEmpty() || !inspection.has(Figure.DISTANCE)) {
            return Optional.empty();
        }
        int heads = distances.stream()
                .mapToInt(layer -> layer.distance().length)
                .max()
                .orElse(0);
        var series = new ArrayList<Series>();
        for (int h = 0; h < Math.min(heads, HEADS); h++) {
            int head = h;
            var points = IntStream.range(0, distances.size())
                    .filter(layer -> head < distances.get(layer).distance().length)
                    .mapToObj(layer -> new Point(layer + 1, distances.get(layer).distance()[head], 0))
                    .toList();
            series.add(new Series("head " + (h + 1), points));
        }
        return Optional.of(new PointChart(
                "Mean attention distance, pixels", "attention layer", false, series, value -> format("%.0f", value)));
    }

    /** Figures of the weights. */
    List<Picture> weights() {
        var pictures = new ArrayList<Picture>();
        var model = inspection.inspector().model();
        if (inspection.has(Figure.FILTERS)) {
            var filters = Filters.of(model);
            double explained = 0;
            for (float share : filters.variance()) {
                explained += share;
            }
            if (filters.components().length > 0) {
                pictures.add(picture(
                        "Principal components of the filters",
                        InspectPictures.components(filters),
                        "the first principal components of the embedding filters as small pictures",
                        format(
                                "The first %d components of %d filters explain %.0f %% of their variance.",
                                filters.components().length, filters.count(), 100 * explained)));
            }
        }
        if (inspection.has(Figure.POSITIONS)) {
            PositionSimilarity.of(model)
                    .ifPresent(
                            positions -> pictures.add(
                                    picture(
                                            "Position similarity",
                                            InspectPictures.positions(positions),
                                            "a tile for each position, showing the similarity of its embedding to all others",
                                            "Each tile is one position: bright where the embedding of another position is like its own.")));
        }
        if (inspection.has(Figure.POSITION_BIAS)) {
            PositionBias.of(model)
                    .forEach(bias -> pictures.add(picture(
                            "Relative position bias, " + bias.layer(),
                            InspectPictures.bias(bias),
                            "the bias of each head by the place of the key relative to the query",
                            "A head each; the middle is the query itself. Red raises attention, blue lowers it.")));
        }
        return pictures;
    }

    private static Picture picture(String title, RgbImage image, String words, String note) {
        int scale = Math.max(1, 320 / Math.max(1, image.width()));
        return new Picture(title, InspectPictures.png(image), scale * image.width(), words, note);
    }

    List<LayerScales> layerScales() {
        return inspection.has(Figure.LAYER_SCALE)
                ? LayerScales.of(inspection.inspector().model())
                : List.of();
    }

    Optional<Behavior> behavior() {
        return inspection.behavior();
    }

    List<Behavior.Channels> channels() {
        return inspection.has(Figure.FEATURES)
                ? inspection.behavior().map(Behavior::channels).orElse(List.of())
                : List.of();
    }

    /** Share of outliers of a block, per cent, or a dash. */
    String outliers(String block) {
        return inspection
                .behavior()
                .map(behavior -> behavior.outlierShares().get(block))
                .map(share -> format("%.2f", 100 * share))
                .orElse("–");
    }

    static String share(double value) {
        return format("%.2f", 100 * value);
    }

    static String scientific(double value) {
        return Format.scientific(value);
    }

    List<Picture> similarities() {
        var pictures = new ArrayList<Picture>();
        if (inspection.has(Figure.CKA)) {
            inspection
                    .behavior()
                    .flatMap(Behavior::similarity)
                    .ifPresent(cka -> pictures.add(similarity(cka, "itself")));
            inspection
                    .behavior()
                    .flatMap(Behavior::similarityToOther)
                    .ifPresent(cka ->
                            pictures.add(similarity(cka, inspection.against().orElse("the other model"))));
        }
        return pictures;
    }

    private static Picture similarity(Cka cka, String other) {
        var range = new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (var row : cka.values()) {
            for (float value : row) {
                range[0] = Float.isNaN(value) ? range[0] : Math.min(range[0], value);
                range[1] = Float.isNaN(value) ? range[1] : Math.max(range[1], value);
            }
        }
        return picture(
                "Similarity of the blocks to " + other,
                InspectPictures.similarity(cka),
                "a matrix of similarities between blocks",
                format(
                        "Rows: this model from %s to %s; columns: from %s to %s. CKA from %.2f (dark) to %.2f (bright), over %d images.",
                        cka.rows().get(0),
                        cka.rows().get(cka.rows().size() - 1),
                        cka.columns().get(0),
                        cka.columns().get(cka.columns().size() - 1),
                        range[0],
                        range[1],
                        cka.images()));
    }

    Map<Figure, String> leftOut() {
        return inspection.leftOut();
    }

    String command() {
        return inspection.command();
    }

    /** The scores of all methods of a photo, random included. */
    static List<Map.Entry<String, Faithfulness>> scores(Inspection.Photo photo) {
        var explanation = photo.explanations().get(0);
        var rows = new ArrayList<Map.Entry<String, Faithfulness>>();
        explanation.methods().forEach(method -> method.score()
                .ifPresent(score -> rows.add(Map.entry(method.name(), score))));
        explanation.random().ifPresent(random -> rows.add(Map.entry("random", random)));
        return rows;
    }

    static String number(double value) {
        return format("%.2f", value);
    }
}
