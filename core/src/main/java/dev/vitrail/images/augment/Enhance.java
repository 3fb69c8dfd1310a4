package dev.vitrail.images.augment;

import dev.vitrail.images.Canvas;
import dev.vitrail.images.RgbImage;

/**
 * Pillow's {@code ImageEnhance}: an image drawn away from, or towards, a version of itself that lacks something.
 *
 * <p>A factor of 0 gives the version that lacks it, 1 the image, and more than 1 exaggerates.
 */
final class Enhance {
    /** The sum of the weights of Pillow's {@code SMOOTH}: 5 for the centre, 1 for each of the eight neighbours. */
    private static final int SMOOTH_SUM = 13;

    private Enhance() {}

    /** Towards grey. */
    static RgbImage color(RgbImage image, double factor) {
        float share = (float) factor;
        byte[] levels = image.pixels();
        var pixels = new byte[levels.length];
        for (int i = 0; i < levels.length; i += 3) {
            int red = levels[i] & 0xff;
            int green = levels[i + 1] & 0xff;
            int blue = levels[i + 2] & 0xff;
            int grey = Canvas.luma(red, green, blue);
            pixels[i] = (byte) between(grey, red, share);
            pixels[i + 1] = (byte) between(grey, green, share);
            pixels[i + 2] = (byte) between(grey, blue, share);
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }

    /** Towards the mean grey of the image, rounded to a level. */
    static RgbImage contrast(RgbImage image, double factor) {
        byte[] levels = image.pixels();
        long sum = 0;
        for (int i = 0; i < levels.length; i += 3) {
            sum += Canvas.luma(levels[i] & 0xff, levels[i + 1] & 0xff, levels[i + 2] & 0xff);
        }
        int mean = (int) ((double) sum / (levels.length / 3) + 0.5);
        float share = (float) factor;
        return Pointwise.map(image, level -> between(mean, level, share));
    }

    /** Towards black. */
    static RgbImage brightness(RgbImage image, double factor) {
        float share = (float) factor;
        return Pointwise.map(image, level -> between(0, level, share));
    }

    /** Towards a smoothed version; the outermost pixels are left as they are. */
    static RgbImage sharpness(RgbImage image, double factor) {
        int width = image.width();
        int height = image.height();
        if (width < 3 || height < 3) {
            return image;
        }
        float share = (float) factor;
        byte[] levels = image.pixels();
        byte[] pixels = levels.clone();
        int stride = 3 * width;
        var columns = new int[stride];
        for (int y = 1; y < height - 1; y++) {
            int row = y * stride;
            for (int i = 0; i < stride; i++) {
                int at = row + i;
                columns[i] = (levels[at - stride] & 0xff) + (levels[at] & 0xff) + (levels[at + stride] & 0xff);
            }
            for (int i = 3; i < stride - 3; i++) {
                int level = levels[row + i] & 0xff;
                int sum = columns[i - 3] + columns[i] + columns[i + 3] + 4 * level;
                // Pillow adds up the thirteenths in single precision. Rounded, that is the same: 13 has no halves.
                int smooth = (2 * sum + SMOOTH_SUM) / (2 * SMOOTH_SUM);
                pixels[row + i] = (byte) between(smooth, level, share);
            }
        }
        return new RgbImage(width, height, pixels);
    }

    /** Pillow's {@code Image.blend}: {@code (1 − share) · first + share · second}, of two images of one size. */
    static RgbImage blend(RgbImage first, RgbImage second, float share) {
        byte[] from = first.pixels();
        byte[] to = second.pixels();
        var pixels = new byte[from.length];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) between(from[i] & 0xff, to[i] & 0xff, share);
        }
        return new RgbImage(first.width(), first.height(), pixels);
    }

    /** Interpolation in single precision, cut down to whole levels, as Pillow's {@code Blend.c} has it. */
    private static int between(int from, int to, float share) {
        int level = (int) (from + share * (to - from));
        return Math.min(Math.max(level, 0), 255);
    }
}
