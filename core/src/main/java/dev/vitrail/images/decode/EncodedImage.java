package dev.vitrail.images.decode;

import dev.vitrail.errors.VitrailException;
import java.io.EOFException;

/** The bytes of an image file, all in memory, with the limits under which they are decoded. */
final class EncodedImage {
    private final String name;
    private final byte[] bytes;
    private final DecodeOptions options;
    private final long deadline;

    EncodedImage(String name, byte[] bytes, DecodeOptions options) {
        this(name, bytes, options, System.nanoTime() + options.timeLimit().toNanos());
    }

    private EncodedImage(String name, byte[] bytes, DecodeOptions options, long deadline) {
        this.name = name;
        this.bytes = bytes;
        this.options = options;
        this.deadline = deadline;
    }

    /** A file that lies inside this one, under the same limits; the time that is left is shared. */
    EncodedImage inner(byte[] content) {
        return new EncodedImage(name, content, options, deadline);
    }

    /** Conversion of grey levels beyond a byte. */
    SixteenBit sixteenBit() {
        return options.sixteenBit();
    }

    /** Throws once the time limit is over; for readers that ask for no bytes in between. */
    void checkTime() throws DamagedImageException {
        if (System.nanoTime() - deadline > 0) {
            throw new DamagedImageException("takes longer to decode than the time limit allows");
        }
    }

    /** The whole file; not to be changed. */
    byte[] bytes() {
        return bytes;
    }

    int size() {
        return bytes.length;
    }

    /** The {@link System#nanoTime()} at which decoding is to be given up. */
    long deadline() {
        return deadline;
    }

    /** A stream over bytes derived from this file, under this file's time limit. */
    MemoryImageStream stream(byte[] content) {
        return new MemoryImageStream(content, deadline);
    }

    int u8(int at) throws EOFException {
        need(at, 1);
        return bytes[at] & 0xff;
    }

    int u16Big(int at) throws EOFException {
        return u8(at) << 8 | u8(at + 1);
    }

    int u16Little(int at) throws EOFException {
        return u8(at) | u8(at + 1) << 8;
    }

    int u16(int at, boolean big) throws EOFException {
        return big ? u16Big(at) : u16Little(at);
    }

    long u32(int at, boolean big) throws EOFException {
        return big ? u32Big(at) : u32Little(at);
    }

    int u24Little(int at) throws EOFException {
        return u16Little(at) | u8(at + 2) << 16;
    }

    long u32Big(int at) throws EOFException {
        return (long) u16Big(at) << 16 | u16Big(at + 2);
    }

    long u32Little(int at) throws EOFException {
        return u16Little(at) | (long) u16Little(at + 2) << 16;
    }

    /** Returns whether the bytes at {@code at} are these ASCII letters. */
    boolean matches(int at, String letters) {
        if (at < 0 || at > bytes.length - letters.length()) {
            return false;
        }
        for (int i = 0; i < letters.length(); i++) {
            if (bytes[at + i] != letters.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** Throws unless the file has {@code count} bytes at {@code at}. */
    void need(int at, long count) throws EOFException {
        if (at < 0 || count < 0 || at + count > bytes.length) {
            throw new EOFException();
        }
    }

    /** Throws unless an image of this size, as its header claims it, may be decoded. */
    void checkSize(long width, long height) throws DamagedImageException {
        if (width < 1 || height < 1) {
            throw new DamagedImageException("claims a size of %d×%d pixels".formatted(width, height));
        }
        // A side beyond 2^31 would wrap the product.
        if (width > Integer.MAX_VALUE || height > Integer.MAX_VALUE || width * height > options.maxPixels()) {
            throw VitrailException.of(
                    "%s claims %d×%d pixels, more than the limit of %d; scale it down, or raise the limit (--max-pixels"
                            + " N) if it is to be trusted.",
                    name, width, height, options.maxPixels());
        }
        if (width * height * 3 > Integer.MAX_VALUE - 8) {
            throw VitrailException.of(
                    "%s has %d×%d pixels, more than one array of %d bytes can hold; scale it down.",
                    name, width, height, Integer.MAX_VALUE);
        }
    }
}
