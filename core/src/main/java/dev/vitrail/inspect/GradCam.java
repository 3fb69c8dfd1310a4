package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Grad-CAM: {@code ReLU(Σ_c α_c·a_c)} with {@code α_c} the mean over cells of {@code ∂y/∂a_c}, at the output {@code a}
 * of one layer.
 *
 * <p>Selvaraju et al., <i>Grad-CAM</i>, ICCV 2017, arXiv:1610.02391.
 */
public final class GradCam {
    private GradCam() {}

    /**
     * The layer that is read by default: where a class token is pooled, the last block's first normalization, because
     * behind it the patches get no gradient; else the last block.
     */
    public static String layer(ModelLayout layout) {
        if (!layout.query().token() || layout.classAttention()) {
            return layout.lastBlock();
        }
        return firstNorm(layout);
    }

    /** The first normalization of the last block. */
    static String firstNorm(ModelLayout layout) {
        boolean compact = layout.lastBlock().startsWith("transformer.layers.");
        return layout.lastBlock() + (compact ? ".0.norm" : ".norm1");
    }

    /**
     * Explains a class for each image.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @param classes one for each image
     * @param layer the module whose output is read, such as {@code blocks.11.norm1}
     * @return a map for each image, on the layer's grid
     */
    public static List<GridMap> of(Model model, Tensor images, int[] classes, String layer) {
        return Pass.backward(model, images, classes, layout -> List.of(layer), pass -> of(pass, layer));
    }

    /** Explains the class of each image of a pass with gradients. */
    static List<GridMap> of(Pass pass, String layer) {
        var shape = pass.shape(layer);
        var activations = CellView.of(pass.layout(), pass.output(layer), shape);
        var gradients = CellView.of(pass.layout(), pass.gradient(layer), shape);
        return IntStream.range(0, pass.size())
                .mapToObj(b -> map(activations, gradients, b))
                .toList();
    }

    /**
     * The map of one image of a batch.
     *
     * @param activations a layer's output
     * @param gradients with respect to it
     */
    public static GridMap map(CellView activations, CellView gradients, int image) {
        int n = activations.cells();
        var sums = new double[n];
        for (int c = 0; c < activations.channels(); c++) {
            double weight = 0;
            for (int i = 0; i < n; i++) {
                weight += gradients.at(image, i, c);
            }
            weight /= n;
            for (int i = 0; i < n; i++) {
                sums[i] += weight * activations.at(image, i, c);
            }
        }
        for (int i = 0; i < n; i++) {
            sums[i] = Math.max(0, sums[i]);
        }
        return GridMap.of(activations.height(), activations.width(), sums, 0);
    }
}
