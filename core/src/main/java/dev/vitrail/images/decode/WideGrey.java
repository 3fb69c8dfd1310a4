package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.awt.image.Raster;

/** Grey levels that may be beyond a byte, on their way to one by the rule that was asked for. */
final class WideGrey {
    private final int width;
    private final int height;
    private final float[] levels;
    private final double least;
    private final double most;

    /**
     * @param least level that stands for black in a file of this type
     * @param most level that stands for white
     */
    WideGrey(int width, int height, double least, double most) {
        this.width = width;
        this.height = height;
        this.least = least;
        this.most = most;
        this.levels = new float[width * height];
    }

    /** The first band of a raster of sixteen bits. */
    static WideGrey of(Raster raster) {
        var grey = new WideGrey(raster.getWidth(), raster.getHeight(), 0, 65535);
        var row = new int[grey.width];
        for (int y = 0; y < grey.height; y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, grey.width, 1, 0, row);
            for (int x = 0; x < row.length; x++) {
                grey.set(y * row.length + x, row[x]);
            }
        }
        return grey;
    }

    void set(int index, float level) {
        levels[index] = level;
    }

    RgbImage image(SixteenBit how) {
        var bytes = new byte[levels.length];
        boolean cut = false;
        if (how == SixteenBit.CLIP) {
            for (int i = 0; i < bytes.length; i++) {
                // Java's cast makes 0 of what is no number, and cuts fractions off.
                bytes[i] = (byte) Math.min(Math.max((int) levels[i], 0), 255);
                cut |= levels[i] > 255;
            }
        } else {
            double low = how == SixteenBit.SCALE ? least : lowest();
            double high = how == SixteenBit.SCALE ? most : highest();
            double factor = high > low ? 255 / (high - low) : 0;
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) Math.min(Math.max(Math.round((levels[i] - low) * factor), 0), 255);
            }
        }
        return new RgbImage(width, height, Rasters.greyToRgb(bytes), cut);
    }

    private double lowest() {
        double low = Double.POSITIVE_INFINITY;
        for (float level : levels) {
            low = Float.isFinite(level) ? Math.min(low, level) : low;
        }
        return low;
    }

    private double highest() {
        double high = Double.NEGATIVE_INFINITY;
        for (float level : levels) {
            high = Float.isFinite(level) ? Math.max(high, level) : high;
        }
        return high;
    }
}
