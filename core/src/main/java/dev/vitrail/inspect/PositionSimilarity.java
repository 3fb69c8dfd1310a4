package dev.vitrail.inspect;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.compact.SimpleViT;
import dev.vitrail.models.layers.SinCos;
import dev.vitrail.nn.Parameter;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Cosine similarity of the patches' position embeddings: {@code S_ij = ⟨e_i, e_j⟩/(‖e_i‖‖e_j‖)}, 0 where a norm is 0.
 * Prefix rows are left out. Learned and sine-cosine tables alike; of a resampled model, the table that it runs with.
 *
 * <p>Dosovitskiy et al., 2021, arXiv:2010.11929, fig. 7 center; cosine as in google-research/vision_transformer, issue
 * 138.
 *
 * @param height gh, rows of the grid
 * @param width gw, columns
 * @param similarity {@code [n · n]} with n = gh·gw: the tile of cell i is the i-th row, on the grid
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record PositionSimilarity(int height, int width, float[] similarity) {
    /** The figure of a model; empty if it adds no positions to its tokens. */
    public static Optional<PositionSimilarity> of(Model model) {
        var layout = ModelLayout.of(
                model, model.config().imageHeight(), model.config().imageWidth());
        return Frame.compute(() -> table(model, layout).map(table -> {
            int D = (int) table.size(-1);
            var rows = table.reshape(-1, D);
            var values = Pass.finite("the position embedding", rows.toFloats());
            int prefix = values.length / D - layout.cells();
            return new PositionSimilarity(
                    layout.gridHeight(),
                    layout.gridWidth(),
                    cosines(Arrays.copyOfRange(values, prefix * D, values.length), layout.cells(), D));
        }));
    }

    /** Returns true if a model adds positions to its tokens, so that it has the figure. */
    static boolean appliesTo(Model model) {
        return model instanceof SimpleViT || parameter(model).isPresent();
    }

    private static Optional<Tensor> table(Model model, ModelLayout layout) {
        return model instanceof SimpleViT
                ? Optional.of(SinCos.grid(layout.gridHeight(), layout.gridWidth(), model.width()))
                : parameter(model).map(Parameter::value);
    }

    private static Optional<Parameter> parameter(Model model) {
        var parameters = model.parameters();
        return Stream.of("pos_embed", "pos_embedding", "absolute_pos_embed")
                .filter(parameters::containsKey)
                .findFirst()
                .map(parameters::get);
    }

    /** Cosines of all pairs of {@code n} rows of {@code D} values. */
    public static float[] cosines(float[] values, int n, int D) {
        var norms = new double[n];
        for (int i = 0; i < n; i++) {
            norms[i] = Math.sqrt(dot(values, i, i, D));
        }
        var similarity = new float[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                double scale = norms[i] * norms[j];
                float cosine = scale == 0 ? 0 : (float) (dot(values, i, j, D) / scale);
                similarity[i * n + j] = cosine;
                similarity[j * n + i] = cosine;
            }
        }
        return similarity;
    }

    private static double dot(float[] values, int i, int j, int D) {
        double sum = 0;
        for (int c = 0; c < D; c++) {
            sum += (double) values[i * D + c] * values[j * D + c];
        }
        return sum;
    }

    /** The similarity of a cell to all. */
    public GridMap tile(int cell) {
        int n = height * width;
        return new GridMap(height, width, Arrays.copyOfRange(similarity, cell * n, (cell + 1) * n));
    }
}
