package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.ModelLayout.Scope;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention of each patch of an image in one layer: {@code A[p+i, p:]} on the grid, mean over heads.
 * {@link ClassAttention} is the class token's row of the same weights.
 *
 * @param layer the attention layer's hook point
 * @param rows a map for each patch, row by row
 */
public record AttentionRows(String layer, List<GridMap> rows) {
    public AttentionRows {
        rows = List.copyOf(rows);
    }

    /**
     * Reads the rows of one image.
     *
     * @param image {@code [1, C, H, W]}, normalized
     * @param everyLayer whether all layers are read; else the last alone
     * @return a figure for each layer; none where the model has no class token among its patches
     */
    public static List<AttentionRows> of(Model model, Tensor image, boolean everyLayer) {
        return Pass.forward(model, image, layout -> hookPoints(layout, everyLayer), pass -> of(pass, everyLayer));
    }

    static List<String> hookPoints(ModelLayout layout, boolean everyLayer) {
        return layers(layout, everyLayer).stream().map(AttentionLayer::name).toList();
    }

    /** Reads the rows of the image of a pass. */
    static List<AttentionRows> of(Pass pass, boolean everyLayer) {
        var found = new ArrayList<AttentionRows>();
        for (var layer : layers(pass.layout(), everyLayer)) {
            int heads = (int) pass.shape(layer.name())[1], tokens = (int) pass.shape(layer.name())[2];
            found.add(new AttentionRows(layer.name(), rows(pass.layout(), pass.output(layer.name()), heads, tokens)));
        }
        return found;
    }

    /**
     * The layers in which patches attend to each other beside a class token, or the last of them; none in CaiT, whose
     * mixed weights are not shares.
     */
    private static List<AttentionLayer> layers(ModelLayout layout, boolean every) {
        if (!layout.query().token() || layout.classAttention()) {
            return List.of();
        }
        var layers = layout.attention().stream()
                .filter(layer -> layer.scope() == Scope.GLOBAL)
                .toList();
        return every ? layers : layers.subList(Math.max(0, layers.size() - 1), layers.size());
    }

    private static List<GridMap> rows(ModelLayout layout, float[] weights, int heads, int tokens) {
        int prefix = tokens - layout.cells();
        var rows = new ArrayList<GridMap>();
        for (int i = 0; i < layout.cells(); i++) {
            var row = new float[layout.cells()];
            for (int h = 0; h < heads; h++) {
                int from = (h * tokens + prefix + i) * tokens + prefix;
                for (int j = 0; j < row.length; j++) {
                    row[j] += weights[from + j] / heads;
                }
            }
            rows.add(new GridMap(layout.gridHeight(), layout.gridWidth(), row));
        }
        return rows;
    }
}
