package dev.vitrail.report;

import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.AttentionRows;
import dev.vitrail.inspect.ChannelHealth;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.PositionBias;
import dev.vitrail.inspect.PositionSimilarity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The figures of an inspection as small pictures, a pixel for each number. */
public final class InspectPictures {
    private static final int COLUMNS = 7;
    /** Side up to which an image is kept to the pixel. */
    private static final int COARSE = 64;

    private static final int KERNELS = 48, KERNEL_COLUMNS = 12;

    /** Colors of the frames of channels that are not healthy. */
    static final int DEAD = 0xd7263d, FLAT = 0xf28e2b, LARGE = 0x8e44ad;

    private static final double OPACITY = 0.55;

    private static final int HEAD_COLUMNS = 6;

    private static final int FEATURE = 28, FEATURE_COLUMNS = 16;

    private InspectPictures() {}

    /**
     * The principal components of the filters, each by its own range; of another number of channels than 3, their mean
     * as grey.
     */
    public static RgbImage components(Filters filters) {
        var tiles = new ArrayList<RgbImage>();
        for (var component : filters.components()) {
            tiles.add(component(filters, component));
        }
        return ColorScale.tiles(tiles, COLUMNS, 1);
    }

    /** The first filters themselves, drawn likewise. */
    static RgbImage kernels(Filters filters) {
        int size = filters.kernels().length / filters.count();
        var tiles = new ArrayList<RgbImage>();
        for (int i = 0; i < Math.min(filters.count(), KERNELS); i++) {
            tiles.add(component(filters, Arrays.copyOfRange(filters.kernels(), i * size, (i + 1) * size)));
        }
        return ColorScale.tiles(tiles, KERNEL_COLUMNS, 1);
    }

    /** Channels of a block as grey tiles of at most {@link #FEATURE} cells each way, framed by their health. */
    public static RgbImage features(ChannelHealth health) {
        var tiles = new ArrayList<RgbImage>();
        for (int i = 0; i < health.maps().size(); i++) {
            var map = health.maps().get(i);
            var small = map.averaged(Math.min(map.height(), FEATURE), Math.min(map.width(), FEATURE));
            tiles.add(framed(ColorScale.GREY.picture(small), frame(health.states()[i])));
        }
        return ColorScale.tiles(tiles, FEATURE_COLUMNS, 1);
    }

    private static int frame(ChannelHealth.State state) {
        return switch (state) {
            case HEALTHY -> ColorScale.GAP;
            case DEAD -> DEAD;
            case FLAT -> FLAT;
            case LARGE, FLAT_AND_LARGE -> LARGE;
        };
    }

    private static RgbImage framed(RgbImage image, int color) {
        int width = image.width() + 2, height = image.height() + 2;
        var pixels = new byte[3 * width * height];
        for (int i = 0; i < width * height; i++) {
            pixels[3 * i] = (byte) (color >> 16);
            pixels[3 * i + 1] = (byte) (color >> 8);
            pixels[3 * i + 2] = (byte) color;
        }
        for (int row = 0; row < image.height(); row++) {
            System.arraycopy(
                    image.pixels(), 3 * row * image.width(), pixels, 3 * ((row + 1) * width + 1), 3 * image.width());
        }
        return new RgbImage(width, height, pixels);
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
        return ColorScale.SIGNED.tiles(bias.heads(), HEAD_COLUMNS);
    }

    /** A matrix of similarities; what is undefined has the color between tiles, which no value has. */
    public static RgbImage similarity(Cka cka) {
        int rows = cka.values().length, columns = cka.values()[0].length;
        float low = Float.POSITIVE_INFINITY, high = Float.NEGATIVE_INFINITY;
        for (var row : cka.values()) {
            for (float value : row) {
                low = Float.isNaN(value) ? low : Math.min(low, value);
                high = Float.isNaN(value) ? high : Math.max(high, value);
            }
        }
        var values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            float value = cka.values()[i / columns][i % columns];
            values[i] = Float.isNaN(value) ? low : value;
        }
        var drawn = ColorScale.AMOUNT.picture(new GridMap(rows, columns, values), low, high);
        for (int i = 0; i < values.length; i++) {
            if (Float.isNaN(cka.values()[i / columns][i % columns])) {
                for (int c = 0; c < 3; c++) {
                    drawn.pixels()[3 * i + c] = (byte) (ColorScale.GAP >> 16 - 8 * c);
                }
            }
        }
        return drawn;
    }

    /**
     * A map over an image that was made grey, as pages draw it: bilinear, at 55 % opacity.
     *
     * @param seen the image as the model saw it
     */
    public static RgbImage overlay(RgbImage seen, GridMap map) {
        var colors = ColorScale.of(map)
                .picture(map.resized(seen.height(), seen.width()))
                .pixels();
        var photo = seen.pixels();
        var pixels = new byte[photo.length];
        for (int i = 0; i < photo.length; i += 3) {
            double grey = 0.299 * (photo[i] & 0xFF) + 0.587 * (photo[i + 1] & 0xFF) + 0.114 * (photo[i + 2] & 0xFF);
            for (int c = 0; c < 3; c++) {
                pixels[i + c] = (byte) Math.round((1 - OPACITY) * grey + OPACITY * (colors[i + c] & 0xFF));
            }
        }
        return new RgbImage(seen.width(), seen.height(), pixels);
    }

    /** A picture as the address of itself. */
    static String png(RgbImage image) {
        return "data:image/png;base64," + Base64.getEncoder().encodeToString(ImageEncoder.png(image));
    }

    /** A photo as the address of itself. */
    static String jpeg(RgbImage image) {
        return "data:image/jpeg;base64," + Base64.getEncoder().encodeToString(ImageEncoder.jpeg(image));
    }

    /** A photo as the address of itself: to the pixel if it is so small that a page shows its pixels. */
    static String photo(RgbImage image) {
        return coarse(image) ? png(image) : jpeg(image);
    }

    /** Returns true if a photo is so small that a page shows its pixels. */
    static boolean coarse(RgbImage image) {
        return Math.max(image.width(), image.height()) <= COARSE;
    }

    /** Attention of every patch, a tile for each, as a data address. */
    static String atlas(AttentionRows layer) {
        var png = ColorScale.AMOUNT.atlas(layer.rows(), layer.rows().get(0).width());
        return "data:image/png;base64," + Base64.getEncoder().encodeToString(png);
    }

    /** Cells of a grid as the data of an SVG path, a unit each. */
    static String cells(int width, IntStream cells) {
        return cells.mapToObj(cell -> "M%d %dh1v1h-1z".formatted(cell % width, cell / width))
                .collect(Collectors.joining());
    }

    /** The words for the cells of a map that have the largest values, for screen readers. */
    static String words(GridMap map, int most) {
        if (map.flat()) {
            return "flat: all cells are alike";
        }
        var order = map.order();
        var cells = new ArrayList<String>();
        for (int i = 0; i < Math.min(most, order.length); i++) {
            cells.add("row %d column %d".formatted(order[i] / map.width() + 1, order[i] % map.width() + 1));
        }
        return "strongest at %s of %d by %d cells".formatted(String.join(", ", cells), map.height(), map.width());
    }
}
