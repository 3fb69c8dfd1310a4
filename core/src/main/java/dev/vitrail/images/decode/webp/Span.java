package dev.vitrail.images.decode.webp;

import java.io.EOFException;

/** A part of the file's bytes. */
final class Span {
    final byte[] bytes;
    final int start;
    final int end;

    Span(byte[] bytes, int start, int end) {
        if (start < 0 || start > end || end > bytes.length) {
            throw new IllegalArgumentException("no span from %d to %d of %d bytes".formatted(start, end, bytes.length));
        }
        this.bytes = bytes;
        this.start = start;
        this.end = end;
    }

    int size() {
        return end - start;
    }

    /** The part from {@code offset} on. */
    Span from(int offset) throws EOFException {
        return part(offset, size() - offset);
    }

    /** The {@code count} bytes at {@code offset}. */
    Span part(int offset, int count) throws EOFException {
        if (offset < 0 || count < 0 || count > size() - offset) {
            throw new EOFException();
        }
        return new Span(bytes, start + offset, start + offset + count);
    }

    int u8(int offset) throws EOFException {
        if (offset < 0 || offset >= size()) {
            throw new EOFException();
        }
        return bytes[start + offset] & 0xff;
    }

    int u16(int offset) throws EOFException {
        return u8(offset) | u8(offset + 1) << 8;
    }

    int u24(int offset) throws EOFException {
        return u16(offset) | u8(offset + 2) << 16;
    }

    long u32(int offset) throws EOFException {
        return u24(offset) | (long) u8(offset + 3) << 24;
    }
}
