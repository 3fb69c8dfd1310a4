package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;

/**
 * TensorFlow's "SAME" padding: as many rows and columns as the result needs to have ⌈size / stride⌉ of them; the odd
 * one goes below and to the right.
 */
public final class SamePadding {
    private SamePadding() {}

    /**
     * Pads feature maps for a square window.
     *
     * @param x {@code [B, C, H, W]}
     * @param value what is padded with: 0 before a convolution, −∞ before a maximum
     */
    public static Tensor pad(Tensor x, long kernel, long stride, double value) {
        long rows = total(x.size(2), kernel, stride), columns = total(x.size(3), kernel, stride);
        if (rows == 0 && columns == 0) {
            return x;
        }
        return Functional.pad(x, value, columns / 2, columns - columns / 2, rows / 2, rows - rows / 2);
    }

    private static long total(long size, long kernel, long stride) {
        long results = (size + stride - 1) / stride;
        return Math.max(0, (results - 1) * stride + kernel - size);
    }
}
