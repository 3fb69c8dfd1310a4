package dev.vitrail.engine;

import java.util.stream.LongStream;

/** What tests ask of tensors. */
public final class Tensors {
    private Tensors() {}

    /** The largest magnitude among the elements; not a number if one of them is none. */
    public static double largest(Tensor x) {
        double largest = 0;
        for (float value : x.toFloats()) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    /** Whether every element is a finite number. */
    public static boolean finite(Tensor x) {
        return Double.isFinite(largest(x));
    }

    /** {@code 0, 1, … count−1} as I64. */
    public static Tensor count(long count) {
        return Tensor.of(LongStream.range(0, count).toArray(), count);
    }

    /** A tensor of one value. */
    public static Tensor full(double value, long... shape) {
        return Tensor.zeros(shape).fillInPlace(value);
    }
}
