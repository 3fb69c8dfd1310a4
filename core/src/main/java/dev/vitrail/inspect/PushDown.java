package dev.vitrail.inspect;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.ModelLayout.Query;
import dev.vitrail.inspect.ModelLayout.Scope;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * A row that says what the classifier reads, pushed down through the layers to the patches: the form that rollout and
 * relevance share, {@code v = q · X_L · … · X_1} with the map {@code v[p:]}. A row times a matrix costs N², so full
 * products are never formed.
 */
final class PushDown {
    private final ModelLayout layout;
    private final Map<AttentionLayer, double[][]> fused;
    private final UnaryOperator<LayerMatrix> change;
    private final boolean residual;

    /**
     * @param fused fused heads of each group of tokens of a layer, {@code [groups][n · n]}; of class attention and of
     *     an attention pool the row of the query
     * @param change what is made of the matrix of a layer among patches
     * @param residual whether {@code X = I + W}; else the matrices hold the residual connection already, and rows of
     *     class attention get it by halves
     */
    PushDown(
            ModelLayout layout,
            Map<AttentionLayer, double[][]> fused,
            UnaryOperator<LayerMatrix> change,
            boolean residual) {
        this.layout = layout;
        this.fused = fused;
        this.change = change;
        this.residual = residual;
    }

    private double[][] weights(AttentionLayer layer) {
        return Objects.requireNonNull(fused.get(layer));
    }

    private LayerMatrix matrix(AttentionLayer layer) {
        return change.apply(
                layer.scope() == Scope.WINDOWS
                        ? new LayerMatrix(layer.windows().orElseThrow().cells(), weights(layer))
                        : LayerMatrix.global(weights(layer)[0]));
    }

    /** The row on the patches of the first map. */
    GridMap map() {
        var first = layout.attention().get(0);
        return GridMap.of(first.gridHeight(), first.gridWidth(), row(true), layout.prefix());
    }

    /**
     * The row on the patches of the first map, less what the residual connections alone bring from a query over
     * patches; an attention pool has none to subtract.
     */
    GridMap mapWithoutQuery() {
        var row = row(true);
        if (layout.query() != Query.POOL) {
            var direct = row(false);
            for (int i = 0; i < row.length; i++) {
                row[i] -= direct[i];
            }
        }
        var first = layout.attention().get(0);
        return GridMap.of(first.gridHeight(), first.gridWidth(), row, layout.prefix());
    }

    private double[] row(boolean attending) {
        var attention = layout.attention();
        var row = query();
        for (int i = attention.size() - 1; i >= 0; i--) {
            var layer = attention.get(i);
            switch (layer.scope()) {
                case POOL -> {} // it is the query
                case CLASS -> row = attending ? throughClass(row, weights(layer)[0]) : row;
                case GLOBAL, WINDOWS -> {
                    // Once the patches are reached, a class token that came in later is left behind.
                    row = row.length > layout.prefix() + layer.gridHeight() * layer.gridWidth()
                            ? Arrays.copyOfRange(row, 1, row.length)
                            : row;
                    row = attending ? matrix(layer).push(row, residual ? 1 : 0) : row;
                    if (i > 0
                            && attention.get(i - 1).gridHeight()
                                            * attention.get(i - 1).gridWidth()
                                    != layer.gridHeight() * layer.gridWidth()) {
                        row = LayerMatrix.unmerge(
                                row,
                                attention.get(i - 1).gridHeight(),
                                attention.get(i - 1).gridWidth());
                    }
                }
            }
        }
        return row;
    }

    /** The class token's own row, {@code rownorm(½·a + ½·e₀)}, or {@code a + e₀}; the patches stay as they are. */
    private double[] throughClass(double[] row, double[] attention) {
        double sum = 0;
        for (double weight : attention) {
            sum += weight;
        }
        double factor = residual ? row[0] : row[0] / (1 + sum);
        var result = row.clone();
        result[0] = factor;
        for (int j = 0; j < row.length; j++) {
            result[j] += factor * attention[j];
        }
        return result;
    }

    /** q over the tokens of the last layer. */
    private double[] query() {
        var attention = layout.attention();
        var last = attention.get(attention.size() - 1);
        int cells = last.gridHeight() * last.gridWidth(), p = layout.prefix();
        var q = new double[(last.scope() == Scope.CLASS ? 1 : p) + cells];
        switch (layout.query()) {
            case CLASS -> q[0] = 1;
            case CLASS_AND_DISTILLATION -> {
                q[0] = 0.5;
                q[1] = 0.5;
            }
            case MEAN -> Arrays.fill(q, p, q.length, 1.0 / cells);
            case ALL -> Arrays.fill(q, 1.0 / q.length);
            case CLASS_AND_MEAN -> {
                Arrays.fill(q, p, q.length, 0.5 / cells);
                q[0] = 0.5;
            }
            case POOL -> {
                var pool = weights(last)[0];
                System.arraycopy(pool, 0, q, p, cells);
            }
            case MAXIMUM ->
                throw VitrailException.of(
                        "pooling by a maximum reads another patch for each channel, so there is no row to push down");
        }
        return q;
    }
}
