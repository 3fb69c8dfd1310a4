package dev.vitrail.inspect;

import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Figures of a model over many images: attention distances, the health of channels, token norms and outliers, what
 * residual branches add, and the similarity of blocks. Batches are added one after the other, and nothing of an image
 * is kept.
 */
public final class Behavior {
    /** Figures that are measured. */
    public static final Set<Figure> FIGURES =
            Set.of(Figure.DISTANCE, Figure.FEATURES, Figure.CKA, Figure.LAYER_SCALE, Figure.TOKEN_NORMS);

    private final Inspector inspector;
    private final Set<Figure> figures = EnumSet.noneOf(Figure.class);
    private final Optional<Inspector> against;
    private final CkaOptions options;
    private final Cka.Accumulator similarity;
    private final Optional<Cka.Accumulator> between;
    private final Map<String, Sums> distances = new LinkedHashMap<>();
    private final Map<String, long[]> channels = new LinkedHashMap<>();
    private final Map<String, long[]> outliers = new LinkedHashMap<>();
    private final Map<String, NormHistogram.Counter> norms = new LinkedHashMap<>();
    private final Map<String, BranchRatio> branches = new LinkedHashMap<>();
    private double outlierAttention;
    private int compared;
    private int images;

    /** Sums of a layer's figures over images. */
    private static final class Sums {
        private final double[][] values;

        Sums(int heads) {
            values = new double[4][heads];
        }

        void add(AttentionDistance image) {
            var figures = new float[][] {image.distance(), image.renormalized(), image.entropy(), image.prefixShare()};
            for (int k = 0; k < figures.length; k++) {
                for (int h = 0; h < figures[k].length; h++) {
                    values[k][h] += figures[k][h];
                }
            }
        }

        AttentionDistance mean(String layer, int images) {
            var means = new float[values.length][values[0].length];
            for (int k = 0; k < means.length; k++) {
                for (int h = 0; h < means[k].length; h++) {
                    means[k][h] = (float) (values[k][h] / images);
                }
            }
            return new AttentionDistance(layer, means[0], means[1], means[2], means[3]);
        }
    }

    Behavior(Inspector inspector, Optional<Inspector> against, CkaOptions options, Set<Figure> wanted) {
        this.inspector = inspector;
        FIGURES.stream()
                .filter(figure ->
                        wanted.contains(figure) && inspector.reason(figure).isEmpty())
                .forEach(figures::add);
        this.against = against;
        this.options = options;
        between = against.map(other -> new Cka.Accumulator(inspector.model(), other.model(), options));
        similarity = new Cka.Accumulator(inspector.model(), options);
    }

    /** Settings of the comparison of blocks. */
    public CkaOptions options() {
        return options;
    }

    /** Returns true if any figure is measured. */
    public boolean measures() {
        return !figures.isEmpty();
    }

    /** Returns true if a figure is measured: it was wanted, and applies to the model. */
    public boolean measures(Figure figure) {
        return figures.contains(figure);
    }

    /**
     * Adds images, run as one batch under the hook points of the figures that are measured; {@link Cka} needs at least
     * {@link Cka#FEWEST} in a batch, and leaves smaller ones out.
     */
    public void add(List<RgbImage> batch) {
        if (measures()) {
            inspector.on(batch, tensor -> {
                Pass.forward(inspector.model(), tensor, this::hookPoints, this::read)
                        .ifPresent(own -> compare(own, batch));
                return batch.size();
            });
            images += batch.size();
        }
    }

    private Set<String> hookPoints(ModelLayout layout) {
        var names = Figure.hookPoints(figures, inspector.model(), layout);
        readByClass().map(AttentionLayer::name).ifPresent(names::add);
        return names;
    }

    /**
     * The last layer of a class token among patches, whose attention to outliers is measured; empty without one, and
     * where token norms are not measured.
     */
    private Optional<AttentionLayer> readByClass() {
        var layers = ClassAttention.layers(inspector.layout());
        return layers.isEmpty() || inspector.layout().classAttention() || !measures(Figure.TOKEN_NORMS)
                ? Optional.empty()
                : Optional.of(layers.get(layers.size() - 1));
    }

    /** Adds the figures of a pass; the Gram matrices of its blocks, if they are compared. */
    private Optional<Cka.Grams> read(Pass pass) {
        if (measures(Figure.DISTANCE)) {
            for (var image : AttentionDistance.of(pass)) {
                image.forEach(layer -> distances
                        .computeIfAbsent(layer.layer(), name -> new Sums(layer.distance().length))
                        .add(layer));
            }
        }
        if (measures(Figure.FEATURES)) {
            ChannelHealth.ofStem(pass, 0).forEach(this::addChannels);
            ChannelHealth.of(pass, 0).forEach(this::addChannels);
        }
        if (measures(Figure.LAYER_SCALE)) {
            BranchRatio.of(pass).forEach(this::addBranches);
        }
        if (measures(Figure.TOKEN_NORMS)) {
            addNorms(TokenNorms.of(pass), readByClass().map(layer -> ClassAttention.of(pass, layer)));
        }
        return measures(Figure.CKA) && pass.size() >= Cka.FEWEST
                ? Optional.of(Cka.grams(pass, options))
                : Optional.empty();
    }

    private void compare(Cka.Grams own, List<RgbImage> batch) {
        similarity.add(own, own);
        between.ifPresent(pair -> {
            var other = against.orElseThrow();
            pair.add(
                    own,
                    Pass.forward(other.model(), other.batch(batch), Cka::hookPoints, pass -> Cka.grams(pass, options)));
        });
        compared += batch.size();
    }

    private void addChannels(List<ChannelHealth> image) {
        for (var block : image) {
            var counts = channels.computeIfAbsent(block.block(), name -> new long[4]);
            counts[0] += block.dead();
            counts[1] += block.flat();
            counts[2] += block.large();
            counts[3] += block.states().length;
        }
    }

    /** Keeps sums over images; {@link #branches} divides them. */
    private void addBranches(List<BranchRatio> image) {
        for (var one : image) {
            branches.merge(
                    one.parameter(),
                    one,
                    (a, b) -> new BranchRatio(a.parameter(), a.block(), a.attention(), a.ratio() + b.ratio()));
        }
    }

    private void addNorms(List<List<TokenNorms>> norms, Optional<List<ClassAttention>> attention) {
        for (int b = 0; b < norms.size(); b++) {
            for (var block : norms.get(b)) {
                var counts = outliers.computeIfAbsent(block.block(), name -> new long[2]);
                counts[0] += block.outliers();
                counts[1] += block.patches().values().length;
                this.norms
                        .computeIfAbsent(block.block(), NormHistogram.Counter::new)
                        .add(block.patches().values());
            }
            if (attention.isPresent()) {
                var row = attention.get().get(b).mean().values();
                var last = norms.get(b).get(norms.get(b).size() - 1);
                double all = 0, taken = 0, threshold = last.threshold();
                for (int i = 0; i < row.length; i++) {
                    all += row[i];
                    taken += last.patches().values()[i] > threshold ? row[i] : 0;
                }
                outlierAttention += all > 0 ? taken / all : 0;
            }
        }
    }

    /** Images so far. */
    public int images() {
        return images;
    }

    /** The mean over images of each layer's attention distances; none where there is no attention. */
    public List<AttentionDistance> distances() {
        var means = new ArrayList<AttentionDistance>();
        distances.forEach((layer, sums) -> means.add(sums.mean(layer, images)));
        return means;
    }

    /**
     * Shares of channels of a block that are not healthy, mean over images.
     *
     * @param block its name, or {@code embedding}
     * @param dead 0 to 1
     * @param flat 0 to 1
     * @param large 0 to 1
     */
    public record Channels(String block, double dead, double flat, double large) {}

    /** The health of the channels of each block. */
    public List<Channels> channels() {
        var found = new ArrayList<Channels>();
        channels.forEach((block, n) ->
                found.add(new Channels(block, (double) n[0] / n[3], (double) n[1] / n[3], (double) n[2] / n[3])));
        return found;
    }

    /** Share of patches that are {@linkplain TokenNorms outliers}, 0 to 1, by block. */
    public Map<String, Double> outlierShares() {
        var found = new LinkedHashMap<String, Double>();
        outliers.forEach((block, n) -> found.put(block, (double) n[0] / n[1]));
        return found;
    }

    /** Histograms over images of the norms of patches, in medians of their image; one for each block. */
    public List<NormHistogram> normHistograms() {
        return norms.values().stream().map(NormHistogram.Counter::result).toList();
    }

    /**
     * The mean over images of what each scaled residual branch adds to its input; none where the model has no
     * LayerScale.
     */
    public List<BranchRatio> branches() {
        return branches.values().stream()
                .map(sum -> new BranchRatio(sum.parameter(), sum.block(), sum.attention(), sum.ratio() / images))
                .toList();
    }

    /** Share of the class token's attention in the last block that outliers attract, 0 to 1. */
    public double outlierAttention() {
        return images == 0 ? 0 : outlierAttention / images;
    }

    /** The similarity of the blocks; empty where no batch had {@link Cka#FEWEST} images. */
    public Optional<Cka> similarity() {
        return compared == 0 ? Optional.empty() : Optional.of(similarity.result());
    }

    /** The similarity of the blocks to those of the other model; empty without one. */
    public Optional<Cka> similarityToOther() {
        return compared == 0 ? Optional.empty() : between.map(Cka.Accumulator::result);
    }

    /** A verdict on the model's health in plain language, of the figures that are measured; may be empty. */
    public String verdict() {
        return Stream.of(channelVerdict(), outlierVerdict())
                .filter(sentence -> !sentence.isEmpty())
                .collect(Collectors.joining(" "));
    }

    private String channelVerdict() {
        if (channels.isEmpty()) {
            return "";
        }
        var worst = channels().stream().max((a, b) -> Double.compare(a.dead() + a.flat(), b.dead() + b.flat()));
        return worst.filter(c -> c.dead() + c.flat() > 0)
                .map(c -> "%s has the most idle channels: %s dead, %s flat."
                        .formatted(
                                Explanation.capitalized(ModelLayout.words(c.block())),
                                percent(c.dead()),
                                percent(c.flat())))
                .orElse("No channel is dead or flat.");
    }

    private static String percent(double share) {
        return share == 0 ? "none" : share < 0.0005 ? "under 0.1 %" : "%.1f %%".formatted(100 * share);
    }

    private String outlierVerdict() {
        var shares = outlierShares();
        double most = shares.values().stream().mapToDouble(share -> share).max().orElse(0);
        if (shares.isEmpty() || most == 0) {
            return shares.isEmpty() ? "" : "No patch is an outlier.";
        }
        var blocks = shares.entrySet().stream()
                .filter(entry -> entry.getValue() >= most / 2)
                .map(Map.Entry::getKey)
                .toList();
        var first = ModelLayout.words(blocks.get(0));
        var last = ModelLayout.words(blocks.get(blocks.size() - 1));
        var found = "%s up to %.1f %% of the patches are outliers"
                .formatted(first.equals(last) ? "After " + first : "From %s to %s".formatted(first, last), 100 * most);
        return outlierAttention() > 0
                ? ("%s; they attract %.0f %% of the class token's attention in the last block. Attention maps of this "
                                + "model show artifacts there; relevance, or registers in training, avoid them.")
                        .formatted(found, 100 * outlierAttention())
                : found + ". Attention maps show artifacts there.";
    }

    /** The layers that {@link #distances} has, with their grids. */
    public List<AttentionLayer> layers() {
        return AttentionDistance.layers(inspector.layout());
    }
}
