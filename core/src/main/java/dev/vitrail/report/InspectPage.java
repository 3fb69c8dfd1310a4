package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.CkaOptions;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.ModelLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The page of an inspection: one file that needs no network, and no script to be read. */
public final class InspectPage {
    /** Bytes of the maps of heads on one page; photos for which they do not suffice have none. */
    private static final int HEAD_BYTES = 1_200_000;

    /** Blocks whose channels are shown. */
    private static final int FEATURE_BLOCKS = 12;

    private final Inspection inspection;
    private final List<InspectPhoto> photos;
    private final InspectWeights weights;
    private final List<InspectPair> pairs;
    private final List<Picture> similarities;
    private final InspectCharts charts;
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
        similarities = InspectSimilarity.of(inspection, against());
        charts = new InspectCharts(inspection);
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
                .ifPresent(behavior -> tiles.add(new Tile(
                        format("%,d", behavior.images()),
                        behavior.images() == 1 ? "image measured" : "images measured")));
        return tiles;
    }

    /** Source of the weights and preprocessing of images, in two sentences. */
    String origin() {
        var loaded = inspection.inspector().loaded();
        var input = loaded.preprocessing();
        return ("%s of the family %s. Images are resized (%s), cropped (%s, %s), and normalized by mean %s and "
                        + "std %s.")
                .formatted(
                        loaded.pretrained() ? "Weights of %s".formatted(loaded.name()) : "Random weights",
                        loaded.variant().family().name(),
                        input.interpolation().key(),
                        input.cropMode().key(),
                        format("%.0f %%", 100 * input.cropPct()),
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

    InspectCharts charts() {
        return charts;
    }

    /** Returns true if any photo has a logit lens. */
    boolean lens() {
        return photos.stream().anyMatch(photo -> photo.lens().isPresent());
    }

    private static boolean tokenStages(Inspection inspection) {
        return inspection.inspector().model().blocks().stream()
                .anyMatch(block -> block.startsWith("tokens_to_token.") || block.startsWith("to_patch_embedding."));
    }

    /** A sentence on layers that relevance and rollout leave out; empty where they go through the whole model. */
    String leftOutOfMaps() {
        return tokenStages(inspection)
                ? "Relevance and rollout go through the backbone alone: T2T's token stages are left out."
                : "";
    }

    String distanceNote() {
        boolean performers = tokenStages(inspection)
                && inspection.inspector().layout().tokenStages().isEmpty();
        return ("A dot for each head: low ones read their neighbors, high ones gather from the whole image, "
                        + "whose diagonal has %.0f pixels. %s%s.%s")
                .formatted(
                        charts.diagonal(),
                        measured(),
                        inspection.renormalized() ? "; rows divided by their sums over patches" : "",
                        performers
                                ? " Of the token stages, whose performers have no attention matrix, it is not defined."
                                : "");
    }

    private String measured() {
        int images = inspection.behavior().map(Behavior::images).orElse(0);
        return images == 1 ? "Of one image" : "Mean over %d images".formatted(images);
    }

    /** Returns true if channels or token norms are shown. */
    boolean health() {
        return !verdict().isEmpty()
                || norms()
                || photos.stream()
                        .anyMatch(photo -> !photo.photo().layers().features().isEmpty());
    }

    /** The verdict on the model's health; empty where neither channels nor token norms were measured. */
    String verdict() {
        return inspection.behavior().map(Behavior::verdict).orElse("");
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

    /** Returns true if token norms of any photo are shown. */
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

    /** Settings of CKA, in a sentence. */
    String estimator() {
        return InspectSimilarity.estimator(
                inspection.behavior().map(Behavior::options).orElse(CkaOptions.DEFAULT));
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
