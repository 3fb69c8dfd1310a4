package dev.vitrail.images;

import java.util.List;

/** Small operations on whole images that several transforms share. */
public final class Canvas {
    private Canvas() {}

    /** An image of one colour, given as red, green and blue levels. */
    public static RgbImage filled(int width, int height, List<Integer> color) {
        var pixels = new byte[Math.multiplyExact(Math.multiplyExact(3, width), height)];
        for (int i = 0; i < 3; i++) {
            pixels[i] = color.get(i).byteValue();
        }
        for (int done = 3; done < pixels.length; done *= 2) {
            System.arraycopy(pixels, 0, pixels, done, Math.min(done, pixels.length - done));
        }
        return new RgbImage(width, height, pixels);
    }

    /** Copies all of {@code image} onto {@code canvas}, its upper left corner at (left, top). */
    static void paste(RgbImage image, RgbImage canvas, int left, int top) {
        int stride = 3 * image.width();
        for (int y = 0; y < image.height(); y++) {
            int to = 3 * ((top + y) * canvas.width() + left);
            System.arraycopy(image.pixels(), y * stride, canvas.pixels(), to, stride);
        }
    }

    /** Grey, three times over: Pillow's {@code convert("L")}. */
    public static RgbImage grey(RgbImage image) {
        byte[] levels = image.pixels();
        var pixels = new byte[levels.length];
        for (int i = 0; i < levels.length; i += 3) {
            byte grey = (byte) luma(levels[i] & 0xff, levels[i + 1] & 0xff, levels[i + 2] & 0xff);
            pixels[i] = grey;
            pixels[i + 1] = grey;
            pixels[i + 2] = grey;
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }

    /** The luma of ITU-R 601-2 with 16 fractional bits, as Pillow rounds it. */
    public static int luma(int red, int green, int blue) {
        return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    }

    /** The image mirrored left to right, top to bottom, or both. */
    public static RgbImage flipped(RgbImage image, boolean horizontally, boolean vertically) {
        int width = image.width();
        int height = image.height();
        byte[] source = image.pixels();
        var pixels = new byte[source.length];
        for (int y = 0; y < height; y++) {
            int to = 3 * width * (vertically ? height - 1 - y : y);
            int from = 3 * width * y;
            if (!horizontally) {
                System.arraycopy(source, from, pixels, to, 3 * width);
                continue;
            }
            for (int x = width - 1; x >= 0; x--, from += 3) {
                pixels[to + 3 * x] = source[from];
                pixels[to + 3 * x + 1] = source[from + 1];
                pixels[to + 3 * x + 2] = source[from + 2];
            }
        }
        return new RgbImage(width, height, pixels);
    }
}
