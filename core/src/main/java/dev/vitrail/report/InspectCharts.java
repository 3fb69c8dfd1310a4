package dev.vitrail.report;

import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.BranchRatio;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.inspect.NormHistogram;
import dev.vitrail.report.CurveChart.Dot;
import dev.vitrail.report.CurveChart.Scale;
import dev.vitrail.report.CurveChart.Series;
import dev.vitrail.report.CurveChart.Style;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Figures of a model over its depth, and of its filters, as charts; each is empty where the figure does not apply or
 * was not asked for.
 *
 * @param inspection it draws
 */
record InspectCharts(Inspection inspection) {
    /** Heads that are drawn. */
    private static final int HEADS = 24;

    /** Mean attention distance of each head over depth. */
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
        return Optional.of(CurveChart.of(
                "Mean attention distance, pixels",
                "Mean attention distance of each head over depth, in images with a diagonal of %.0f pixels."
                        .formatted(diagonal()),
                "attention layer",
                series));
    }

    /** The longest distance that there is, pixels. */
    double diagonal() {
        var input = inspection.inspector().loaded().preprocessing();
        return Math.hypot(input.height(), input.width());
    }

    /** Shares of channels that are not healthy, and of outlier tokens, over depth; empty where all are 0. */
    Optional<CurveChart> health() {
        if (!inspection.has(Figure.FEATURES) || inspection.behavior().isEmpty()) {
            return Optional.empty();
        }
        var channels = inspection.behavior().get().channels();
        var series = new ArrayList<>(List.of(
                shares("dead", 1, channels, Behavior.Channels::dead),
                shares("flat", 4, channels, Behavior.Channels::flat),
                shares("large", 3, channels, Behavior.Channels::large)));
        var outliers = List.copyOf(inspection.behavior().get().outlierShares().values());
        if (!outliers.isEmpty() && inspection.has(Figure.TOKEN_NORMS)) {
            series.add(shares("outlier patches", 0, outliers, share -> share));
        }
        return series.stream().flatMap(one -> one.dots().stream()).allMatch(dot -> dot.y() == 0)
                ? Optional.empty()
                : Optional.of(CurveChart.of(
                        "Channels and patches out of the ordinary, %",
                        "Shares of dead, flat and large channels and of outlier patches over depth.", "depth", series));
    }

    private static <T> Series shares(String name, int color, List<T> depths, ToDoubleFunction<T> share) {
        return new Series(
                name,
                color,
                Style.LINE_AND_DOTS,
                IntStream.range(0, depths.size())
                        .mapToObj(i -> new Dot(i, 100 * share.applyAsDouble(depths.get(i))))
                        .toList());
    }

    /**
     * Norms of patches by the median of their image: at the embedding, where outliers are most, and after the last
     * block.
     */
    Optional<CurveChart> norms() {
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
                        ModelLayout.words(block.block()),
                        series.size(),
                        Style.LINE,
                        IntStream.range(0, NormHistogram.BINS)
                                .mapToObj(i -> new Dot(i * NormHistogram.WIDTH, 100 * block.shares()[i]))
                                .toList()));
            }
        }
        double end = (NormHistogram.BINS - 1) * NormHistogram.WIDTH;
        return Optional.of(CurveChart.of(
                        "Norms of patches, % of patches",
                        "How many patches have which norm, in medians of their image; outliers are right of %.0f."
                                .formatted(NormHistogram.OUTLIER),
                        "norm, in medians of the image",
                        series)
                .withScale(Scale.LOGARITHMIC)
                .withXText(x -> x >= end ? Format.plain(x) + "+" : Format.plain(x))
                .withMark(NormHistogram.OUTLIER));
    }

    /** Size of residual branches with LayerScale relative to their inputs, over depth. */
    Optional<CurveChart> branches() {
        return inspection.has(Figure.LAYER_SCALE)
                ? ofBranches(
                        "What branches add, ‖branch‖/‖input‖",
                        "Mean over tokens of the size of each residual branch beside its input, over depth.",
                        inspection.behavior().map(Behavior::branches).orElse(List.of()),
                        BranchRatio::attention,
                        BranchRatio::ratio)
                : Optional.empty();
    }

    /**
     * Mean factors of residual branches.
     *
     * @param scales of the model
     */
    static Optional<CurveChart> scales(List<LayerScales> scales) {
        return ofBranches(
                "LayerScale, mean |γ|",
                "Mean size of the factors of the residual branches over depth.",
                scales,
                LayerScales::attention,
                LayerScales::mean);
    }

    /** A value of each residual branch over depth, attention and MLP apart. */
    private static <T> Optional<CurveChart> ofBranches(
            String title, String words, List<T> branches, Predicate<T> attention, ToDoubleFunction<T> value) {
        if (branches.isEmpty()) {
            return Optional.empty();
        }
        var series = new ArrayList<Series>();
        for (boolean ofAttention : new boolean[] {true, false}) {
            var own = branches.stream()
                    .filter(branch -> attention.test(branch) == ofAttention)
                    .toList();
            if (!own.isEmpty()) {
                series.add(new Series(
                        ofAttention ? "attention" : "MLP or the whole branch",
                        ofAttention ? 0 : 1,
                        Style.LINE_AND_DOTS,
                        IntStream.range(0, own.size())
                                .mapToObj(i -> new Dot(i + 1, value.applyAsDouble(own.get(i))))
                                .toList()));
            }
        }
        return Optional.of(CurveChart.of(title, words, "block", series).withScale(Scale.LOGARITHMIC));
    }

    /** Variance that the components of the filters explain. */
    static CurveChart variance(Filters filters) {
        return CurveChart.of(
                "Explained variance, %",
                "Variance of the filters that each principal component explains.",
                "component",
                List.of(new Series(
                        "explained",
                        0,
                        Style.LINE_AND_DOTS,
                        IntStream.range(0, filters.variance().length)
                                .mapToObj(i -> new Dot(i + 1, 100 * filters.variance()[i]))
                                .toList())));
    }
}
