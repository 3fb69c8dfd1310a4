package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Relevance of each patch for a class, by attention weighted with its gradient.
 *
 * <p>{@code Ā_l = mean over heads of max(0, ∇A_l ⊙ A_l)} with {@code ∇A_l = ∂y_c/∂A_l}, the gradient of the class's
 * logit; {@code X_l = I + Ā_l}; the map is {@code q·X_L ⋯ X_1 − q} on the patches, which is 0 or more. An attention
 * pool is its own query row, and nothing is subtracted. A class whose logit does not depend on the image gives a flat
 * map.
 *
 * <p>Chefer, Gur and Wolf, <i>Generic Attention-model Explainability</i>, ICCV 2021, arXiv:2103.15679, rules 5 and 6.
 */
public final class Relevance {
    private Relevance() {}

    /**
     * Explains a class for each image.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @param classes one for each image
     * @return a map for each image, on the grid of the first attention layer
     */
    public static List<GridMap> of(Model model, Tensor images, int[] classes) {
        return Pass.backward(model, images, classes, Relevance::hookPoints, Relevance::of);
    }

    static List<String> hookPoints(ModelLayout layout) {
        return layout.attention().stream().map(AttentionLayer::name).toList();
    }

    /** Explains the class of each image of a pass with gradients. */
    static List<GridMap> of(Pass pass) {
        var layout = pass.layout();
        var layers = new ArrayList<Map<AttentionLayer, double[][]>>();
        for (int b = 0; b < pass.size(); b++) {
            layers.add(new HashMap<>());
        }
        for (var layer : layout.attention()) {
            var weights = pass.output(layer.name());
            var gradients = pass.gradient(layer.name());
            var shape = pass.shape(layer.name());
            int heads = (int) shape[1], size = (int) (shape[2] * shape[3]);
            int groups = (int) (shape[0] / pass.size());
            for (int b = 0; b < layers.size(); b++) {
                var fused = new double[groups][];
                for (int g = 0; g < groups; g++) {
                    fused[g] = fuse(weights, gradients, (b * groups + g) * heads * size, heads, size);
                }
                layers.get(b).put(layer, fused);
            }
        }
        return layers.stream().map(fused -> map(layout, fused)).toList();
    }

    /**
     * Fuses the heads of a layer, {@code mean over heads of max(0, ∇A ⊙ A)}.
     *
     * @param weights {@code [h, size]}, from {@code at} on
     * @param gradients of the same layout
     * @return {@code [size]}
     */
    public static double[] fuse(float[] weights, float[] gradients, int at, int heads, int size) {
        var fused = new double[size];
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < size; i++) {
                double product = (double) weights[at + h * size + i] * gradients[at + h * size + i];
                fused[i] += Math.max(0, product) / heads;
            }
        }
        return fused;
    }

    /**
     * The map of one image from its fused layers.
     *
     * @param fused by layer, {@link #fuse}d heads of each group of tokens, {@code [groups][n · n]}
     */
    public static GridMap map(ModelLayout layout, Map<AttentionLayer, double[][]> fused) {
        return new PushDown(layout, fused, matrix -> matrix, true).mapWithoutQuery();
    }
}
