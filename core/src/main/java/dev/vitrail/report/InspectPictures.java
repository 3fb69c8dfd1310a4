package dev.vitrail.report;

import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.PositionBias;
import dev.vitrail.inspect.PositionSimilarity;
import java.util.ArrayList;
import java.util.Base64;
import java.util.stream.IntStream;

/** The figures of an inspection as small pictures, a pixel for each number. */
public final class InspectPictures {
    private static final int COLUMNS = 7;

    private InspectPictures() {}

    /** The principal components of the filters, each by its own range; of another number of channels than 3, their mean as grey. */
    public static RgbImage components(Filters filters) {
        var tiles = new ArrayList<RgbImage>();
        for (var component : filters.components()) {
            tiles.add(component(filters, component));
        }
        return ColorScale.tiles(tiles, COLUMNS, 1);
    }

    private static RgbImage component(Filters filters, float[] values) {
        int area = filters.height() * filters.width();
        if (filters.channels() != 3) {
            var mean = new float[area];
            for (int i = 0; i < values.length; i++) {
                mean[i % area] += values[i] / filters.channels();
            }
            return ColorScale.GREY.picture(new GridMap(filters.height(), filters.width(), mean));
        }
        var range = new GridMap(1, values.length, values).range();
        var pixels = new byte[3 * area];
        for (int i = 0; i < values.length; i++) {
            float share = range[1] == range[0] ? 0 : (values[i] - range[0]) / (range[1] - range[0]);
            pixels[i % area * 3 + i / area] = (byte) Math.round(255 * share);
        }
        return new RgbImage(filters.width(), filters.height(), pixels);
    }

    /** The tile of each position where it lies on the grid. */
    public static RgbImage positions(PositionSimilarity positions) {
        var tiles = IntStream.range(0, positions.height() * positions.width())
                .mapToObj(positions::tile)
                .toList();
        return ColorScale.AMOUNT.tiles(tiles, positions.width());
    }

    /** The heads of a layer's relative position bias beside each other. */
    public static RgbImage bias(PositionBias bias) {
        return ColorScale.SIGNED.tiles(bias.heads(), bias.heads().size());
    }

    /** A matrix of similarities; what is undefined is drawn as 0. */
    public static RgbImage similarity(Cka cka) {
        int rows = cka.values().length, columns = cka.values()[0].length;
        var values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            float value = cka.values()[i / columns][i % columns];
            values[i] = Float.isNaN(value) ? 0 : value;
        }
        return ColorScale.AMOUNT.picture(new GridMap(rows, columns, values));
    }

    /** A picture as the address of itself. */
    static String png(RgbImage image) {
        return "data:image/png;base64," + Base64.getEncoder().encodeToString(ImageEncoder.png(image));
    }

    /** A photo as the address of itself. */
    static String jpeg(RgbImage image) {
        return "data:image/jpeg;base64," + Base64.getEncoder().encodeToString(ImageEncoder.jpeg(image));
    }

    /** The words for the five cells of a map that have the largest values, for readers of screens. */
    static String words(GridMap map) {
        if (map.flat()) {
            return "flat: all cells are alike";
        }
        var order = map.order();
        var cells = new ArrayList<String>();
        for (int i = 0; i < Math.min(5, order.length); i++) {
            cells.add("row %d column %d".formatted(order[i] / map.width() + 1, order[i] % map.width() + 1));
        }
        return "strongest at " + String.join(", ", cells) + " of %d by %d cells".formatted(map.height(), map.width());
    }
}
