package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.inspect.ChannelHealth;
import dev.vitrail.inspect.ClassAttention;
import dev.vitrail.inspect.Explanation;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LogitLens;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.report.CurveChart.Dot;
import dev.vitrail.report.CurveChart.Scale;
import dev.vitrail.report.CurveChart.Series;
import dev.vitrail.report.CurveChart.Style;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * One photo as a page shows it.
 *
 * @param inspection it belongs to
 * @param photo what was computed
 * @param number of the photo on the page, from 1
 */
record InspectPhoto(Inspection inspection, Inspection.Photo photo, int number) {
    private static final int GREY = 7;

    /** Rows of maps: a class each. */
    record Row(String label, double probability, List<Overlay> overlays) {
        Row {
            overlays = List.copyOf(overlays);
        }
    }

    /** A line of the table of scores. */
    record Score(String method, double deletion, double insertion, double saco, String verdict, boolean best) {}

    /** Attention of the class token in a layer, a map for each head. */
    record Layer(String name, List<Head> heads) {
        Layer {
            heads = List.copyOf(heads);
        }
    }

    /** A head's map. */
    record Head(String map, String words) {}

    /**
     * Attention of each patch in a layer.
     *
     * @param atlas address of a picture with a tile for each patch
     * @param strongest the cell that each patch attends to most, numbers between blanks
     */
    record Reads(String name, String atlas, String strongest) {}

    /** A picture of the channels of a block. */
    record Channels(String title, String picture, int width, String words, boolean first) {}

    /** The name of the custom property that holds the photo. */
    String variable() {
        return "--photo-" + number;
    }

    /** The name of its file, without the folders that it lies in. */
    String name() {
        return photo.name().substring(photo.name().replace('\\', '/').lastIndexOf('/') + 1);
    }

    boolean coarse() {
        return InspectPictures.coarse(photo.seen());
    }

    private Explanation answer() {
        return photo.answer();
    }

    String label() {
        return answer().label();
    }

    String probability() {
        return Format.unbroken(format("%.0f %%", 100 * answer().probability()));
    }

    String finding() {
        return answer().sentence();
    }

    String size() {
        return "%d × %d pixels".formatted(photo.seen().width(), photo.seen().height());
    }

    /** The maps that were asked for, a row for each class. */
    List<Row> rows() {
        return photo.explanations().stream()
                .map(explanation -> new Row(
                        explanation.label(),
                        explanation.probability(),
                        explanation.methods().stream()
                                .filter(method -> inspection.chosen().contains(method.figure()))
                                .map(method -> Overlay.of(explanation, method))
                                .toList()))
                .filter(row -> !row.overlays.isEmpty())
                .toList();
    }

    /** The scores of all methods, random order last. */
    List<Score> scores() {
        var scores = new ArrayList<Score>();
        for (var method : answer().methods()) {
            method.score().ifPresent(score -> {
                boolean best = !answer().insensitive()
                        && answer().best().filter(method::equals).isPresent();
                scores.add(new Score(
                        method.name(),
                        score.deletionArea(),
                        score.insertionArea(),
                        score.saco(),
                        answer().insensitive()
                                ? "not to be told from chance"
                                : best
                                        ? "the one to trust"
                                        : answer().beatsRandom(method) ? "beats chance" : "no better than chance",
                        best));
            });
        }
        answer().random()
                .ifPresent(random -> scores.add(new Score(
                        "random order, mean of five",
                        random.deletionArea(),
                        random.insertionArea(),
                        random.saco(),
                        "the mark to beat",
                        false)));
        return scores;
    }

    /** Deletion and insertion of the best method, with random order in grey. */
    Optional<CurveChart> curves() {
        if (answer().random().isEmpty() || answer().best().isEmpty()) {
            return Optional.empty();
        }
        var best = answer().best().get();
        var score = best.score().orElseThrow();
        var random = answer().random().get();
        return Optional.of(CurveChart.of(
                "Probability of " + label() + ", %",
                "Probability of %s while cells are removed or added by %s, and at random."
                        .formatted(label(), best.name()),
                "cells removed or added, %",
                List.of(
                        curve("removed at random", GREY, Style.DASHED, random.deletion()),
                        curve("added at random", GREY, Style.LINE, random.insertion()),
                        curve("removed by " + best.name(), 1, Style.LINE, score.deletion()),
                        curve("added by " + best.name(), 0, Style.LINE, score.insertion()))));
    }

    private static Series curve(String name, int color, Style style, float[] values) {
        return new Series(
                name,
                color,
                style,
                IntStream.range(0, values.length)
                        .mapToObj(i -> new Dot(100.0 * i / (values.length - 1), 100 * values[i]))
                        .toList());
    }

    private Optional<LogitLens> lensOfAnswer() {
        return inspection.has(Figure.LENS) ? answer().lens() : Optional.empty();
    }

    /** The final five most probable classes by their rank at every depth. */
    Optional<CurveChart> lens() {
        return lensOfAnswer().map(lens -> {
            var series = new ArrayList<Series>();
            for (int c : lens.leading(LogitLens.LEADING)) {
                series.add(new Series(
                        inspection.inspector().loaded().label(c),
                        series.size(),
                        Style.LINE_AND_DOTS,
                        IntStream.range(0, lens.depths().size())
                                .mapToObj(depth -> new Dot(depth, lens.rank(depth, c)))
                                .toList()));
            }
            var decided = ModelLayout.words(lens.depths().get(lens.decided()));
            return CurveChart.of(
                            "Rank among all classes",
                            "Rank of the five final classes at every depth; the answer leads from %s on."
                                    .formatted(decided),
                            "depth",
                            series)
                    .withScale(Scale.RANK)
                    .withXText(depth -> depth == 0 ? first(lens) : format("%.0f", depth))
                    .withMark(lens.decided())
                    .withNames();
        });
    }

    private static String first(LogitLens lens) {
        return lens.depths().get(0).equals("embedding") ? "embedding" : "0";
    }

    /** A sentence on the depth at which the answer takes the lead. */
    String decided() {
        return lensOfAnswer()
                .map(lens -> lens.decided() == 0
                        ? "%s leads at every depth.".formatted(label())
                        : "%s takes the lead at %s; before, the lens reads %s."
                                .formatted(
                                        label(),
                                        ModelLayout.words(lens.depths().get(lens.decided())),
                                        inspection.inspector().loaded().label(lens.top1()[lens.decided() - 1])))
                .orElse("");
    }

    /** The patch lens, a map for each depth, by one range. */
    List<Overlay> depths() {
        var maps = photo.layers().patchLens();
        var lens = lensOfAnswer();
        if (maps.isEmpty() || lens.isEmpty()) {
            return List.of();
        }
        float low = Float.POSITIVE_INFINITY, high = Float.NEGATIVE_INFINITY;
        for (var map : maps) {
            low = Math.min(low, map.range()[0]);
            high = Math.max(high, map.range()[1]);
        }
        var overlays = new ArrayList<Overlay>();
        for (int depth = 0; depth < maps.size(); depth++) {
            var top = inspection.inspector().loaded().label(lens.get().top1()[depth]);
            var name = ModelLayout.words(lens.get().depths().get(depth));
            overlays.add(Overlay.of(
                    name,
                    top,
                    "logit of %s at %s: %s; the class token reads %s"
                            .formatted(label(), name, InspectPictures.words(maps.get(depth), 1), top),
                    maps.get(depth),
                    ColorScale.AMOUNT,
                    low,
                    high));
        }
        return overlays;
    }

    /**
     * The maps of all heads of all layers but the last, which {@link #lastHeads} shows large; both for CaiT's two
     * layers.
     */
    List<Layer> heads() {
        var layers = photo.layers().classAttention();
        return IntStream.range(0, layers.size())
                .mapToObj(i -> new Layer(
                        ModelLayout.words(layers.get(i).layer()),
                        IntStream.range(0, layers.get(i).heads().size())
                                .mapToObj(h -> head(layers.get(i), h))
                                .toList()))
                .toList();
    }

    private Head head(ClassAttention layer, int h) {
        var map = layer.heads().get(h);
        var figures = inspection.behavior().stream()
                .flatMap(behavior -> behavior.distances().stream())
                .filter(distance -> distance.layer().equals(layer.layer()))
                .findFirst()
                .map(distance -> format(
                        ", mean distance %.0f px, entropy %.1f nats%s",
                        distance.distance()[h],
                        distance.entropy()[h],
                        distance.prefixShare()[h] > 0
                                ? format(", %.0f %% on prefix tokens", 100 * distance.prefixShare()[h])
                                : ""))
                .orElse("");
        return new Head(
                InspectPictures.png(ColorScale.AMOUNT.picture(map)),
                "%s, head %d%s; %s"
                        .formatted(ModelLayout.words(layer.layer()), h + 1, figures, InspectPictures.words(map, 1)));
    }

    /** Attention of each patch, by layer; none where there is no class token among the patches. */
    List<Reads> reads() {
        return photo.rows().stream()
                .map(layer -> new Reads(
                        ModelLayout.words(layer.layer()),
                        InspectPictures.atlas(layer),
                        layer.rows().stream()
                                .map(row -> String.valueOf(strongest(row)))
                                .collect(Collectors.joining(" "))))
                .toList();
    }

    private static int strongest(GridMap row) {
        int best = 0;
        for (int i = 1; i < row.values().length; i++) {
            best = row.values()[i] > row.values()[best] ? i : best;
        }
        return best;
    }

    /** Rows and columns of the patches, as {@code 14 14}. */
    String grid() {
        var map = photo.rows().get(0).rows().get(0);
        return map.height() + " " + map.width();
    }

    /**
     * The last layers over the photo, the mean over heads and each head, with the cells that hold 60 % of the attention
     * framed; of CaiT both layers of class attention.
     */
    List<Overlay> lastHeads() {
        var layers = photo.layers().classAttention();
        boolean both = inspection.inspector().layout().classAttention();
        return layers.subList(both ? 0 : Math.max(0, layers.size() - 1), layers.size()).stream()
                .flatMap(layer -> {
                    var name = ModelLayout.words(layer.layer());
                    var heads = IntStream.range(0, layer.heads().size())
                            .mapToObj(h -> large(
                                    "%s, %s".formatted(name, Format.unbroken("head " + (h + 1))),
                                    layer.heads().get(h)));
                    return Stream.concat(Stream.of(large(name + ", mean of heads", layer.mean())), heads);
                })
                .toList();
    }

    private static Overlay large(String title, GridMap map) {
        var mask = ClassAttention.mask(map, ClassAttention.DINO);
        return new Overlay(
                title,
                map.range()[0] < 0
                        ? "Weights after mixing, which may be negative: red adds a cell's value, blue subtracts it."
                        : "Framed cells hold 60 % of what the class token reads.",
                InspectPictures.png(ColorScale.of(map).picture(map)),
                title + ": " + InspectPictures.words(map, 3),
                List.of(),
                false,
                map.width(),
                map.height(),
                "",
                map.range()[0] < 0 // mixed weights have no share of a sum
                        ? ""
                        : InspectPictures.cells(
                                map.width(),
                                IntStream.range(0, map.values().length).filter(i -> mask.values()[i] > 0)));
    }

    /** Norms where outliers are most, and after the last block. */
    List<Overlay> norms() {
        var norms = answer().norms();
        if (norms.isEmpty() || !inspection.has(Figure.TOKEN_NORMS)) {
            return List.of();
        }
        var most = norms.stream()
                .max(Comparator.comparingInt(block -> block.outliers()))
                .orElseThrow();
        var last = norms.get(norms.size() - 1);
        return (most.outliers() > last.outliers() ? List.of(most, last) : List.of(last))
                .stream().map(block -> Overlay.of(block, name())).toList();
    }

    /** The channels of at most so many blocks, spread over the depth. */
    List<Channels> features(int most) {
        var all = photo.layers().features();
        return IntStream.range(0, Math.min(most, all.size()))
                .map(i -> all.size() <= most ? i : (int) Math.round(i * (all.size() - 1.0) / (most - 1)))
                .mapToObj(i -> channels(all.get(i), i == 0))
                .toList();
    }

    private static Channels channels(ChannelHealth block, boolean first) {
        var picture = InspectPictures.features(block);
        int scale = Math.max(1, 560 / picture.width());
        var title = ModelLayout.words(block.block());
        var counts = "%d dead, %d flat and %d large of %d channels"
                .formatted(block.dead(), block.flat(), block.large(), block.states().length);
        return new Channels(
                title + ": " + counts,
                InspectPictures.png(picture),
                picture.width() * scale,
                "the first %d channels of %s as grey pictures; %s"
                        .formatted(block.maps().size(), title, counts),
                first);
    }

    /** The other model's map beside this one's. */
    Optional<InspectPair> pair() {
        return photo.other()
                .map(other -> new InspectPair(
                        this,
                        Overlay.ofDefault(
                                answer().methods().get(0).name(),
                                label(),
                                answer().methods().get(0).map()),
                        Overlay.ofDefault(other.method(), other.label(), other.map()),
                        other));
    }

    /** Photos with the largest difference first. */
    static Comparator<InspectPair> byDisagreement() {
        ToDoubleFunction<InspectPair> disagreement =
                pair -> (pair.agrees() ? 0 : 2) - pair.other().correlation();
        return Comparator.comparingDouble(disagreement).reversed();
    }
}
