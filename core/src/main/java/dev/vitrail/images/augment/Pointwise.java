package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;

/**
 * Operations that change each level by a table of 256, with the numbers of Pillow's {@code ImageOps}
 * and {@code Image.point}.
 *
 * <p>One table serves all three channels, or each has its own where the image's histogram makes the table.
 */
final class Pointwise {
    private static final int LEVELS = 256;

    private Pointwise() {}

    /** A new level for each of the 256; what lies outside 0–255 is cut off. */
    @FunctionalInterface
    interface Level {
        int of(int level);
    }

    /** The negative. */
    static RgbImage invert(RgbImage image) {
        return map(image, level -> 255 - level);
    }

    /** Inverts the levels from {@code threshold} on; 256 changes nothing. */
    static RgbImage solarize(RgbImage image, int threshold) {
        return map(image, level -> level < threshold ? level : 255 - level);
    }

    /** Brightens the levels below 128 by {@code amount}. */
    static RgbImage solarizeAdd(RgbImage image, int amount) {
        return map(image, level -> level < 128 ? level + amount : level);
    }

    /**
     * Keeps the {@code bits} most significant bits of each level: 8 or more is the image itself, 0 or fewer is black.
     */
    static RgbImage posterize(RgbImage image, int bits) {
        if (bits >= 8) {
            return image;
        }
        int mask = bits <= 0 ? 0 : -1 << (8 - bits);
        return map(image, level -> level & mask);
    }

    /** Stretches each channel, so that its darkest level becomes 0 and its lightest 255. */
    static RgbImage autoContrast(RgbImage image) {
        int[] counts = histograms(image);
        var tables = new byte[3 * LEVELS];
        for (int channel = 0; channel < 3; channel++) {
            int from = channel * LEVELS;
            int low = 0;
            while (counts[from + low] == 0) {
                low++;
            }
            int high = 255;
            while (counts[from + high] == 0) {
                high--;
            }
            double scale = 255.0 / (high - low);
            double offset = -low * scale;
            boolean flat = high == low;
            fill(tables, from, flat ? level -> level : level -> (int) (level * scale + offset));
        }
        return apply(image, tables, LEVELS);
    }

    /** Gives every level of a channel about the same number of pixels. */
    static RgbImage equalize(RgbImage image) {
        int[] counts = histograms(image);
        int pixels = image.width() * image.height();
        var tables = new byte[3 * LEVELS];
        for (int channel = 0; channel < 3; channel++) {
            int from = channel * LEVELS;
            int high = 255;
            while (counts[from + high] == 0) {
                high--;
            }
            int step = (pixels - counts[from + high]) / 255;
            int reached = step / 2;
            for (int level = 0; level < LEVELS; level++) {
                tables[from + level] = (byte) (step == 0 ? level : Math.min(reached / step, 255));
                reached += counts[from + level];
            }
        }
        return apply(image, tables, LEVELS);
    }

    /** The image with every level replaced. */
    static RgbImage map(RgbImage image, Level level) {
        var table = new byte[LEVELS];
        fill(table, 0, level);
        return apply(image, table, 0);
    }

    private static void fill(byte[] table, int from, Level level) {
        for (int i = 0; i < LEVELS; i++) {
            table[from + i] = (byte) Math.min(Math.max(level.of(i), 0), 255);
        }
    }

    /** Histogram of each channel: 256 pixel counts for red, then green, then blue. */
    private static int[] histograms(RgbImage image) {
        var counts = new int[3 * LEVELS];
        byte[] levels = image.pixels();
        for (int i = 0; i < levels.length; i += 3) {
            counts[levels[i] & 0xff]++;
            counts[LEVELS + (levels[i + 1] & 0xff)]++;
            counts[2 * LEVELS + (levels[i + 2] & 0xff)]++;
        }
        return counts;
    }

    /** The image through a table for red, and those that begin {@code step} entries later for green and for blue. */
    private static RgbImage apply(RgbImage image, byte[] tables, int step) {
        byte[] levels = image.pixels();
        var pixels = new byte[levels.length];
        for (int i = 0; i < levels.length; i += 3) {
            pixels[i] = tables[levels[i] & 0xff];
            pixels[i + 1] = tables[step + (levels[i + 1] & 0xff)];
            pixels[i + 2] = tables[2 * step + (levels[i + 2] & 0xff)];
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }
}
