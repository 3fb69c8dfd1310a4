package dev.vitrail.cli;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.vitrail.inspect.AttentionDistance;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.BranchRatio;
import dev.vitrail.inspect.ChannelHealth;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Explanation;
import dev.vitrail.inspect.Faithfulness;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.LogitLens;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.NormHistogram;
import dev.vitrail.inspect.TokenNorms;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** The JSON object of an inspection: every number that its page shows. */
@SuppressWarnings("ArrayRecordComponent") // they are only printed
final class InspectJson {
    private InspectJson() {}

    /** The whole. */
    private record Inspected(
            String model,
            String family,
            long parameters,
            int height,
            int width,
            List<String> blocks,
            List<FigureState> figures,
            List<Image> images,
            Optional<FilterValues> filters,
            Optional<List<Scale>> layerScale,
            List<WindowValues> windows,
            Optional<String> against,
            @JsonUnwrapped Measured measured,
            String command,
            long seed) {}

    /** A figure: its state {@code applies}, the reason if it does not, and the files that it was written to. */
    private record FigureState(
            String name,
            String letter,
            boolean applies,
            Optional<String> reason,
            Optional<String> file,
            Optional<List<String>> files) {}

    private record FilterValues(
            String parameter, int count, int channels, int height, int width, float[] explainedVariance) {}

    private record Scale(String parameter, double mean, double min, double max) {}

    /** Windows of a Swin layer's feature map; sizes and shifts in tokens. */
    private record WindowValues(String layer, int height, int width, int shiftRows, int shiftColumns) {}

    /** Figures of behavior over images; all empty without images. */
    private record Measured(
            Optional<Integer> measuredImages,
            Optional<List<String>> distanceLayers,
            Optional<List<float[]>> distance,
            Optional<List<float[]>> distanceRenormalized,
            Optional<List<float[]>> entropy,
            Optional<List<float[]>> prefixShare,
            Optional<List<String>> outlierBlocks,
            Optional<List<Double>> outlierShare,
            Optional<Double> outlierAttention,
            Optional<Histogram> normHistogram,
            Optional<List<Branch>> branchRatio,
            Optional<List<String>> channelBlocks,
            Optional<List<Double>> dead,
            Optional<List<Double>> flat,
            Optional<List<Double>> large,
            Optional<List<String>> ckaBlocks,
            Optional<List<List<Float>>> cka,
            Optional<List<String>> ckaAgainstBlocks,
            Optional<List<List<Float>>> ckaAgainst,
            Optional<String> verdict) {}

    /** Shares of patches by norm, in bins of a width in medians of their image; the last bin is open. */
    private record Histogram(double binWidth, List<HistogramBlock> blocks) {}

    private record HistogramBlock(String block, double medianNorm, float[] shares) {}

    private record Branch(String parameter, String block, double ratio) {}

    private record Image(
            String image,
            @JsonProperty("class") int target,
            String label,
            double probability,
            List<OtherClass> otherClasses,
            @JsonUnwrapped Lens lens,
            List<Score> explanations,
            Optional<String> best,
            String finding,
            Optional<int[]> outliers,
            Optional<List<ChannelCounts>> channels,
            Optional<Other> against) {}

    private record OtherClass(@JsonProperty("class") int target, String label, double probability) {}

    /** Logit lens: the classifier's reading at each depth; all empty where that is not defined. */
    private record Lens(
            Optional<List<String>> lensDepths,
            Optional<int[]> lensTop1,
            Optional<List<String>> lensLabels,
            Optional<Integer> lensDecided,
            Optional<List<Ranks>> lensRanks) {}

    /** The rank of a class at each depth, from 1. */
    private record Ranks(@JsonProperty("class") int target, String label, int[] ranks) {}

    private record Score(
            String method,
            Optional<Double> deletion,
            Optional<Double> insertion,
            Optional<Double> saco,
            Optional<float[]> deletionCurve,
            Optional<float[]> insertionCurve) {}

    private record ChannelCounts(String block, int dead, int flat, int large, int all) {}

    private record Other(String label, double probability, double correlation) {}

    /**
     * The object of an inspection.
     *
     * @param files that each figure was written to; empty without {@code --tables}
     * @param seed of samples and random orders
     */
    static Object of(Inspection inspection, Map<Figure, List<String>> files, long seed) {
        var inspector = inspection.inspector();
        var loaded = inspector.loaded();
        var model = inspector.model();
        return new Inspected(
                loaded.name(),
                loaded.variant().family().name(),
                model.parameterCount(),
                loaded.preprocessing().height(),
                loaded.preprocessing().width(),
                model.blocks(),
                Arrays.stream(Figure.values())
                        .filter(inspection.chosen()::contains)
                        .map(figure -> state(figure, inspector.reason(figure), files.getOrDefault(figure, List.of())))
                        .toList(),
                inspection.photos().stream()
                        .map(photo -> image(inspection, photo))
                        .toList(),
                given(inspection.has(Figure.FILTERS), () -> filters(Filters.of(model))),
                given(inspection.has(Figure.LAYER_SCALE), () -> LayerScales.of(model).stream()
                        .map(scale -> new Scale(scale.parameter(), scale.mean(), scale.min(), scale.max()))
                        .toList()),
                inspection.has(Figure.POSITION_BIAS)
                        ? inspector.layout().attention().stream()
                                .flatMap(layer -> windows(layer).stream())
                                .toList()
                        : List.of(),
                inspection.against(),
                measured(inspection.behavior()),
                inspection.command(),
                seed);
    }

    private static <T> Optional<T> given(boolean wanted, Supplier<T> value) {
        return wanted ? Optional.of(value.get()) : Optional.empty();
    }

    private static FigureState state(Figure figure, Optional<String> reason, List<String> files) {
        return new FigureState(
                figure.key(),
                figure.letter(),
                reason.isEmpty(),
                reason,
                files.stream().findFirst(),
                Optional.of(files).filter(list -> !list.isEmpty()));
    }

    private static FilterValues filters(Filters filters) {
        return new FilterValues(
                filters.parameter(),
                filters.count(),
                filters.channels(),
                filters.height(),
                filters.width(),
                filters.variance());
    }

    private static Optional<WindowValues> windows(AttentionLayer layer) {
        return layer.windows()
                .map(cut ->
                        new WindowValues(layer.name(), cut.height(), cut.width(), cut.shiftRows(), cut.shiftColumns()));
    }

    private static Measured measured(Optional<Behavior> behavior) {
        var distances = behavior.map(Behavior::distances);
        var channels = behavior.map(Behavior::channels);
        var outliers = behavior.map(Behavior::outlierShares);
        var similarity = behavior.flatMap(Behavior::similarity);
        var between = behavior.flatMap(Behavior::similarityToOther);
        return new Measured(
                behavior.map(Behavior::images),
                distances.map(
                        layers -> layers.stream().map(AttentionDistance::layer).toList()),
                distances.map(layers ->
                        layers.stream().map(AttentionDistance::distance).toList()),
                distances.map(layers ->
                        layers.stream().map(AttentionDistance::renormalized).toList()),
                distances.map(layers ->
                        layers.stream().map(AttentionDistance::entropy).toList()),
                distances.map(layers ->
                        layers.stream().map(AttentionDistance::prefixShare).toList()),
                outliers.map(shares -> List.copyOf(shares.keySet())),
                outliers.map(shares -> List.copyOf(shares.values())),
                behavior.map(Behavior::outlierAttention),
                behavior.map(Behavior::normHistograms)
                        .filter(blocks -> !blocks.isEmpty())
                        .map(InspectJson::histogram),
                behavior.map(Behavior::branches)
                        .filter(branches -> !branches.isEmpty())
                        .map(branches ->
                                branches.stream().map(InspectJson::branch).toList()),
                channels.map(
                        blocks -> blocks.stream().map(Behavior.Channels::block).toList()),
                channels.map(
                        blocks -> blocks.stream().map(Behavior.Channels::dead).toList()),
                channels.map(
                        blocks -> blocks.stream().map(Behavior.Channels::flat).toList()),
                channels.map(
                        blocks -> blocks.stream().map(Behavior.Channels::large).toList()),
                similarity.map(Cka::rows),
                similarity.map(InspectJson::matrix),
                between.map(Cka::columns),
                between.map(InspectJson::matrix),
                behavior.map(Behavior::verdict).filter(verdict -> !verdict.isEmpty()));
    }

    private static Histogram histogram(List<NormHistogram> blocks) {
        return new Histogram(
                NormHistogram.WIDTH,
                blocks.stream()
                        .map(block -> new HistogramBlock(block.block(), block.median(), block.shares()))
                        .toList());
    }

    private static Branch branch(BranchRatio branch) {
        return new Branch(branch.parameter(), branch.block(), branch.ratio());
    }

    /** JSON knows no NaN: what is undefined is null. */
    private static List<List<Float>> matrix(Cka cka) {
        var rows = new ArrayList<List<Float>>();
        for (var row : cka.values()) {
            var values = new ArrayList<Float>();
            for (float value : row) {
                values.add(Float.isNaN(value) ? null : value);
            }
            rows.add(values);
        }
        return rows;
    }

    private static Image image(Inspection inspection, Inspection.Photo photo) {
        var first = photo.answer();
        var scores = new ArrayList<Score>();
        first.methods().forEach(method -> scores.add(score(method.name(), method.score())));
        first.random().ifPresent(random -> scores.add(score("random", Optional.of(random))));
        return new Image(
                photo.name(),
                first.target(),
                first.label(),
                first.probability(),
                photo.explanations().stream()
                        .skip(1)
                        .map(other -> new OtherClass(other.target(), other.label(), other.probability()))
                        .toList(),
                lens(inspection, first.lens()),
                scores,
                first.best().map(Explanation.Method::name),
                first.sentence(),
                given(!first.norms().isEmpty(), () -> first.norms().stream()
                        .mapToInt(TokenNorms::outliers)
                        .toArray()),
                given(!photo.layers().features().isEmpty(), () -> photo.layers().features().stream()
                        .map(InspectJson::counts)
                        .toList()),
                photo.other().map(other -> new Other(other.label(), other.probability(), other.correlation())));
    }

    private static ChannelCounts counts(ChannelHealth block) {
        return new ChannelCounts(block.block(), block.dead(), block.flat(), block.large(), block.states().length);
    }

    private static Lens lens(Inspection inspection, Optional<LogitLens> lens) {
        var loaded = inspection.inspector().loaded();
        return new Lens(
                lens.map(LogitLens::depths),
                lens.map(LogitLens::top1),
                lens.map(read ->
                        Arrays.stream(read.top1()).mapToObj(loaded::label).toList()),
                lens.map(LogitLens::decided),
                lens.map(read -> read.leading(LogitLens.LEADING).stream()
                        .map(c -> new Ranks(
                                c,
                                loaded.label(c),
                                IntStream.range(0, read.depths().size())
                                        .map(depth -> read.rank(depth, c))
                                        .toArray()))
                        .toList()));
    }

    private static Score score(String method, Optional<Faithfulness> score) {
        return new Score(
                method,
                score.map(Faithfulness::deletionArea),
                score.map(Faithfulness::insertionArea),
                score.map(Faithfulness::saco),
                score.map(Faithfulness::deletion),
                score.map(Faithfulness::insertion));
    }
}
