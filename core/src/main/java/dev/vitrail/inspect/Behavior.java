package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a model behaves over many images: attention distances, the health of channels, outlier tokens, and the similarity
 * of blocks. Batches are added one after the other, and nothing of an image is kept.
 */
public final class Behavior {
    private final Inspector inspector;
    private final Optional<Inspector> against;
    private final Cka.Options options;
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

    Behavior(Inspector inspector, Optional<Inspector> against, Cka.Options options) {
        this.inspector = inspector;
        this.against = against;
        this.options = options;
        between = against.map(other -> new Cka.Accumulator(inspector.model(), other.model(), options));
        similarity = new Cka.Accumulator(inspector.model(), options);
    }

    /** How blocks are compared. */
    public Cka.Options options() {
        return options;
    }

    /**
     * Adds images, run as one batch; {@link Cka} needs at least {@link Cka#FEWEST} in a batch, and leaves smaller ones
     * out.
     */
    public void add(List<RgbImage> batch) {
        var model = inspector.model();
        inspector.on(
                batch,
                tensor -> Pass.shared(model, tensor, inspector.layout().read(), () -> {
                    if (inspector.reason(Figure.DISTANCE).isEmpty()) {
                        for (var image : AttentionDistance.of(model, tensor)) {
                            image.forEach(layer -> distances
                                    .computeIfAbsent(layer.layer(), name -> new Sums(layer.distance().length))
                                    .add(layer));
                        }
                    }
                    ChannelHealth.ofStem(model, tensor, 0).forEach(this::addChannels);
                    ChannelHealth.of(model, tensor, 0).forEach(this::addChannels);
                    if (inspector.reason(Figure.LAYER_SCALE).isEmpty()) {
                        BranchRatio.of(model, tensor).forEach(this::addBranches);
                    }
                    if (inspector.reason(Figure.TOKEN_NORMS).isEmpty()) {
                        addNorms(TokenNorms.of(model, tensor), classRows(tensor));
                    }
                    if (batch.size() >= Cka.FEWEST) {
                        similarity.add(tensor, tensor);
                        between.ifPresent(
                                pair -> pair.add(tensor, against.orElseThrow().batch(batch)));
                        compared += batch.size();
                    }
                    return batch.size();
                }));
        images += batch.size();
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

    /**
     * The class token's attention in the last block, mean over heads, for each image; none without a class token among
     * patches.
     */
    private List<GridMap> classRows(Tensor tensor) {
        if (inspector.layout().classAttention()
                || inspector.reason(Figure.CLASS_ATTENTION).isPresent()) {
            return List.of();
        }
        return ClassAttention.of(inspector.model(), tensor).stream()
                .map(layers -> layers.get(layers.size() - 1).mean())
                .toList();
    }

    private void addNorms(List<List<TokenNorms>> norms, List<GridMap> rows) {
        for (int b = 0; b < norms.size(); b++) {
            for (var block : norms.get(b)) {
                var counts = outliers.computeIfAbsent(block.block(), name -> new long[2]);
                counts[0] += block.outliers();
                counts[1] += block.patches().values().length;
                this.norms
                        .computeIfAbsent(block.block(), NormHistogram.Counter::new)
                        .add(block.patches().values());
            }
            if (!rows.isEmpty()) {
                var last = norms.get(b).get(norms.get(b).size() - 1);
                double all = 0, taken = 0, threshold = last.threshold();
                for (int i = 0; i < rows.get(b).values().length; i++) {
                    all += rows.get(b).values()[i];
                    taken +=
                            last.patches().values()[i] > threshold ? rows.get(b).values()[i] : 0;
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

    /** How long the patches' tokens are beside the median of their image, a histogram over images for each block. */
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

    /** A verdict on the model's health in plain language. */
    public String verdict() {
        var worst = channels().stream().max((a, b) -> Double.compare(a.dead() + a.flat(), b.dead() + b.flat()));
        var text = new StringBuilder(worst.filter(c -> c.dead() + c.flat() > 0)
                .map(c -> "%s has the most idle channels: %.1f %% dead, %.1f %% flat."
                        .formatted(
                                Explanation.capitalized(ModelLayout.words(c.block())), 100 * c.dead(), 100 * c.flat()))
                .orElse("No channel is dead or flat."));
        var shares = outlierShares();
        double most = shares.values().stream().mapToDouble(share -> share).max().orElse(0);
        if (most > 0) {
            var blocks = shares.entrySet().stream()
                    .filter(entry -> entry.getValue() >= most / 2)
                    .map(Map.Entry::getKey)
                    .toList();
            text.append(" From %s to %s up to %.1f %% of the patches are outliers"
                    .formatted(
                            ModelLayout.words(blocks.get(0)),
                            ModelLayout.words(blocks.get(blocks.size() - 1)),
                            100 * most));
            text.append(
                    outlierAttention() > 0
                            ? ("; they attract %.0f %% of the class token's attention in the last block. "
                                            + "Attention maps of this"
                                            + (" model show artifacts there; relevance, or registers in training, "
                                                    + "avoid them."))
                                    .formatted(100 * outlierAttention())
                            : ". Maps of attention show artifacts there.");
        }
        return text.toString();
    }

    /** The layers that {@link #distances} has, with their grids. */
    public List<AttentionLayer> layers() {
        return AttentionDistance.layers(inspector.layout());
    }
}
