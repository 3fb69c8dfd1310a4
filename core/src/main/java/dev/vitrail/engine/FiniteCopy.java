package dev.vitrail.engine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;

/**
 * Copies single-precision numbers and looks for NaN and infinity on the way: two numbers at a time in integer
 * registers, in the time that the memory takes anyway. A pass of its own costs a sixth of the time of loading
 * a large model.
 */
final class FiniteCopy {
    /** Exponents of two numbers; NaN and infinity have all bits of theirs set. */
    private static final long EXPONENTS = 0x7f800000_7f800000L;
    /** The lowest bit of each exponent: added to it, all ones carry over to the sign's place. */
    private static final long LOWEST = 0x00800000_00800000L;

    private static final long CARRIES = 0x80000000_80000000L;
    /** Numbers copied by one call, in pairs, so that the loop is compiled early. */
    private static final int PIECE = 1 << 13;

    private FiniteCopy() {}

    /**
     * Copies all that remains.
     *
     * @param from little-endian
     * @param into as long
     * @return whether all numbers are finite
     */
    static boolean copy(ByteBuffer from, ByteBuffer into) {
        var source = from.slice().order(ByteOrder.LITTLE_ENDIAN);
        var target = into.slice().order(ByteOrder.LITTLE_ENDIAN);
        var pairs = source.asLongBuffer();
        var copied = target.asLongBuffer();
        long carries = 0;
        for (int start = 0; start < pairs.limit(); start += PIECE) {
            int length = Math.min(PIECE, pairs.limit() - start);
            carries |= copy(pairs.slice(start, length), copied.slice(start, length), length);
        }
        int last = pairs.limit() * Long.BYTES;
        if (last < source.limit()) {
            int bits = source.getInt(last);
            target.putInt(last, bits);
            carries |= (Integer.toUnsignedLong(bits) & EXPONENTS) + LOWEST;
        }
        return (carries & CARRIES) == 0;
    }

    private static long copy(LongBuffer from, LongBuffer into, int length) {
        long carries = 0;
        for (int i = 0; i < length; i++) {
            long bits = from.get(i);
            carries |= (bits & EXPONENTS) + LOWEST;
            into.put(i, bits);
        }
        return carries;
    }
}
