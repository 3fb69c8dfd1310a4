package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.ModelLayout.Scope;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Attention of the class token, by layer and head: {@code A[:, 0, p:]} on the grid. In CaiT that is both layers of
 * class attention (the paper's figure); in other models with a class token, every block.
 *
 * <p>Touvron et al., <i>Going deeper with Image Transformers</i>, ICCV 2021, arXiv:2103.17239; Caron et al.,
 * <i>DINO</i>, ICCV 2021, arXiv:2104.14294.
 *
 * @param layer the attention layer's hook point
 * @param heads a map for each head
 */
public record ClassAttention(String layer, List<GridMap> heads) {
    /** The share of a head's attention that {@link #mask} holds in DINO's figures. */
    public static final double DINO = 0.6;

    public ClassAttention {
        heads = List.copyOf(heads);
    }

    /**
     * Reads the class token's rows.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return for each image, a figure for each layer that has a class token as a query; none where the model has no
     *     class token
     */
    public static List<List<ClassAttention>> of(Model model, Tensor images) {
        return Pass.forward(model, images, ClassAttention::hookPoints, ClassAttention::of);
    }

    static List<String> hookPoints(ModelLayout layout) {
        return layers(layout).stream().map(AttentionLayer::name).toList();
    }

    /** Reads all layers for each image of a pass. */
    static List<List<ClassAttention>> of(Pass pass) {
        var all = pass.<ClassAttention>perImage();
        for (var layer : layers(pass.layout())) {
            var found = of(pass, layer);
            for (int b = 0; b < all.size(); b++) {
                all.get(b).add(found.get(b));
            }
        }
        return all;
    }

    /** Reads one of the {@link #layers} for each image of a pass. */
    static List<ClassAttention> of(Pass pass, AttentionLayer layer) {
        var weights = pass.output(layer.name());
        var shape = pass.shape(layer.name());
        var found = new ArrayList<ClassAttention>();
        for (int b = 0; b < pass.size(); b++) {
            found.add(new ClassAttention(layer.name(), heads(pass.layout(), weights, shape, b)));
        }
        return found;
    }

    /** The layers with a class token among their queries. */
    static List<AttentionLayer> layers(ModelLayout layout) {
        var scope = layout.classAttention() ? Scope.CLASS : Scope.GLOBAL;
        return layout.query().token()
                ? layout.attention().stream()
                        .filter(layer -> layer.scope() == scope)
                        .toList()
                : List.of();
    }

    private static List<GridMap> heads(ModelLayout layout, float[] weights, long[] shape, int image) {
        int h = (int) shape[1], rows = (int) shape[2], columns = (int) shape[3];
        int prefix = columns - layout.cells();
        var maps = new ArrayList<GridMap>();
        for (int head = 0; head < h; head++) {
            var values = new float[layout.cells()];
            System.arraycopy(weights, (image * h + head) * rows * columns + prefix, values, 0, values.length);
            maps.add(new GridMap(layout.gridHeight(), layout.gridWidth(), values));
        }
        return maps;
    }

    /** The mean over heads. */
    public GridMap mean() {
        var sums = new double[heads.get(0).values().length];
        for (var head : heads) {
            for (int i = 0; i < sums.length; i++) {
                sums[i] += head.values()[i] / (double) heads.size();
            }
        }
        return GridMap.of(heads.get(0).height(), heads.get(0).width(), sums, 0);
    }

    /**
     * The smallest set of cells that holds more than a share of a map's mass.
     *
     * @param share of the sum, such as {@link #DINO}
     * @return 1 for the cells of the set, else 0
     */
    public static GridMap mask(GridMap map, double share) {
        var ascending = IntStream.range(0, map.values().length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> map.values()[i]))
                .toList();
        double total = 0;
        for (float value : map.values()) {
            total += value;
        }
        var mask = new float[map.values().length];
        double sum = 0;
        for (int i : ascending) {
            sum += map.values()[i] / total;
            mask[i] = sum > 1 - share ? 1 : 0;
        }
        return new GridMap(map.height(), map.width(), mask);
    }
}
