package dev.vitrail.images;

/**
 * Levels between the pixels of a picture, by Keys' cubic convolution with a = −1 over 4×4 pixels: bit for bit what Pillow's
 * {@code bicubic_filter32RGB} ({@code Geometry.c}) gives for {@code Image.transform}.
 *
 * <p>Pillow works in double precision and cuts off the fraction. Here sums are taken in integers with {@value #BITS} fractional bits an axis,
 * red and blue in the two halves of a {@code long}, which is several times as fast and less than 0.002 of a level away; where that leaves in
 * doubt what is cut off, in about one pixel of a hundred and in flat areas, {@link #exactly} decides.
 */
final class CubicSampler {
    private static final int BITS = 20;
    private static final long ONE = 1L << BITS;
    private static final long WHOLE = ONE * ONE;
    /** What lies nearer to a whole level than this 256th is in doubt. */
    private static final long DOUBT = WHOLE >> 8;

    private final int width;
    private final int height;
    private final byte[] source;
    /** Red in the low half, blue in the high half. */
    private final long[] redBlue;

    private final int[] green;

    // Where the pixel that is being sampled lies.
    private int column;
    private double right;
    private int row;
    private double below;

    /** Weights of the four columns. */
    private long w1;

    private long w2;
    private long w3;
    private long w4;

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
        column = u < 0 ? -1 : (int) u;
        row = v < 0 ? -1 : (int) v;
        right = u - column;
        below = v - row;
        int middle = row(0);
        long x = right == 0 ? 0 : 1;
        if (x != 0) {
            weigh(right);
        }
        long red;
        long greens;
        long blue;
        if (below == 0) {
            long pair = x == 0 ? redBlue[middle + column(0)] * ONE : pair(middle);
            red = low(pair) * ONE;
            blue = high(pair) * ONE;
            greens = (x == 0 ? green[middle + column(0)] * ONE : single(middle)) * ONE;
        } else {
            int above = row(-1);
            int under = row(1);
            int last = row(2);
            long pair1;
            long pair2;
            long pair3;
            long pair4;
            long green1;
            long green2;
            long green3;
            long green4;
            if (x == 0) {
                int at = column(0);
                pair1 = redBlue[above + at] * ONE;
                pair2 = redBlue[middle + at] * ONE;
                pair3 = redBlue[under + at] * ONE;
                pair4 = redBlue[last + at] * ONE;
                green1 = green[above + at] * ONE;
                green2 = green[middle + at] * ONE;
                green3 = green[under + at] * ONE;
                green4 = green[last + at] * ONE;
            } else {
                pair1 = pair(above);
                pair2 = pair(middle);
                pair3 = pair(under);
                pair4 = pair(last);
                green1 = single(above);
                green2 = single(middle);
                green3 = single(under);
                green4 = single(last);
            }
            weigh(below);
            red = low(pair1) * w1 + low(pair2) * w2 + low(pair3) * w3 + low(pair4) * w4;
            blue = high(pair1) * w1 + high(pair2) * w2 + high(pair3) * w3 + high(pair4) * w4;
            greens = green1 * w1 + green2 * w2 + green3 * w3 + green4 * w4;
        }
        pixels[to] = level(red, 0);
        pixels[to + 1] = level(greens, 1);
        pixels[to + 2] = level(blue, 2);
    }

    /** The weights of four neighbours for a place {@code x} between the second and the third; they sum to 1 exactly. */
    private void weigh(double x) {
        double square = x * x;
        double cube = square * x;
        w1 = (long) ((2 * square - cube - x) * ONE - 0.5);
        w3 = (long) ((x + square - cube) * ONE + 0.5);
        w4 = (long) ((cube - square) * ONE - 0.5);
        w2 = ONE - w1 - w3 - w4;
    }

    private int row(int offset) {
        return width * Math.min(Math.max(row + offset, 0), height - 1);
    }

    private int column(int offset) {
        return Math.min(Math.max(column + offset, 0), width - 1);
    }

    /** Red and blue of a row between its columns. */
    private long pair(int at) {
        return redBlue[at + column(-1)] * w1
                + redBlue[at + column(0)] * w2
                + redBlue[at + column(1)] * w3
                + redBlue[at + column(2)] * w4;
    }

    /** Green of a row between its columns. */
    private long single(int at) {
        return green[at + column(-1)] * w1
                + green[at + column(0)] * w2
                + green[at + column(1)] * w3
                + green[at + column(2)] * w4;
    }

    private static long low(long pair) {
        return (int) pair;
    }

    /** A negative low half has borrowed from the high one. */
    private static long high(long pair) {
        return (pair - (int) pair) >> 32;
    }

    private byte level(long sum, int channel) {
        long fraction = sum & (WHOLE - 1);
        if (fraction < DOUBT || fraction > WHOLE - DOUBT) {
            return exactly(channel);
        }
        return (byte) Math.min(Math.max(sum >> 2 * BITS, 0), 255);
    }

    /** Pillow's own steps in their order. Where it multiplies by 0, nothing is computed. */
    private byte exactly(int channel) {
        double level = below == 0
                ? across(row(0), channel)
                : cubic(
                        across(row(-1), channel),
                        across(row(0), channel),
                        across(row(1), channel),
                        across(row(2), channel),
                        below);
        return (byte) Math.min(Math.max((int) level, 0), 255);
    }

    private double across(int at, int channel) {
        double second = level(at + column(0), channel);
        return right == 0
                ? second
                : cubic(
                        level(at + column(-1), channel),
                        second,
                        level(at + column(1), channel),
                        level(at + column(2), channel),
                        right);
    }

    private int level(int pixel, int channel) {
        return source[3 * pixel + channel] & 0xff;
    }

    /** Four levels, weighed at {@code x} between the second and the third, in Horner's form. */
    private static double cubic(double v1, double v2, double v3, double v4, double x) {
        return v2 + x * (-v1 + v3 + x * (2 * (v1 - v2) + v3 - v4 + x * (-v1 + v2 - v3 + v4)));
    }
}
