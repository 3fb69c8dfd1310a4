package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;

/**
 * Levels between the pixels of an image, by Keys' cubic convolution with a = −1 over 4×4 pixels: bit for bit what
 * Pillow's {@code bicubic_filter32RGB} ({@code Geometry.c}) gives for {@code Image.transform}.
 *
 * <p>Pillow works in double precision and cuts off the fraction. Here sums are taken in integers with {@value #BITS}
 * fractional bits an axis, red and blue in the two halves of a {@code long}, which is faster and less than 0.002 of a
 * level away; where that leaves in doubt what is cut off, in about one level of a hundred and in flat areas,
 * {@link #exactly} decides.
 */
final class CubicSampler {
    private static final int BITS = 20;
    private static final long ONE = 1L << BITS;
    private static final long WHOLE = ONE * ONE;
    /** Distance to a whole level below which the rounding is in doubt: a 256th of a level. */
    private static final long DOUBT = WHOLE >> 8;

    private final int width;
    private final int height;
    private final byte[] source;
    /** Red in the low half, blue in the high half. */
    private final long[] redBlue;

    private final int[] green;

    CubicSampler(RgbImage image) {
        width = image.width();
        height = image.height();
        source = image.pixels();
        redBlue = new long[width * height];
        green = new int[width * height];
        for (int i = 0, from = 0; i < green.length; i++, from += 3) {
            redBlue[i] = (source[from] & 0xff) | (long) (source[from + 2] & 0xff) << 32;
            green[i] = source[from + 1] & 0xff;
        }
    }

    /**
     * Writes red, green and blue at a place.
     *
     * @param u columns right of the first pixel's centre, from −0.5 to the width less a half
     * @param v rows below it, likewise
     */
    void sample(double u, double v, byte[] pixels, int to) {
        int column = u < 0 ? -1 : (int) u;
        int row = v < 0 ? -1 : (int) v;
        double right = u - column;
        double below = v - row;
        int c1 = Math.max(column - 1, 0);
        int c2 = Math.max(column, 0);
        int c3 = Math.min(column + 1, width - 1);
        int c4 = Math.min(column + 2, width - 1);
        int r1 = width * Math.max(row - 1, 0);
        int r2 = width * Math.max(row, 0);
        int r3 = width * Math.min(row + 1, height - 1);
        int r4 = width * Math.min(row + 2, height - 1);
        if (below == 0 || right == 0) {
            // On a row of centres, or a column of them, one of the two passes weighs a single pixel with 1.
            boolean level = below == 0;
            double x = level ? right : below;
            int i1 = level ? r2 + c1 : r1 + c2;
            int i2 = r2 + c2;
            int i3 = level ? r2 + c3 : r3 + c2;
            int i4 = level ? r2 + c4 : r4 + c2;
            long w1 = first(x);
            long w3 = third(x);
            long w4 = fourth(x);
            long w2 = ONE - w1 - w3 - w4;
            long pair = redBlue[i1] * w1 + redBlue[i2] * w2 + redBlue[i3] * w3 + redBlue[i4] * w4;
            long single = green[i1] * w1 + green[i2] * w2 + green[i3] * w3 + green[i4] * w4;
            for (int channel = 0; channel < 3; channel++) {
                long sum = ONE * (channel == 0 ? low(pair) : channel == 1 ? single : high(pair));
                pixels[to + channel] = isInDoubt(sum)
                        ? level(cubic(
                                source[3 * i1 + channel] & 0xff,
                                source[3 * i2 + channel] & 0xff,
                                source[3 * i3 + channel] & 0xff,
                                source[3 * i4 + channel] & 0xff,
                                x))
                        : level(sum);
            }
            return;
        }
        long w1 = first(right);
        long w3 = third(right);
        long w4 = fourth(right);
        long w2 = ONE - w1 - w3 - w4;
        long pair1 = redBlue[r1 + c1] * w1 + redBlue[r1 + c2] * w2 + redBlue[r1 + c3] * w3 + redBlue[r1 + c4] * w4;
        long pair2 = redBlue[r2 + c1] * w1 + redBlue[r2 + c2] * w2 + redBlue[r2 + c3] * w3 + redBlue[r2 + c4] * w4;
        long pair3 = redBlue[r3 + c1] * w1 + redBlue[r3 + c2] * w2 + redBlue[r3 + c3] * w3 + redBlue[r3 + c4] * w4;
        long pair4 = redBlue[r4 + c1] * w1 + redBlue[r4 + c2] * w2 + redBlue[r4 + c3] * w3 + redBlue[r4 + c4] * w4;
        long single1 = green[r1 + c1] * w1 + green[r1 + c2] * w2 + green[r1 + c3] * w3 + green[r1 + c4] * w4;
        long single2 = green[r2 + c1] * w1 + green[r2 + c2] * w2 + green[r2 + c3] * w3 + green[r2 + c4] * w4;
        long single3 = green[r3 + c1] * w1 + green[r3 + c2] * w2 + green[r3 + c3] * w3 + green[r3 + c4] * w4;
        long single4 = green[r4 + c1] * w1 + green[r4 + c2] * w2 + green[r4 + c3] * w3 + green[r4 + c4] * w4;
        long v1 = first(below);
        long v3 = third(below);
        long v4 = fourth(below);
        long v2 = ONE - v1 - v3 - v4;
        long red = low(pair1) * v1 + low(pair2) * v2 + low(pair3) * v3 + low(pair4) * v4;
        long blue = high(pair1) * v1 + high(pair2) * v2 + high(pair3) * v3 + high(pair4) * v4;
        long greens = single1 * v1 + single2 * v2 + single3 * v3 + single4 * v4;
        pixels[to] = isInDoubt(red) ? exactly(column, row, right, below, 0) : level(red);
        pixels[to + 1] = isInDoubt(greens) ? exactly(column, row, right, below, 1) : level(greens);
        pixels[to + 2] = isInDoubt(blue) ? exactly(column, row, right, below, 2) : level(blue);
    }

    /** The weight of the first of four neighbours for a place {@code x} between the second and the third. */
    private static long first(double x) {
        return (long) ((2 * x - x * x - 1) * x * ONE - 0.5);
    }

    private static long third(double x) {
        return (long) ((1 + x - x * x) * x * ONE + 0.5);
    }

    private static long fourth(double x) {
        return (long) ((x - 1) * x * x * ONE - 0.5);
    }

    private static long low(long pair) {
        return (int) pair;
    }

    /** A negative low half has borrowed from the high one. */
    private static long high(long pair) {
        return (pair - (int) pair) >> 32;
    }

    private static boolean isInDoubt(long sum) {
        return (sum + DOUBT & WHOLE - 1) < 2 * DOUBT;
    }

    private static byte level(long sum) {
        return (byte) Math.min(Math.max((int) (sum >> 2 * BITS), 0), 255);
    }

    private static byte level(double value) {
        return (byte) Math.min(Math.max((int) value, 0), 255);
    }

    /** Pillow's own steps in their order. */
    private byte exactly(int column, int row, double right, double below, int channel) {
        return level(cubic(
                across(row - 1, column, right, channel),
                across(row, column, right, channel),
                across(row + 1, column, right, channel),
                across(row + 2, column, right, channel),
                below));
    }

    private double across(int row, int column, double right, int channel) {
        return cubic(
                pixel(row, column - 1, channel),
                pixel(row, column, channel),
                pixel(row, column + 1, channel),
                pixel(row, column + 2, channel),
                right);
    }

    private int pixel(int row, int column, int channel) {
        int y = Math.min(Math.max(row, 0), height - 1);
        int x = Math.min(Math.max(column, 0), width - 1);
        return source[3 * (y * width + x) + channel] & 0xff;
    }

    /** Four levels, weighed at {@code x} between the second and the third, in Horner's form. */
    private static double cubic(double v1, double v2, double v3, double v4, double x) {
        return v2 + x * (-v1 + v3 + x * (2 * (v1 - v2) + v3 - v4 + x * (-v1 + v2 - v3 + v4)));
    }
}
