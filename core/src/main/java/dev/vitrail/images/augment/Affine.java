package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Canvas;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.RgbImage;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;

/**
 * Shifts, shears and rotations that keep the image's size: Pillow's {@code Image.transform} with {@code AFFINE}
 * ({@code Geometry.c}), to the pixel.
 *
 * <p>The result at {@code (x, y)} comes from {@code (a·x + b·y + c, d·x + e·y + f)} of the source, where pixel
 * centres lie at halves. Pillow interpolates in double precision and cuts off the fraction, so every step here gives
 * what its step gives.
 *
 * @param a to {@code f} as above; shifts in pixels
 */
record Affine(double a, double b, double c, double d, double e, double f) {
    /** Largest side of an image that Pillow's fixed-point coordinates reach, pixels. */
    private static final int LONGEST = 8192;

    static Affine shearX(double factor) {
        return new Affine(1, factor, 0, 0, 1, 0);
    }

    static Affine shearY(double factor) {
        return new Affine(1, 0, 0, factor, 1, 0);
    }

    /** Takes each pixel from {@code pixels} further right. */
    static Affine translateX(double pixels) {
        return new Affine(1, 0, pixels, 0, 1, 0);
    }

    /** Takes each pixel from {@code pixels} further down. */
    static Affine translateY(double pixels) {
        return new Affine(1, 0, 0, 0, 1, pixels);
    }

    /** Pillow's {@code Image.rotate}: counter-clockwise around the middle. */
    static Affine rotation(double degrees, int width, int height) {
        double turned = degrees % 360;
        double angle = -(turned < 0 ? turned + 360 : turned) * (Math.PI / 180);
        double cos = rounded(StrictMath.cos(angle));
        double sin = rounded(StrictMath.sin(angle));
        double x = width / 2.0;
        double y = height / 2.0;
        double c = cos * -x + sin * -y + 0.0;
        double f = -sin * -x + cos * -y + 0.0;
        return new Affine(cos, sin, c + x, -sin, cos, f + y);
    }

    /** Rounds to fifteen decimals, as Python's {@code round} does. */
    private static double rounded(double value) {
        return new BigDecimal(value).setScale(15, RoundingMode.HALF_EVEN).doubleValue();
    }

    /**
     * The image seen through this map.
     *
     * @param interpolation nearest, bilinear or bicubic
     * @param fill red, green and blue of what lies outside the source
     */
    RgbImage apply(RgbImage image, Interpolation interpolation, List<Integer> fill) {
        VitrailException.require(
                image.width() <= LONGEST && image.height() <= LONGEST,
                "Only images of up to %d pixels a side are sheared, shifted or rotated, found %d×%d; crop or resize"
                        + " before.",
                LONGEST,
                image.width(),
                image.height());
        var result = Canvas.filled(image.width(), image.height(), fill);
        switch (interpolation) {
            case NEAREST -> nearest(image, result.pixels());
            case BILINEAR -> bilinear(image, result.pixels());
            case BICUBIC -> bicubic(image, result.pixels());
            default ->
                throw new IllegalArgumentException(
                        "an affine map needs nearest, bilinear or bicubic, found " + interpolation.key());
        }
        return result;
    }

    private void nearest(RgbImage image, byte[] pixels) {
        int width = image.width();
        int height = image.height();
        byte[] source = image.pixels();
        if (b == 0 && d == 0) {
            var columns = steps(c + a * 0.5, a, width);
            var rows = steps(f + e * 0.5, e, height);
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    if (rows[y] >= 0 && columns[x] >= 0) {
                        copy(source, 3 * (rows[y] * width + columns[x]), pixels, 3 * (y * width + x));
                    }
                }
            }
            return;
        }
        int across = fixed(a);
        int down = fixed(d);
        int startX = fixed(c + a * 0.5 + b * 0.5);
        int startY = fixed(f + d * 0.5 + e * 0.5);
        for (int y = 0; y < height; y++, startX += fixed(b), startY += fixed(e)) {
            int u = startX;
            int v = startY;
            for (int x = 0; x < width; x++, u += across, v += down) {
                int column = u >> 16;
                int row = v >> 16;
                if (column >= 0 && column < width && row >= 0 && row < height) {
                    copy(source, 3 * (row * width + column), pixels, 3 * (y * width + x));
                }
            }
        }
    }

    /**
     * The source position of each pixel along an axis, −1 outside. Pillow adds up the step, so its rounding errors
     * are made here.
     */
    private static int[] steps(double start, double step, int size) {
        var positions = new int[size];
        double position = start;
        for (int i = 0; i < size; i++) {
            positions[i] = position < 0 || position >= size ? -1 : (int) position;
            position += step;
        }
        return positions;
    }

    /** Fixed-point number with sixteen fractional bits. */
    private static int fixed(double value) {
        return (int) Math.floor(value * 65536.0 + 0.5);
    }

    private static void copy(byte[] source, int from, byte[] pixels, int to) {
        pixels[to] = source[from];
        pixels[to + 1] = source[from + 1];
        pixels[to + 2] = source[from + 2];
    }

    private void bilinear(RgbImage image, byte[] pixels) {
        int width = image.width();
        int height = image.height();
        byte[] source = image.pixels();
        int to = 0;
        for (int y = 0; y < height; y++) {
            double down = y + 0.5;
            for (int x = 0; x < width; x++, to += 3) {
                double across = x + 0.5;
                double u = a * across + b * down + c;
                double v = d * across + e * down + f;
                if (u < 0 || u >= width || v < 0 || v >= height) {
                    continue;
                }
                u -= 0.5;
                v -= 0.5;
                int column = u < 0 ? -1 : (int) u;
                int row = v < 0 ? -1 : (int) v;
                double right = u - column;
                double below = v - row;
                int near = 3 * Math.max(column, 0);
                int far = 3 * Math.min(column + 1, width - 1);
                int upper = 3 * width * Math.max(row, 0);
                int lower = 3 * width * Math.min(row + 1, height - 1);
                for (int i = 0; i < 3; i++) {
                    double level = linear(source, upper + i, near, far, right);
                    if (below != 0) {
                        level += (linear(source, lower + i, near, far, right) - level) * below;
                    }
                    pixels[to + i] = (byte) (int) level;
                }
            }
        }
    }

    private static double linear(byte[] source, int at, int near, int far, double right) {
        int level = source[at + near] & 0xff;
        return level + ((source[at + far] & 0xff) - level) * right;
    }

    private void bicubic(RgbImage image, byte[] pixels) {
        int width = image.width();
        int height = image.height();
        var sampler = new CubicSampler(image);
        int to = 0;
        for (int y = 0; y < height; y++) {
            double down = y + 0.5;
            for (int x = 0; x < width; x++, to += 3) {
                double across = x + 0.5;
                double u = a * across + b * down + c;
                double v = d * across + e * down + f;
                if (u >= 0 && u < width && v >= 0 && v < height) {
                    sampler.sample(u - 0.5, v - 0.5, pixels, to);
                }
            }
        }
    }
}
