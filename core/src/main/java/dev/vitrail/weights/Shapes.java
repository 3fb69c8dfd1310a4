package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import java.util.Arrays;

/** Exact arithmetic on shapes that a file declares. */
public final class Shapes {
    /** numpy stops at 64 dimensions, and no tensor of a network has more than a handful. */
    public static final int MAX_DIMENSIONS = 64;

    private Shapes() {}

    /**
     * The number of elements of {@code shape}; 1 for a scalar.
     *
     * @throws VitrailException if a dimension is negative, there are too many, or the product exceeds 64 bits
     */
    public static long elements(long[] shape, String what) {
        VitrailException.require(
                shape.length <= MAX_DIMENSIONS,
                "%s has %d dimensions; at most %d are possible, so the file is damaged",
                FormatErrors.printable(what),
                shape.length,
                MAX_DIMENSIONS);
        long product = 1;
        boolean empty = false;
        for (long size : shape) {
            VitrailException.require(
                    size >= 0,
                    "%s has shape %s: a dimension cannot be negative",
                    FormatErrors.printable(what),
                    Arrays.toString(shape));
            empty |= size == 0;
        }
        try {
            // Multiplied without the zeros, so that a shape such as [2^40, 2^40, 0] is refused as well.
            for (long size : shape) {
                product = Math.multiplyExact(product, Math.max(size, 1));
            }
        } catch (ArithmeticException e) {
            throw new VitrailException(
                    "%s has shape %s: more elements than 64 bits can count, so the file is damaged"
                            .formatted(FormatErrors.printable(what), Arrays.toString(shape)),
                    e);
        }
        return empty ? 0 : product;
    }

    /** {@code elements * size} bytes, or a refusal where 64 bits do not hold it. */
    public static long bytes(long elements, int size, String what) {
        try {
            return Math.multiplyExact(elements, (long) size);
        } catch (ArithmeticException e) {
            throw new VitrailException(
                    "%s has %d elements of %d bytes: more than 64 bits can count, so the file is damaged"
                            .formatted(FormatErrors.printable(what), elements, size),
                    e);
        }
    }
}
