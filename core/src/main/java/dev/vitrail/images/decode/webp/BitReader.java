package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The bits of a lossless image, the lowest of each byte first (RFC 9649, 3.1).
 *
 * <p>Who wants more than there are is stopped at once. Eight bytes are there in any case, as in libwebp: the last of a
 * shorter stream are zeros.
 */
final class BitReader {
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    /** Least number of bits that {@link #peek} and {@link #skip} may use after {@link #fill}. */
    static final int FILLED = 56;

    private final byte[] bytes;
    private final int end;
    private int at;

    /** The next bits, the very next lowest. Beyond {@link #count} of them lie more of the same stream, or zeros. */
    private long bits;

    private int count;

    /** Number of them that lie beyond the end of the stream; they are zeros. */
    private int missing;

    BitReader(Span span) {
        if (span.size() < Long.BYTES) {
            bytes = Arrays.copyOf(Arrays.copyOfRange(span.bytes, span.start, span.end), Long.BYTES);
            at = 0;
            end = Long.BYTES;
        } else {
            bytes = span.bytes;
            at = span.start;
            end = span.end;
        }
    }

    /**
     * Makes sure of {@value #FILLED} bits that {@link #peek} and {@link #skip} may use, and that those used so far
     * were there.
     */
    void fill() throws EOFException {
        if (end - at >= Long.BYTES) {
            bits |= (long) LONGS.get(bytes, at) << count;
            at += (63 - count) >> 3;
            count |= FILLED;
            return;
        }
        fillAtEnd();
    }

    private void fillAtEnd() throws EOFException {
        check();
        while (count <= FILLED) {
            if (at < end) {
                bits |= (bytes[at++] & 0xffL) << count;
            } else {
                missing += 8;
            }
            count += 8;
        }
    }

    /** Throws if bits were used that are not there. */
    void check() throws EOFException {
        if (count < missing) {
            throw new EOFException();
        }
    }

    /** The next bits, of which {@link #fill} has made sure; more than are wanted. */
    int peek() {
        return (int) bits;
    }

    /** Goes on by some bits. */
    void skip(int number) {
        bits >>>= number;
        count -= number;
    }

    /** The next {@code number} bits, up to 25 and of those that {@link #fill} has made sure of. */
    int take(int number) {
        int value = (int) bits & ((1 << number) - 1);
        skip(number);
        return value;
    }

    /** Reads {@code number} bits, up to 25. */
    int read(int number) throws EOFException {
        fill();
        int value = take(number);
        check();
        return value;
    }

    boolean flag() throws EOFException {
        return read(1) != 0;
    }
}
