package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.ModelLayout.Scope;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Attention rollout: how much of each patch reaches the classifier if attention alone moved information.
 *
 * <p>{@code X_l = rownorm(½·F_l + ½·I)} with {@code F_l} the heads fused from {@code max(0, A_l)}; the map is
 * {@code q·X_L ⋯ X_1} on the patches. It is the same for all classes. In CaiT the patches' mixed weights are divided by
 * their rows' sums first, and each layer of class attention is the matrix {@code F_l} whose row 0 is its fused
 * attention and whose other rows are the identity; Swin's windows are scattered to the map, and merging is undone by
 * equal parts; T2T's token stages are left out.
 *
 * <p>Abnar and Zuidema, <i>Quantifying Attention Flow in Transformers</i>, ACL 2020, arXiv:2005.00928; Dosovitskiy et
 * al., 2021, fig. 6.
 */
public final class Rollout {
    /** Fusion of the heads of a layer into one matrix. */
    public enum Fusion {
        MEAN,
        MAX,
        MIN
    }

    private Rollout() {}

    /**
     * Rolls attention out.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return a map for each image, on the grid of the first attention layer
     */
    public static List<GridMap> of(Model model, Tensor images, RolloutOptions options) {
        return Pass.forward(model, images, Rollout::hookPoints, pass -> of(pass, options));
    }

    static List<String> hookPoints(ModelLayout layout) {
        return layout.attention().stream().map(AttentionLayer::name).toList();
    }

    /** Rolls out the attention of each image of a pass. */
    static List<GridMap> of(Pass pass, RolloutOptions options) {
        var layout = pass.layout();
        var layers = new ArrayList<Map<AttentionLayer, double[][]>>();
        for (int b = 0; b < pass.size(); b++) {
            layers.add(new HashMap<>());
        }
        for (var layer : layout.attention()) {
            var weights = pass.output(layer.name());
            var shape = pass.shape(layer.name());
            int heads = (int) shape[1], size = (int) (shape[2] * shape[3]);
            int groups = (int) (shape[0] / pass.size());
            for (int b = 0; b < layers.size(); b++) {
                var fused = new double[groups][];
                for (int g = 0; g < groups; g++) {
                    // An attention pool is the query row, which is the mean over heads.
                    var fusion = layer.scope() == Scope.POOL ? Fusion.MEAN : options.fusion();
                    fused[g] = fuse(weights, (b * groups + g) * heads * size, heads, size, fusion);
                }
                layers.get(b).put(layer, fused);
            }
        }
        return layers.stream().map(fused -> map(layout, fused, options)).toList();
    }

    /**
     * The map of one image from its fused layers.
     *
     * @param fused by layer, {@link #fuse}d heads of each group of tokens, {@code [groups][n · n]}
     */
    public static GridMap map(ModelLayout layout, Map<AttentionLayer, double[][]> fused, RolloutOptions options) {
        boolean spared = layout.query() == ModelLayout.Query.CLASS && layout.prefix() > 0;
        return new PushDown(
                        layout,
                        fused,
                        matrix -> {
                            var kept = matrix.discard(options.discard(), spared);
                            return (layout.classAttention() ? kept.rowsNormalized() : kept).withResidual();
                        },
                        false)
                .map();
    }

    /**
     * Fuses the heads of a layer, negative weights as 0.
     *
     * @param weights {@code [h, size]}, from {@code at} on
     * @return {@code [size]}
     */
    public static double[] fuse(float[] weights, int at, int heads, int size, Fusion fusion) {
        var fused = new double[size];
        for (int i = 0; i < size; i++) {
            double value = fusion == Fusion.MIN ? Double.POSITIVE_INFINITY : 0;
            for (int h = 0; h < heads; h++) {
                double weight = Math.max(0, weights[at + h * size + i]);
                value = switch (fusion) {
                    case MEAN -> value + weight / heads;
                    case MAX -> Math.max(value, weight);
                    case MIN -> Math.min(value, weight);
                };
            }
            fused[i] = value;
        }
        return fused;
    }

    /** The matrix without its {@code ⌊share·size⌋} smallest entries. */
    static double[] discard(double[] weights, double share, boolean spareFirst) {
        int count = (int) Math.floor(share * weights.length);
        if (count == 0) {
            return weights;
        }
        var order = new Integer[weights.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Double.compare(weights[a], weights[b]));
        var kept = weights.clone();
        for (int i = 0; i < count; i++) {
            if (!(spareFirst && order[i] == 0)) {
                kept[order[i]] = 0;
            }
        }
        return kept;
    }
}
