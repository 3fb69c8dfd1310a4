package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import java.util.Arrays;
import java.util.List;

/**
 * L2 norms of one image's tokens after a block, before the final normalization.
 *
 * <p>An outlier is a patch whose norm is over three times the median of that image's patches in that block. Such tokens
 * hold global information instead of their patch's, and attention maps light up there (Darcet et al., <i>Vision
 * Transformers Need Registers</i>, 2023, arXiv:2309.16588; the threshold is ours).
 *
 * @param block its name, or {@code embedding}
 * @param norms of all tokens, {@code [N]}, prefix tokens first
 * @param patches on the grid
 * @param outliers patches that are outliers
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record TokenNorms(String block, float[] norms, GridMap patches, int outliers) {
    /** Medians above which a patch is an outlier. */
    static final double FACTOR = 3;

    /**
     * Measures the embedding and every block of the patches.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return for each image, in the order of the blocks
     */
    public static List<List<TokenNorms>> of(Model model, Tensor images) {
        return Pass.forward(model, images, TokenNorms::hookPoints, TokenNorms::of);
    }

    static List<String> hookPoints(ModelLayout layout) {
        return layout.outputs(false);
    }

    /** Measures each image of a pass. */
    static List<List<TokenNorms>> of(Pass pass) {
        var all = pass.<TokenNorms>perImage();
        var layout = pass.layout();
        for (var name : hookPoints(layout)) {
            var view = CellView.of(layout, pass.output(name), pass.shape(name));
            for (int b = 0; b < all.size(); b++) {
                all.get(b).add(of(layout.title(name), view, b));
            }
        }
        return all;
    }

    /** Measures the tokens of one image of a batch. */
    public static TokenNorms of(String block, CellView view, int image) {
        var norms = new float[view.tokens()];
        for (int token = 0; token < norms.length; token++) {
            double square = 0;
            for (int c = 0; c < view.channels(); c++) {
                double value = view.token(image, token, c);
                square += value * value;
            }
            norms[token] = (float) Math.sqrt(square);
        }
        var patches = Arrays.copyOfRange(norms, view.prefix(), norms.length);
        double threshold = FACTOR * median(patches);
        int outliers = 0;
        for (float norm : patches) {
            outliers += norm > threshold ? 1 : 0;
        }
        return new TokenNorms(block, norms, new GridMap(view.height(), view.width(), patches), outliers);
    }

    /** The norm above which a patch is an outlier. */
    public double threshold() {
        return FACTOR * median(patches.values());
    }

    static double median(float[] values) {
        var sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + (double) sorted[middle]) / 2;
    }
}
