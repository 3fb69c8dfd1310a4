package dev.vitrail.onnx;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * An integer of a graph, such as the length of a dimension, as it was in each recording.
 *
 * @param values one for each recording
 */
@SuppressWarnings("ArrayRecordComponent") // made and read in this package alone
record Extent(long[] values) {
    static Extent fixed(long value, int recordings) {
        return new Extent(LongStream.range(0, recordings).map(i -> value).toArray());
    }

    /** Returns whether it is the same in every recording. */
    boolean isFixed() {
        return Arrays.stream(values).allMatch(value -> value == values[0]);
    }

    /** Value in the first recording. */
    long value() {
        return values[0];
    }

    Extent plus(Extent other) {
        return new Extent(LongStream.range(0, values.length)
                .map(i -> values[(int) i] + other.values[(int) i])
                .toArray());
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Extent extent && Arrays.equals(values, extent.values);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values);
    }

    @Override
    public String toString() {
        return isFixed() ? Long.toString(value()) : Arrays.toString(values);
    }
}
