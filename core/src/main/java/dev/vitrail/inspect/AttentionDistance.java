package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.ModelLayout.Scope;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Attention distances of the heads of a layer, for one image.
 *
 * <p>The mean attention distance is {@code (1/n) Σ_i Σ_j A[p+i, p+j]·dist(i, j)} over patches, with {@code dist}
 * Euclidean in pixels. The weights are not divided by their sums after the prefix columns are dropped: that is what the
 * published figures do. The renormalized distance divides each row by the sum over its patches. Swin: inside each
 * window, padding queries left out. CaiT: of {@code max(0, A)} with rows divided by their sums, because mixed weights
 * may be negative.
 *
 * <p>Dosovitskiy et al., 2021, arXiv:2010.11929, section 4.5 and appendix D.7, as in
 * google-research/vision_transformer, issue 162; Raghu et al., 2021, arXiv:2108.08810.
 *
 * @param layer the attention layer's hook point
 * @param distance pixels, for each head
 * @param renormalized pixels, for each head
 * @param entropy {@code −Σ A ln A} in nats, mean over patches as queries, for each head
 * @param prefixShare share of the patches' attention that goes to prefix tokens, for each head; 0 where there are none
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record AttentionDistance(
        String layer, float[] distance, float[] renormalized, float[] entropy, float[] prefixShare) {
    /**
     * Measures all layers among patches.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return for each image a figure for each layer, T2T's token stages before the backbone's
     */
    public static List<List<AttentionDistance>> of(Model model, Tensor images) {
        return Pass.forward(model, images, AttentionDistance::hookPoints, AttentionDistance::of);
    }

    static List<String> hookPoints(ModelLayout layout) {
        return layers(layout).stream().map(AttentionLayer::name).toList();
    }

    /** Measures each image of a pass. */
    static List<List<AttentionDistance>> of(Pass pass) {
        var all = pass.<AttentionDistance>perImage();
        for (var layer : layers(pass.layout())) {
            var weights = pass.output(layer.name());
            var shape = pass.shape(layer.name());
            int size = weights.length / all.size();
            for (int b = 0; b < all.size(); b++) {
                var own = Arrays.copyOfRange(weights, b * size, (b + 1) * size);
                all.get(b)
                        .add(of(
                                layer,
                                own,
                                (int) shape[1],
                                (int) shape[2],
                                pass.layout().classAttention()));
            }
        }
        return all;
    }

    /** The layers whose tokens are cells of a map. */
    static List<AttentionLayer> layers(ModelLayout layout) {
        var layers = new ArrayList<>(layout.tokenStages());
        layout.attention().stream()
                .filter(layer -> layer.scope() == Scope.GLOBAL || layer.scope() == Scope.WINDOWS)
                .forEach(layers::add);
        return layers;
    }

    /**
     * Measures the weights of one layer for one image.
     *
     * @param weights {@code [windows, h, n, n]}, or {@code [h, N, N]}
     * @param heads h
     * @param n tokens that attend to each other, prefix tokens first
     * @param signed whether weights may be negative, so that they are cut at 0 and their rows divided by their sums
     */
    public static AttentionDistance of(AttentionLayer layer, float[] weights, int heads, int n, boolean signed) {
        int groups = weights.length / (heads * n * n);
        boolean windowed = layer.scope() == Scope.WINDOWS;
        int prefix = windowed ? 0 : n - layer.gridHeight() * layer.gridWidth();
        int width = windowed ? layer.windows().orElseThrow().width() : layer.gridWidth();
        var cells = windowed ? layer.windows().orElseThrow().cells() : new int[groups][];
        var distances = distances(layer, (n - prefix) / width, width);
        var sums = new double[4][heads];
        int queries = 0;
        for (int g = 0; g < groups; g++) {
            for (int i = prefix; i < n; i++) {
                if (windowed && cells[g][i] < 0) {
                    continue;
                }
                queries++;
                for (int h = 0; h < heads; h++) {
                    int row = ((g * heads + h) * n + i) * n;
                    double distance = 0, patches = 0, entropy = 0, before = 0;
                    for (int j = 0; j < n; j++) {
                        double a = Math.max(0, weights[row + j]);
                        entropy -= a > 0 ? a * Math.log(a) : 0;
                        if (j < prefix) {
                            before += a;
                        } else {
                            patches += a;
                            distance += a * distances[apart(i - prefix, j - prefix, width)];
                        }
                    }
                    double renormalized = patches > 0 ? distance / patches : 0;
                    sums[0][h] += signed ? renormalized : distance;
                    sums[1][h] += renormalized;
                    sums[2][h] += entropy;
                    sums[3][h] += before;
                }
            }
        }
        var means = new float[4][heads];
        for (int k = 0; k < 4; k++) {
            for (int h = 0; h < heads; h++) {
                means[k][h] = (float) (sums[k][h] / queries);
            }
        }
        return new AttentionDistance(layer.name(), means[0], means[1], means[2], means[3]);
    }

    /** Pixels between two cells, by the rows and columns between them. */
    private static double[] distances(AttentionLayer layer, int height, int width) {
        var distances = new double[height * width];
        for (int i = 0; i < distances.length; i++) {
            distances[i] =
                    Math.hypot(i / width * (double) layer.strideHeight(), i % width * (double) layer.strideWidth());
        }
        return distances;
    }

    /** Index into {@link #distances} of the distance between two cells. */
    private static int apart(int i, int j, int width) {
        return Math.abs(i / width - j / width) * width + Math.abs(i % width - j % width);
    }

    /** The mean over images of figures of one layer. */
    public static AttentionDistance mean(List<AttentionDistance> images) {
        int heads = images.get(0).distance.length;
        var means = new float[4][heads];
        for (var image : images) {
            for (int h = 0; h < heads; h++) {
                means[0][h] += image.distance[h] / images.size();
                means[1][h] += image.renormalized[h] / images.size();
                means[2][h] += image.entropy[h] / images.size();
                means[3][h] += image.prefixShare[h] / images.size();
            }
        }
        return new AttentionDistance(images.get(0).layer, means[0], means[1], means[2], means[3]);
    }
}
