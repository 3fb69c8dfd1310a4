package dev.vitrail.report;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * A message in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding): fields, each a tag and a
 * value, one after another. Only the kinds of values that events need.
 */
final class ProtocolBuffer {
    private static final int VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    ProtocolBuffer int64(int field, long value) {
        tag(field, VARINT);
        varint(value);
        return this;
    }

    ProtocolBuffer float32(int field, float value) {
        tag(field, FIXED32);
        fixed(Integer.toUnsignedLong(Float.floatToIntBits(value)), Float.BYTES);
        return this;
    }

    ProtocolBuffer float64(int field, double value) {
        tag(field, FIXED64);
        fixed(Double.doubleToLongBits(value), Double.BYTES);
        return this;
    }

    ProtocolBuffer text(int field, String value) {
        return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    ProtocolBuffer message(int field, ProtocolBuffer value) {
        return bytes(field, value.toBytes());
    }

    byte[] toBytes() {
        return out.toByteArray();
    }

    private ProtocolBuffer bytes(int field, byte[] value) {
        tag(field, BYTES);
        varint(value.length);
        out.writeBytes(value);
        return this;
    }

    private void tag(int field, int kind) {
        varint((long) field << 3 | kind);
    }

    /** Seven bits a byte, the lowest first; the top bit says that more follow. */
    private void varint(long value) {
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            out.write((int) (rest & 0x7F | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
    }

    private void fixed(long bits, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (bits >>> 8 * i));
        }
    }
}
