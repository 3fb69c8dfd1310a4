package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The arithmetic decoder of VP8 (RFC 6386, 7).
 *
 * <p>It refuses to read on where a byte is needed that is not there. The RFC lets zeros follow; libwebp takes such a
 * file for truncated.
 */
final class BooleanDecoder {
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    private final byte[] bytes;
    private final int end;
    private int at;

    /** The bits that are compared with the split, {@code bits + 8} of them: the highest eight are the RFC's "value". */
    private long value;

    private int bits = -8;

    /** 128 to 255 between two calls. */
    private int range = 255;

    BooleanDecoder(Span span) {
        bytes = span.bytes;
        at = span.start;
        end = span.end;
    }

    /** Returns whether there was never anything to read. */
    boolean isEmpty() {
        return at == end && bits < 0;
    }

    /** One bit, which is 0 with a probability of {@code probability} / 256. */
    int bit(int probability) throws EOFException {
        if (bits < 0) {
            load();
        }
        int split = 1 + (((range - 1) * probability) >> 8);
        long scaled = (long) split << bits;
        int bit;
        int rest;
        if (value >= scaled) {
            value -= scaled;
            rest = range - split;
            bit = 1;
        } else {
            rest = split;
            bit = 0;
        }
        int shift = Integer.numberOfLeadingZeros(rest) - 24;
        range = rest << shift;
        bits -= shift;
        return bit;
    }

    /** A bit that is 0 as often as 1. */
    boolean flag() throws EOFException {
        return bit(128) != 0;
    }

    /** An unsigned number of {@code count} bits, the highest first. */
    int literal(int count) throws EOFException {
        int number = 0;
        for (int i = 0; i < count; i++) {
            number = number << 1 | bit(128);
        }
        return number;
    }

    /** A magnitude of {@code count} bits and a sign. */
    int signed(int count) throws EOFException {
        int magnitude = literal(count);
        return flag() ? -magnitude : magnitude;
    }

    /** A flag and, if it is set, a signed number; otherwise 0. */
    int optional(int count) throws EOFException {
        return flag() ? signed(count) : 0;
    }

    private void load() throws EOFException {
        if (end - at >= Long.BYTES) {
            value = value << 56 | (long) LONGS.get(bytes, at) >>> 8;
            at += 7;
            bits += 56;
        } else if (at < end) {
            value = value << 8 | bytes[at++] & 0xff;
            bits += 8;
        } else {
            throw new EOFException();
        }
    }
}
