package dev.vitrail.inspect;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.swin.SwinTransformer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The bias that a layer adds to its scores by relative position. Entry {@code (Mh−1+dy, Mw−1+dx)} of a head belongs to
 * the key that lies {@code (dy, dx)} cells from the query: key minus query, where the stored table is query minus key.
 * Swin V2: the value that is added, {@code 16·sigmoid(MLP(coordinates))}. BEiT: its three entries of the class token
 * are left out.
 *
 * <p>Liu et al., <i>Swin Transformer</i>, 2021, arXiv:2103.14030, eq. 4; <i>Swin Transformer V2</i>, 2021,
 * arXiv:2111.09883, eq. 3; Bao et al., <i>BEiT</i>, 2021, arXiv:2106.08254.
 *
 * @param layer the attention module
 * @param heads {@code (2Mh−1) × (2Mw−1)} values each
 */
public record PositionBias(String layer, List<GridMap> heads) {
    private static final String TABLE = ".relative_position_bias_table";
    private static final String MLP = ".cpb_mlp";

    public PositionBias {
        heads = List.copyOf(heads);
    }

    /** Returns true if a model adds biases by relative position, so that it has the figure. */
    static boolean appliesTo(Model model) {
        return model instanceof SwinTransformer || model instanceof Beit;
    }

    /** The figures of all layers; none where the model has no biases by relative position. */
    public static List<PositionBias> of(Model model) {
        if (!appliesTo(model)) {
            return List.of();
        }
        var config = model.config();
        var layout = ModelLayout.of(model, config.imageHeight(), config.imageWidth());
        var layers = layout.attention().stream()
                .map(layer -> layer.name().substring(0, layer.name().lastIndexOf('.')))
                .toList();
        var computed = layers.stream()
                .filter(name -> !model.parameters().containsKey(name + TABLE))
                .map(name -> name + MLP)
                .toList();
        return Frame.compute(() -> {
            // An image is needed to run the model, and has no part in the biases.
            var image = Tensor.zeros(1, config.channels(), config.imageHeight(), config.imageWidth());
            return Pass.forward(model, image, size -> computed, pass -> {
                var found = new ArrayList<PositionBias>();
                for (int i = 0; i < layers.size(); i++) {
                    var name = layers.get(i);
                    var table = model.parameters().get(name + TABLE);
                    var values = table != null ? table.value().toFloats() : pass.output(name + MLP);
                    int heads = (int) (table != null ? table.value().size(1) : pass.shape(name + MLP)[1]);
                    var layer = layout.attention().get(i);
                    int height = layer.windows().map(Windows::height).orElse(layer.gridHeight());
                    int width = layer.windows().map(Windows::width).orElse(layer.gridWidth());
                    found.add(new PositionBias(name, heads(values, heads, 2 * height - 1, 2 * width - 1)));
                }
                return found;
            });
        });
    }

    private static List<GridMap> heads(float[] table, int heads, int rows, int columns) {
        Objects.checkFromIndexSize(0, rows * columns * heads, table.length);
        var maps = new ArrayList<GridMap>();
        for (int head = 0; head < heads; head++) {
            var values = new float[rows * columns];
            for (int i = 0; i < values.length; i++) {
                values[values.length - 1 - i] = table[i * heads + head]; // turned by 180°: key minus query
            }
            maps.add(new GridMap(rows, columns, values));
        }
        return maps;
    }
}
