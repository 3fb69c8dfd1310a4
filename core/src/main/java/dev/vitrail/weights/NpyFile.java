package dev.vitrail.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Writes arrays of 32-bit floats in NumPy's {@code .npy} format, version 1.0, for {@code numpy.load}.
 *
 * @see <a href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">NumPy's description</a>
 */
public final class NpyFile {
    /** Magic, version and the header's length. */
    private static final int START = 10;

    /** Alignment of the array's beginning, bytes. */
    private static final int ALIGNMENT = 64;

    private NpyFile() {}

    /** Header of an array of a shape: the bytes before its elements, which follow in row-major order. */
    public static byte[] header(long... shape) {
        var sizes = Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(", "));
        var text = new StringBuilder("{'descr': '<f4', 'fortran_order': False, 'shape': (%s%s), }"
                .formatted(sizes, shape.length == 1 ? "," : ""));
        while ((START + text.length() + 1) % ALIGNMENT != 0) {
            text.append(' ');
        }
        text.append('\n');
        return ByteBuffer.allocate(START + text.length())
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) 1)
                .put((byte) 0)
                .putShort((short) text.length())
                .put(text.toString().getBytes(StandardCharsets.US_ASCII))
                .array();
    }

    /**
     * A whole file.
     *
     * @param values in row-major order, as many as the shape has elements
     */
    public static byte[] of(float[] values, long... shape) {
        long count = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        if (count != values.length) {
            throw new IllegalArgumentException(
                    "the shape %s has %d elements, found %d".formatted(Arrays.toString(shape), count, values.length));
        }
        var header = header(shape);
        var file = ByteBuffer.allocate(Math.addExact(header.length, Math.multiplyExact(Float.BYTES, values.length)))
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(header);
        file.asFloatBuffer().put(values);
        return file.array();
    }
}
