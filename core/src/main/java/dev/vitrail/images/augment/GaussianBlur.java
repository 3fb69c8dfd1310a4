package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;
import java.util.Arrays;

/**
 * Pillow's {@code ImageFilter.GaussianBlur} ({@code BoxBlur.c}): three box filters along the rows, then three along the
 * columns, whose width, whole pixels and a fraction, gives the variance of the Gaussian (Gwosdek et al., 2011,
 * "Theoretical foundations of Gaussian convolution by extended box filtering", equations 7, 11 and 14).
 *
 * <p>Weights have 24 fractional bits, and every pass rounds to a level. Outside the image its outermost pixels go on.
 */
final class GaussianBlur {
    private static final int PASSES = 3;
    private static final int ONE = 1 << 24;
    private static final int HALF = 1 << 23;

    /** Pixels to each side that count in full. */
    private final int reach;
    /** Weight of each of those {@code 2 · reach + 1} pixels. */
    private final int inner;
    /** Weight of the next pixel on either side. */
    private final int outer;

    private GaussianBlur(float std) {
        float variance = std * std / PASSES;
        float length = (float) Math.sqrt(12.0 * variance + 1.0);
        float whole = (float) Math.floor((length - 1.0) / 2.0);
        float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
        part /= 6 * (variance - (whole + 1) * (whole + 1));
        float radius = whole + part;
        reach = (int) radius;
        inner = (int) (ONE / (radius * 2 + 1));
        outer = (ONE - (2 * reach + 1) * inner) / 2;
    }

    /** @param std of the Gaussian, in pixels; 0 changes nothing */
    static RgbImage apply(RgbImage image, double std) {
        return std == 0 ? image : new GaussianBlur((float) std).apply(image);
    }

    private RgbImage apply(RgbImage image) {
        int stride = 3 * image.width();
        int height = image.height();
        byte[] source = image.pixels();
        var levels = new int[height][stride];
        int border = 3 * (reach + 1);
        var line = new int[stride + 2 * border];
        for (int y = 0; y < height; y++) {
            for (int i = 0; i < stride; i++) {
                line[border + i] = source[y * stride + i] & 0xff;
            }
            for (int pass = 0; pass < PASSES; pass++) {
                blurRow(line, border, levels[y]);
                System.arraycopy(levels[y], 0, line, border, stride);
            }
        }
        var other = new int[height][stride];
        for (int pass = 0; pass < PASSES; pass++) {
            blurColumns(levels, other);
            var kept = levels;
            levels = other;
            other = kept;
        }
        var pixels = new byte[source.length];
        for (int y = 0; y < height; y++) {
            int[] row = levels[y];
            for (int i = 0; i < stride; i++) {
                pixels[y * stride + i] = (byte) row[i];
            }
        }
        return new RgbImage(image.width(), height, pixels);
    }

    /** @param line a row with room for {@code border} values on each side of it, which are set here */
    private void blurRow(int[] line, int border, int[] out) {
        for (int i = 0; i < border; i++) {
            line[i] = line[border + i % 3];
            line[border + out.length + i] = line[border + out.length - 3 + i % 3];
        }
        Arrays.fill(out, 0);
        for (int k = -reach; k <= reach; k++) {
            add(out, line, border + 3 * k);
        }
        for (int i = 0; i < out.length; i++) {
            out[i] = out[i] * inner + (line[i] + line[2 * border + i]) * outer + HALF >>> 24;
        }
    }

    private static void add(int[] sums, int[] line, int from) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += line[from + i];
        }
    }

    private void blurColumns(int[][] rows, int[][] out) {
        for (int y = 0; y < rows.length; y++) {
            int[] sums = out[y];
            Arrays.fill(sums, 0);
            for (int k = -reach; k <= reach; k++) {
                add(sums, row(rows, y + k), 0);
            }
            int[] above = row(rows, y - reach - 1);
            int[] below = row(rows, y + reach + 1);
            for (int i = 0; i < sums.length; i++) {
                sums[i] = sums[i] * inner + (above[i] + below[i]) * outer + HALF >>> 24;
            }
        }
    }

    private static int[] row(int[][] rows, int y) {
        return rows[Math.min(Math.max(y, 0), rows.length - 1)];
    }
}
