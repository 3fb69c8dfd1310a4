package dev.vitrail.images;

import static dev.vitrail.images.Coefficients.GROUP;
import static dev.vitrail.images.Coefficients.HALF;
import static dev.vitrail.images.Coefficients.PRECISION;

import java.util.Arrays;

/**
 * Resizes with the very bytes that Pillow's {@code Image.resize} gives.
 *
 * <p>Pillow filters in two passes, rows first, in integers with {@value Coefficients#PRECISION} fractional bits,
 * and rounds to bytes after each pass ({@code Resample.c}). The same here, and faster in two ways that leave the
 * sums as they are:
 *
 * <ul>
 *   <li>The passes are interleaved. A row is filtered when the first output row asks for it and kept in a ring only as
 *       tall as the filter, so the intermediate image never leaves the cache, and what a following crop would throw
 *       away is never computed.
 *   <li>The horizontal pass takes two rows at once: a {@code long} holds a level of each, and one multiplication weighs
 *       both. The vertical pass runs over whole rows of {@code int}, which the compiler turns into vector instructions.
 * </ul>
 */
public final class Resampler {
    private static final long BOTH_HALVES = HALF + ((long) HALF << 32);

    private Resampler() {}

    /** The whole image at another size, in pixels: Pillow's {@code image.resize((width, height), interpolation)}. */
    public static RgbImage resize(RgbImage image, int width, int height, Interpolation interpolation) {
        return resize(image, Region.of(image), width, height, interpolation);
    }

    /**
     * A crop at another size: Pillow's {@code image.crop(…).resize(…)}, without copying the crop; pixels outside it
     * have no influence.
     */
    public static RgbImage resize(RgbImage image, Region crop, int width, int height, Interpolation interpolation) {
        return resize(image, crop, whole(crop), width, height, new Region(0, 0, width, height), interpolation);
    }

    /**
     * Pillow's {@code image.resize((width, height), interpolation, box)}; pixels next to the box do have influence
     * on its edges.
     */
    public static RgbImage resize(RgbImage image, Box box, int width, int height, Interpolation interpolation) {
        return resize(image, Region.of(image), box, width, height, new Region(0, 0, width, height), interpolation);
    }

    /**
     * The {@code part} of the image that {@link #resize(RgbImage, int, int, Interpolation)} would give; only
     * that is computed.
     */
    public static RgbImage resize(RgbImage image, int width, int height, Region part, Interpolation interpolation) {
        var all = Region.of(image);
        return resize(image, all, whole(all), width, height, part, interpolation);
    }

    /**
     * All of it at once: crops, samples a box of the crop at another size, and returns a part of the result.
     *
     * @param image the source
     * @param crop the pixels that exist for this call
     * @param box the stretch to sample, from the crop's upper left corner
     * @param width what the box becomes, in pixels
     * @param height what the box becomes, in pixels
     * @param part the piece of those {@code width × height} pixels to return
     * @return {@code part.width() × part.height()} pixels
     */
    public static RgbImage resize(
            RgbImage image, Region crop, Box box, int width, int height, Region part, Interpolation interpolation) {
        if (!crop.fits(image.width(), image.height())
                || box.right() > crop.width()
                || box.bottom() > crop.height()
                || !part.fits(width, height)) {
            throw new IllegalArgumentException("%s must lie in %d×%d, %s in it, and %s in %d×%d"
                    .formatted(crop, image.width(), image.height(), box, part, width, height));
        }
        if (box.isCopy(width, height)) {
            int left = crop.left() + (int) box.left() + part.left();
            int top = crop.top() + (int) box.top() + part.top();
            return crop(image, new Region(left, top, part.width(), part.height()));
        }
        if (interpolation == Interpolation.NEAREST) {
            return nearest(image, crop, box, width, height, part);
        }
        var columns = new Coefficients(
                crop.width(), box.left(), box.right(), width, part.left(), part.width(), interpolation);
        var rows = new Coefficients(
                crop.height(), box.top(), box.bottom(), height, part.top(), part.height(), interpolation);
        return filter(image, crop, columns, rows);
    }

    /** The pixels of a region, copied. */
    public static RgbImage crop(RgbImage image, Region region) {
        if (!region.fits(image.width(), image.height())) {
            throw new IllegalArgumentException("%s must lie in %d×%d".formatted(region, image.width(), image.height()));
        }
        if (region.equals(Region.of(image))) {
            return image;
        }
        int stride = 3 * region.width();
        var pixels = new byte[Math.multiplyExact(stride, region.height())];
        for (int y = 0; y < region.height(); y++) {
            int from = 3 * ((region.top() + y) * image.width() + region.left());
            System.arraycopy(image.pixels(), from, pixels, y * stride, stride);
        }
        return new RgbImage(region.width(), region.height(), pixels);
    }

    private static Box whole(Region crop) {
        return new Box(0, 0, crop.width(), crop.height());
    }

    private static RgbImage nearest(RgbImage image, Region crop, Box box, int width, int height, Region part) {
        var columns = nearest(box.left(), box.right(), width, part.left(), part.width(), crop.width());
        var rows = nearest(box.top(), box.bottom(), height, part.top(), part.height(), crop.height());
        var source = image.pixels();
        var pixels = new byte[Math.multiplyExact(3 * part.width(), part.height())];
        int to = 0;
        for (int row : rows) {
            int line = (crop.top() + row) * image.width() + crop.left();
            for (int column : columns) {
                int from = 3 * (line + column);
                pixels[to] = source[from];
                pixels[to + 1] = source[from + 1];
                pixels[to + 2] = source[from + 2];
                to += 3;
            }
        }
        return new RgbImage(part.width(), part.height(), pixels);
    }

    /**
     * Source pixel of each output. Pillow adds up the step instead of multiplying it, so the same rounding errors are
     * made here.
     */
    private static int[] nearest(float low, float high, int outputs, int from, int count, int size) {
        double step = (double) (high - low) / outputs;
        double position = low + step * 0.5;
        for (int i = 0; i < from; i++) {
            position += step;
        }
        var taken = new int[count];
        for (int i = 0; i < count; i++) {
            taken[i] = Math.min((int) position, size - 1);
            position += step;
        }
        return taken;
    }

    private static RgbImage filter(RgbImage image, Region crop, Coefficients columns, Coefficients rows) {
        int stride = 3 * columns.count();
        var pixels = new byte[Math.multiplyExact(stride, rows.count())];
        int span = 3 * (columns.last() - columns.first());
        var pairs = new long[span + 3 * GROUP]; // the slots of weight 0 read beyond the last pixel
        var ring = new int[rows.slots() + 2][stride]; // one pair of rows may be half needed at each end
        var sums = new int[stride];
        int next = rows.first();
        for (int y = 0; y < rows.count(); y++) {
            for (; next < rows.end(y); next += 2) {
                int second = Math.min(next + 1, rows.last() - 1);
                int line = 3 * ((crop.top() + next) * image.width() + crop.left() + columns.first());
                int step = 3 * (second - next) * image.width();
                pair(image.pixels(), line, line + step, span, pairs);
                weighRows(pairs, columns, ring[next % ring.length], ring[(next + 1) % ring.length]);
            }
            weighColumns(ring, rows, y, sums);
            store(sums, pixels, y * stride);
        }
        return new RgbImage(columns.count(), rows.count(), pixels);
    }

    /**
     * Puts level {@code i} of one row into the low half of {@code pairs[i]}, and that of another row into
     * the high half.
     */
    private static void pair(byte[] pixels, int low, int high, int count, long[] pairs) {
        for (int i = 0; i < count; i++) {
            pairs[i] = (pixels[low + i] & 0xff) | (long) (pixels[high + i] & 0xff) << 32;
        }
    }

    /**
     * The horizontal pass over two rows. A sum in the low half is signed, so a negative one has borrowed from
     * the high half.
     */
    private static void weighRows(long[] pairs, Coefficients columns, int[] low, int[] high) {
        int slots = columns.slots();
        int[] weights = columns.weights();
        int first = columns.first();
        for (int x = 0, w = 0; x < columns.count(); x++) {
            int p = 3 * (columns.start(x) - first);
            long red = BOTH_HALVES;
            long green = BOTH_HALVES;
            long blue = BOTH_HALVES;
            for (int end = w + slots; w < end && p + 11 < pairs.length; w += GROUP, p += 3 * GROUP) {
                long a = weights[w];
                long b = weights[w + 1];
                long c = weights[w + 2];
                long d = weights[w + 3];
                red += pairs[p] * a + pairs[p + 3] * b + pairs[p + 6] * c + pairs[p + 9] * d;
                green += pairs[p + 1] * a + pairs[p + 4] * b + pairs[p + 7] * c + pairs[p + 10] * d;
                blue += pairs[p + 2] * a + pairs[p + 5] * b + pairs[p + 8] * c + pairs[p + 11] * d;
            }
            w = (x + 1) * slots;
            int o = 3 * x;
            low[o] = level((int) red);
            low[o + 1] = level((int) green);
            low[o + 2] = level((int) blue);
            high[o] = level((int) ((red - (int) red) >> 32));
            high[o + 1] = level((int) ((green - (int) green) >> 32));
            high[o + 2] = level((int) ((blue - (int) blue) >> 32));
        }
    }

    /** The vertical pass for output row {@code y}, into {@code sums}. */
    private static void weighColumns(int[][] ring, Coefficients rows, int y, int[] sums) {
        Arrays.fill(sums, HALF);
        int last = rows.end(y) - 1;
        int[] weights = rows.weights();
        for (int j = rows.start(y), w = y * rows.slots(); j <= last; j += GROUP, w += GROUP) {
            addWeighted(
                    sums,
                    ring[j % ring.length],
                    weights[w],
                    ring[Math.min(j + 1, last) % ring.length],
                    weights[w + 1],
                    ring[Math.min(j + 2, last) % ring.length],
                    weights[w + 2],
                    ring[Math.min(j + 3, last) % ring.length],
                    weights[w + 3]);
        }
    }

    /** Four rows at a time, so that a sum is loaded and stored a quarter as often. */
    private static void addWeighted(int[] sums, int[] p, int a, int[] q, int b, int[] r, int c, int[] s, int d) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += p[i] * a + q[i] * b + r[i] * c + s[i] * d;
        }
    }

    private static void store(int[] sums, byte[] pixels, int offset) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] = Math.min(Math.max(sums[i] >> PRECISION, 0), 255);
        }
        for (int i = 0; i < sums.length; i++) {
            pixels[offset + i] = (byte) sums[i];
        }
    }

    private static int level(int sum) {
        return Math.min(Math.max(sum >> PRECISION, 0), 255);
    }
}
