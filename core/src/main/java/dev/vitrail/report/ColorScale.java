package dev.vitrail.report;

import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.GridMap;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Colors of numbers: a perceptually uniform scale (viridis) for amounts, and one that is centered on 0 for signed
 * quantities.
 */
public enum ColorScale {
    /** From dark violet through green to yellow; the map's own range. */
    AMOUNT(0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725),
    /** From blue through white to red; the same length either way. */
    SIGNED(0x2166ac, 0x67a9cf, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xef8a62, 0xb2182b),
    /** From black to white; the map's own range. */
    GREY(0x000000, 0xffffff);

    /** The color between tiles, which is quiet on a light page and on a dark one. */
    static final int GAP = 0xb4b8c0;

    private final int[] stops;

    ColorScale(int... stops) {
        this.stops = stops;
    }

    /** The scale that fits a map: the signed one if any value is negative. */
    public static ColorScale of(GridMap map) {
        return map.range()[0] < 0 ? SIGNED : AMOUNT;
    }

    /**
     * A picture of a map, a pixel for each cell. A flat map has the color of the scale's beginning, of a signed scale
     * its middle.
     */
    public RgbImage picture(GridMap map) {
        var range = map.range();
        float extent = Math.max(Math.abs(range[0]), Math.abs(range[1]));
        return this == SIGNED ? picture(map, -extent, extent) : picture(map, range[0], range[1]);
    }

    /** A picture of a map by a range that several maps share, a pixel for each cell. */
    public RgbImage picture(GridMap map, float low, float high) {
        var pixels = new byte[3 * map.values().length];
        for (int i = 0; i < map.values().length; i++) {
            put(pixels, i, high > low ? (map.values()[i] - low) / (high - low) : this == SIGNED ? 0.5 : 0);
        }
        return new RgbImage(map.width(), map.height(), pixels);
    }

    /** The colors from low to high as CSS has them, for a legend. */
    String gradient() {
        return Arrays.stream(stops)
                .mapToObj("#%06x"::formatted)
                .collect(Collectors.joining(",", "linear-gradient(to right,", ")"));
    }

    /** Colors of {@link #atlas}. */
    private static final int LEVELS = 64;

    /**
     * Maps of one size side by side without gaps, {@code columns} in a row and each by its own range, as a PNG that is
     * small because it has few colors.
     */
    byte[] atlas(List<GridMap> maps, int columns) {
        int tileWidth = maps.get(0).width(), tileHeight = maps.get(0).height();
        int width = columns * tileWidth, height = (maps.size() + columns - 1) / columns * tileHeight;
        var indices = new byte[width * height];
        for (int i = 0; i < maps.size(); i++) {
            var map = maps.get(i).normalized();
            int corner = i / columns * tileHeight * width + i % columns * tileWidth;
            for (int cell = 0; cell < map.values().length; cell++) {
                indices[corner + cell / tileWidth * width + cell % tileWidth] =
                        (byte) Math.round((LEVELS - 1) * map.values()[cell]);
            }
        }
        var palette = new int[LEVELS];
        var color = new byte[3];
        for (int i = 0; i < LEVELS; i++) {
            put(color, 0, i / (LEVELS - 1.0));
            palette[i] = (color[0] & 0xFF) << 16 | (color[1] & 0xFF) << 8 | color[2] & 0xFF;
        }
        return ImageEncoder.png(width, height, indices, palette);
    }

    private void put(byte[] pixels, int at, double share) {
        double place = Math.max(0, Math.min(1, share)) * (stops.length - 1);
        int stop = Math.min((int) place, stops.length - 2);
        for (int c = 0; c < 3; c++) {
            int shift = 16 - 8 * c;
            double from = stops[stop] >> shift & 255, to = stops[stop + 1] >> shift & 255;
            pixels[3 * at + c] = (byte) Math.round(from + (place - stop) * (to - from));
        }
    }

    /** A picture of maps as tiles with a gap between them, {@code columns} in a row, each by its own range. */
    public RgbImage tiles(List<GridMap> maps, int columns) {
        return tiles(maps.stream().map(this::picture).toList(), columns, 1);
    }

    /** Pictures of one size as tiles. */
    static RgbImage tiles(List<RgbImage> tiles, int columns, int gap) {
        int width = tiles.get(0).width(), height = tiles.get(0).height();
        int across = Math.min(columns, tiles.size()), down = (tiles.size() + columns - 1) / columns;
        int fullWidth = across * (width + gap) - gap, fullHeight = down * (height + gap) - gap;
        var pixels = new byte[3 * fullWidth * fullHeight];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (GAP >> 16 - 8 * (i % 3));
        }
        for (int i = 0; i < tiles.size(); i++) {
            int top = i / columns * (height + gap), left = i % columns * (width + gap);
            for (int row = 0; row < height; row++) {
                System.arraycopy(
                        tiles.get(i).pixels(),
                        3 * row * width,
                        pixels,
                        3 * ((top + row) * fullWidth + left),
                        3 * width);
            }
        }
        return new RgbImage(fullWidth, fullHeight, pixels);
    }
}
