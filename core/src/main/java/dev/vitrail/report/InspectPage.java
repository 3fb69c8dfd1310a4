package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.BranchRatio;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.inspect.NormHistogram;
import dev.vitrail.report.CurveChart.Dot;
import dev.vitrail.report.CurveChart.Scale;
import dev.vitrail.report.CurveChart.Series;
import dev.vitrail.report.CurveChart.Style;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The page of an inspection: one file that needs no network, and no script to be read. */
public final class InspectPage {
    /** Bytes of the maps of heads on one page; photos for which they do not suffice have none. */
    private static final int HEAD_BYTES = 1_200_000;

    /** Blocks whose channels are shown. */
    private static final int FEATURE_BLOCKS = 12;

    private static final int HEADS = 24;

    private final Inspection inspection;
    private final List<InspectPhoto> photos;
    private final InspectWeights weights;
    private final List<InspectPair> pairs;
    private final List<Picture> similarities;
    private final Map<InspectPhoto, List<InspectPhoto.Layer>> heads = new LinkedHashMap<>();

    private InspectPage(Inspection inspection) {
        this.inspection = inspection;
        photos = IntStream.range(0, inspection.photos().size())
                .mapToObj(i -> new InspectPhoto(inspection, inspection.photos().get(i), i + 1))
                .toList();
        weights = InspectWeights.of(inspection);
        pairs = photos.stream()
                .flatMap(photo -> photo.pair().stream())
                .sorted(InspectPhoto.byDisagreement())
                .toList();
        similarities = compared(inspection);
        int bytes = 0;
        for (var photo : photos) {
            var layers = photo.heads();
            bytes += layers.stream()
                    .flatMap(layer -> layer.heads().stream())
                    .mapToInt(head -> head.map().length() + head.words().length())
                    .sum();
            if (!layers.isEmpty() && (bytes <= HEAD_BYTES || heads.isEmpty())) {
                heads.put(photo, layers);
            }
        }
    }

    static InspectPage of(Inspection inspection) {
        return new InspectPage(inspection);
    }

    /** Renders an inspection. */
    public static String html(Inspection inspection) {
        return Page.render("report/inspect.jte", of(inspection));
    }

    /** Renders the short form: the answers of each photo, why, and how far that can be trusted. */
    public static String shortHtml(Inspection inspection) {
        return Page.render("report/explain.jte", new InspectPage(inspection));
    }

    /**
     * A picture with its words.
     *
     * @param title above it
     * @param source its address, which is itself
     * @param width of the drawing, pixels
     * @param words what it shows, for screen readers
     * @param note below it: what it shows and how to read it
     * @param tiles rows and columns of tiles that are enlarged under the pointer, as {@code 7 7}; empty for none
     */
    record Picture(String title, String source, int width, String words, String note, String tiles) {
        static Picture of(String title, RgbImage image, int wide, String words, String note) {
            int scale = Math.max(1, wide / Math.max(1, image.width()));
            return new Picture(title, InspectPictures.png(image), scale * image.width(), words, note, "");
        }

        Picture enlargeable(int rows, int columns) {
            return new Picture(title, source, width, words, note, rows + " " + columns);
        }
    }

    /** The model's name, without the folders that it lies in. */
    String title() {
        return shortName(inspection.inspector().loaded().name());
    }

    /** The last folder of a path; with the one before, where it is a model of a run. */
    private static String shortName(String name) {
        int last = name.lastIndexOf('/', name.length() - 2);
        boolean ofRun = name.substring(last + 1).matches("(best|last|epoch-\\d+)/?");
        return name.substring((ofRun && last > 0 ? name.lastIndexOf('/', last - 1) : last) + 1);
    }

    String subtitle() {
        return "What it has learned, and why it decided so";
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

    /** Where the weights are from, and how images are prepared. */
    String origin() {
        var loaded = inspection.inspector().loaded();
        var input = loaded.preprocessing();
        return ("%s of the family %s. Images are resized (%s), cropped to %s of %s, and normalized by mean %s and "
                        + "std %s.")
                .formatted(
                        loaded.pretrained() ? "Weights of %s".formatted(loaded.name()) : "Random weights",
                        loaded.variant().family().name(),
                        input.interpolation().key(),
                        format("%.0f %%", 100 * input.cropPct()),
                        input.cropMode().key(),
                        rounded(input.mean()),
                        rounded(input.std()));
    }

    private static String rounded(List<Double> values) {
        return values.stream().map(value -> format("%.3f", value)).collect(Collectors.joining(", "));
    }

    /** The photos as custom properties of the style, each once, and the color that stands for nothing. */
    String style() {
        var mean = inspection.inspector().loaded().preprocessing().mean();
        var color = IntStream.range(0, 3)
                .mapToObj(c -> String.valueOf(Math.round(255 * mean.get(c % mean.size()))))
                .collect(Collectors.joining(" "));
        return photos.stream()
                .map(photo -> "%s:url(%s)"
                        .formatted(
                                photo.variable(),
                                InspectPictures.photo(photo.photo().seen())))
                .collect(Collectors.joining(";", "--mean:rgb(%s);".formatted(color), ""));
    }

    List<InspectPhoto> photos() {
        return photos;
    }

    InspectWeights weights() {
        return weights;
    }

    /** The maps of the heads by photo; of the first photos alone, where there are many heads. */
    Map<InspectPhoto, List<InspectPhoto.Layer>> heads() {
        return heads;
    }

    /** Whether any photo can be read at every depth. */
    boolean lens() {
        return photos.stream().anyMatch(photo -> photo.lens().isPresent());
    }

    Optional<CurveChart> distances() {
        var distances = inspection.behavior().map(Behavior::distances).orElse(List.of());
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
            series.add(new Series(
                    "head " + (h + 1),
                    h,
                    Style.DOTS,
                    IntStream.range(0, distances.size())
                            .filter(layer -> head < distances.get(layer).distance().length)
                            .mapToObj(layer -> {
                                var found = distances.get(layer);
                                return new Dot(
                                        layer + 1,
                                        inspection.renormalized()
                                                ? found.renormalized()[head]
                                                : found.distance()[head]);
                            })
                            .toList()));
        }
        var input = inspection.inspector().loaded().preprocessing();
        return Optional.of(new CurveChart(
                "Mean attention distance, pixels",
                "Mean attention distance of each head over depth, up to the image's diagonal of %.0f pixels."
                        .formatted(Math.hypot(input.height(), input.width())),
                "attention layer",
                Format::plain,
                Scale.LINEAR,
                OptionalDouble.of(Math.hypot(input.height(), input.width())),
                OptionalDouble.empty(),
                false,
                series));
    }

    private static boolean tokenStages(Inspection inspection) {
        return inspection.inspector().model().blocks().stream()
                .anyMatch(block -> block.startsWith("tokens_to_token.") || block.startsWith("to_patch_embedding."));
    }

    /** What explanations by attention leave out; empty where they go through the whole model. */
    String leftOutOfMaps() {
        return tokenStages(inspection)
                ? "Relevance and rollout go through the backbone alone: T2T's token stages are left out."
                : "";
    }

    String distanceNote() {
        boolean performers = tokenStages(inspection)
                && inspection.inspector().layout().tokenStages().isEmpty();
        return ("A dot for each head: low ones read their neighbors, high ones gather from the whole image. Mean "
                        + "over %d images%s.%s")
                .formatted(
                        inspection.behavior().map(Behavior::images).orElse(0),
                        inspection.renormalized() ? "; rows divided by their sums over patches" : "",
                        performers
                                ? " Of the token stages, whose performers have no attention matrix, it is not defined."
                                : "");
    }

    Optional<Behavior> behavior() {
        return inspection.behavior();
    }

    List<Behavior.Channels> channels() {
        return inspection.has(Figure.FEATURES)
                ? inspection.behavior().map(Behavior::channels).orElse(List.of())
                : List.of();
    }

    /** Shares of channels that are not healthy, and of outlier tokens, over depth. */
    Optional<CurveChart> health() {
        var channels = channels();
        if (channels.isEmpty()) {
            return Optional.empty();
        }
        var series = new ArrayList<>(List.of(
                health("dead", 1, channels.stream().map(Behavior.Channels::dead).toList()),
                health("flat", 4, channels.stream().map(Behavior.Channels::flat).toList()),
                health(
                        "large",
                        3,
                        channels.stream().map(Behavior.Channels::large).toList())));
        var outliers =
                List.copyOf(inspection.behavior().orElseThrow().outlierShares().values());
        if (!outliers.isEmpty() && inspection.has(Figure.TOKEN_NORMS)) {
            series.add(health("outlier patches", 0, outliers));
        }
        double most = series.stream()
                .flatMap(one -> one.dots().stream())
                .mapToDouble(Dot::y)
                .max()
                .orElse(0);
        return most == 0
                ? Optional.empty()
                : Optional.of(new CurveChart(
                        "Channels and patches out of the ordinary, %",
                        "Shares of dead, flat and large channels and of outlier patches over depth.",
                        "depth",
                        Format::plain,
                        Scale.LINEAR,
                        OptionalDouble.empty(),
                        OptionalDouble.empty(),
                        false,
                        series));
    }

    /**
     * Norms of patches by the median of their image: at the embedding, where outliers are most, and after the last
     * block.
     */
    Optional<CurveChart> normHistogram() {
        var blocks = inspection.behavior().map(Behavior::normHistograms).orElse(List.of());
        if (blocks.isEmpty() || !inspection.has(Figure.TOKEN_NORMS)) {
            return Optional.empty();
        }
        var shares = inspection.behavior().orElseThrow().outlierShares();
        var most = shares.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .orElse("");
        var last = blocks.get(blocks.size() - 1).block();
        var series = new ArrayList<Series>();
        for (var block : blocks) {
            if (series.isEmpty() || block.block().equals(most) || block.block().equals(last)) {
                series.add(new Series(
                        words(block.block()),
                        series.size(),
                        Style.LINE,
                        IntStream.range(0, NormHistogram.BINS)
                                .mapToObj(i -> new Dot(i * NormHistogram.WIDTH, 100 * block.shares()[i]))
                                .toList()));
            }
        }
        double end = (NormHistogram.BINS - 1) * NormHistogram.WIDTH;
        return Optional.of(new CurveChart(
                "Norms of patches, % of patches",
                "How many patches have which norm, in medians of their image; outliers are right of %.0f."
                        .formatted(NormHistogram.OUTLIER),
                "norm, in medians of the image",
                x -> x >= end ? Format.plain(x) + "+" : Format.plain(x),
                Scale.LOGARITHMIC,
                OptionalDouble.empty(),
                OptionalDouble.of(NormHistogram.OUTLIER),
                false,
                series));
    }

    /** What residual branches with LayerScale add to their inputs, over depth. */
    Optional<CurveChart> branches() {
        var branches = inspection.has(Figure.LAYER_SCALE)
                ? inspection.behavior().map(Behavior::branches).orElse(List.of())
                : List.<BranchRatio>of();
        if (branches.isEmpty()) {
            return Optional.empty();
        }
        var series = new ArrayList<Series>();
        for (boolean attention : new boolean[] {true, false}) {
            var own = branches.stream()
                    .filter(branch -> branch.attention() == attention)
                    .toList();
            if (!own.isEmpty()) {
                series.add(new Series(
                        attention ? "attention" : "MLP or the whole branch",
                        attention ? 0 : 1,
                        Style.LINE_AND_DOTS,
                        IntStream.range(0, own.size())
                                .mapToObj(i -> new Dot(i + 1, own.get(i).ratio()))
                                .toList()));
            }
        }
        return Optional.of(new CurveChart(
                "What branches add, ‖branch‖/‖input‖",
                "Mean over tokens of the size of each residual branch beside its input, over depth.",
                "block",
                Format::plain,
                Scale.LOGARITHMIC,
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                false,
                series));
    }

    private static Series health(String name, int color, List<Double> shares) {
        return new Series(
                name,
                color,
                Style.LINE_AND_DOTS,
                IntStream.range(0, shares.size())
                        .mapToObj(i -> new Dot(i, 100 * shares.get(i)))
                        .toList());
    }

    /** Share of outliers of a block, per cent, or a dash. */
    String outliers(String block) {
        return inspection
                .behavior()
                .map(behavior -> behavior.outlierShares().get(block))
                .map(share -> format("%.2f", 100 * share))
                .orElse("–");
    }

    /** Whether token norms of any photo are shown. */
    boolean norms() {
        return inspection.has(Figure.TOKEN_NORMS)
                && photos.stream()
                        .anyMatch(photo -> !photo.photo().answer().norms().isEmpty());
    }

    /** The channels of the first photo. */
    List<InspectPhoto.Channels> features() {
        return photos.isEmpty() ? List.of() : photos.get(0).features(FEATURE_BLOCKS);
    }

    static String share(double value) {
        return format("%.2f", 100 * value);
    }

    static String percent(double value) {
        return value < 0.005 ? "under 1 %" : format("%.0f %%", 100 * value);
    }

    static String scientific(double value) {
        return Format.scientific(value);
    }

    static String number(double value) {
        return format("%.2f", value).replace('-', '−');
    }

    static String words(String block) {
        return ModelLayout.words(block);
    }

    static int dead() {
        return InspectPictures.DEAD;
    }

    static int flat() {
        return InspectPictures.FLAT;
    }

    static int large() {
        return InspectPictures.LARGE;
    }

    /** A color as CSS has it. */
    static String css(int color) {
        return "#%06x".formatted(color);
    }

    /** The name of the other model, without the folders that it lies in. */
    Optional<String> against() {
        return inspection.against().map(InspectPage::shortName);
    }

    /** Photos on which the two models differ most first. */
    List<InspectPair> pairs() {
        return pairs;
    }

    List<Picture> similarities() {
        return similarities;
    }

    private static List<Picture> compared(Inspection inspection) {
        var pictures = new ArrayList<Picture>();
        if (inspection.has(Figure.CKA)) {
            inspection
                    .behavior()
                    .flatMap(Behavior::similarity)
                    .ifPresent(cka -> pictures.add(similarity(cka, "itself")));
            inspection
                    .behavior()
                    .flatMap(Behavior::similarityToOther)
                    .ifPresent(cka -> pictures.add(similarity(
                            cka,
                            inspection.against().map(InspectPage::shortName).orElse("the other model"))));
        }
        return pictures;
    }

    /** How blocks are compared, in a sentence. */
    String estimator() {
        var options = inspection.behavior().map(Behavior::options).orElse(Cka.Options.DEFAULT);
        return (options.unitTokens()
                        ? "Each token counts the same, so that a few outliers do not decide."
                        : "Tokens count by their norms, so a few outliers may decide.")
                + (options.unbiased() ? "" : " The estimate is biased: it is near 1 for few images.");
    }

    private static Picture similarity(Cka cka, String other) {
        var range = new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (var row : cka.values()) {
            for (float value : row) {
                range[0] = Float.isNaN(value) ? range[0] : Math.min(range[0], value);
                range[1] = Float.isNaN(value) ? range[1] : Math.max(range[1], value);
            }
        }
        return InspectWeights.similarity(
                InspectPictures.similarity(cka),
                "Similarity of the blocks to " + other,
                format(
                        "similarities of %d blocks to %d, from %.2f to %.2f",
                        cka.rows().size(), cka.columns().size(), range[0], range[1]),
                format(
                        "Top to bottom this model, from %s to %s; left to right %s, from %s to %s. CKA from %.2f "
                                + "(dark) to %.2f (bright) over %d images%s.%s",
                        ModelLayout.words(cka.rows().get(0)),
                        ModelLayout.words(cka.rows().get(cka.rows().size() - 1)),
                        other,
                        ModelLayout.words(cka.columns().get(0)),
                        ModelLayout.words(cka.columns().get(cka.columns().size() - 1)),
                        range[0],
                        range[1],
                        cka.images(),
                        cka.images() < Cka.FEW ? ", which is few: the values are uncertain" : "",
                        undefined(cka) ? " Grey is not defined: the block gives all images the same." : ""));
    }

    private static boolean undefined(Cka cka) {
        for (var row : cka.values()) {
            for (float value : row) {
                if (Float.isNaN(value)) {
                    return true;
                }
            }
        }
        return false;
    }

    Map<Figure, String> leftOut() {
        return inspection.leftOut();
    }

    String command() {
        return inspection.command();
    }

    /** The versions that made the page. */
    String version() {
        var version = InspectPage.class.getPackage().getImplementationVersion();
        return "Vitrail %s, Java %d; without --seed, the seed is 0."
                .formatted(
                        version == null ? "from its sources" : version,
                        Runtime.version().feature());
    }
}
