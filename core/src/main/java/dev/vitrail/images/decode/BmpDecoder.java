package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;

/**
 * BMP of Windows and OS/2, as Pillow reads it: 1, 4, 8, 16, 24 and 32 bits a pixel, bit fields, run-length coded images
 * of 4 and 8 bits, rows from the bottom or from the top, and files that lack the file header (DIB). Bit fields other
 * than Pillow's are scaled alike.
 *
 * <p>The layout is that of Microsoft's {@code BITMAPINFOHEADER} and its larger forms. A field of n bits becomes
 * {@code v · 255 / (2ⁿ − 1)}, rounded down.
 */
final class BmpDecoder {
    private static final int FILE_HEADER = 14;
    private static final int OLD_HEADER = 12;
    private static final int[] HEADERS = {OLD_HEADER, 40, 52, 56, 64, 108, 124};
    private static final int MOST_COLORS = 256;

    private static final int RAW = 0;
    private static final int RLE8 = 1;
    private static final int RLE4 = 2;

    /** Pixels that a run-length coded image may have whatever its bytes are, as leaps cost next to nothing. */
    private static final long UNJUSTIFIED = 1 << 24;

    private static final int FIELDS = 3;

    private final EncodedImage file;
    private final int header;
    private final int width;
    private final int height;
    private final boolean fromTop;
    private final int depth;
    private final long compression;
    private final int pixels;
    private final int colors;

    private BmpDecoder(EncodedImage file) throws IOException {
        this.file = file;
        header = file.matches(0, "BM") ? FILE_HEADER : 0;
        long size = file.u32Little(header);
        if (Arrays.stream(HEADERS).noneMatch(known -> known == size)) {
            throw new DamagedImageException(
                    "has a header of %d bytes, where 12, 40, 52, 56, 64, 108 or 124 are known".formatted(size));
        }
        boolean old = size == OLD_HEADER; // its sizes have two bytes, its colours three
        long high = old ? file.u16Little(header + 6) : file.u32Little(header + 8);
        fromTop = !old && high >> 24 == 0xff;
        long wide = old ? file.u16Little(header + 4) : file.u32Little(header + 4);
        high = fromTop ? (1L << 32) - high : high;
        file.checkSize(wide, high);
        width = (int) wide;
        height = (int) high;
        depth = file.u16Little(header + (old ? 10 : 14));
        compression = old ? RAW : file.u32Little(header + 16);
        int afterHeader = header + (int) size;
        long counted = old ? 0 : file.u32Little(header + 32);
        long count = depth > 8 ? 0 : counted == 0 ? 1L << depth : counted;
        if (count > MOST_COLORS) {
            throw new DamagedImageException("has a palette of %d colours, where %d are the most that a byte names"
                    .formatted(count, MOST_COLORS));
        }
        colors = (int) count;
        long at = header == 0 ? 0 : file.u32Little(10);
        int colorBytes = old ? 3 : 4;
        boolean masksFollow = compression == FIELDS && size == 40;
        // Some programs let the pixels begin where the palette does.
        if (at == afterHeader && depth <= 8 && depth > 0) {
            at += (long) colorBytes * colors;
        } else if (at == 0) {
            at = afterHeader + (long) colorBytes * colors + (masksFollow ? 12 : 0);
        }
        pixels = (int) Math.min(at, Integer.MAX_VALUE);
        file.need(pixels, 0);
    }

    /** Returns whether a file begins with the header that follows a BMP's file header, as files of the clipboard do. */
    static boolean isHeader(byte[] bytes) {
        if (bytes.length < 16 || bytes[1] != 0 || bytes[2] != 0 || bytes[3] != 0) {
            return false;
        }
        int size = bytes[0];
        int planes = size == OLD_HEADER ? 8 : 12;
        int depth = bytes[planes + 2];
        return Arrays.stream(HEADERS).anyMatch(known -> known == size)
                && bytes[planes] == 1
                && bytes[planes + 1] == 0
                && (depth == 1 || depth == 4 || depth == 8 || depth == 16 || depth == 24 || depth == 32)
                && bytes[planes + 3] == 0;
    }

    static RgbImage decode(EncodedImage file) throws IOException {
        var bmp = new BmpDecoder(file);
        return new RgbImage(bmp.width, bmp.height, bmp.pixels());
    }

    private byte[] pixels() throws IOException {
        if (compression == RLE8 || compression == RLE4) {
            return painted(runs());
        }
        if (compression != RAW && compression != FIELDS) {
            throw new DamagedImageException(
                    "has the compression %d, of which only 0 to 3 are read".formatted(compression));
        }
        if (depth == 1 || depth == 4 || depth == 8) {
            if (compression == FIELDS) {
                throw new DamagedImageException(
                        "has bit fields in pixels of %d bits, where 16, 24 and 32 are read".formatted(depth));
            }
            long stride = checkedStride();
            return painted(indices(stride));
        }
        if (depth != 16 && depth != 24 && depth != 32) {
            throw new DamagedImageException(
                    "has %d bits a pixel, where 1, 4, 8, 16, 24 and 32 are read".formatted(depth));
        }
        var fields = compression == FIELDS ? fields() : Fields.usual(depth);
        return rows(fields, checkedStride());
    }

    /** Bytes from row to row, after a look whether all rows are there; the last row's padding may be missing. */
    private long checkedStride() throws EOFException {
        long stride = ((long) width * depth + 31) / 32 * 4;
        file.need(pixels, stride * (height - 1) + ((long) width * depth + 7) / 8);
        return stride;
    }

    private int row(int y) {
        return fromTop ? y : height - 1 - y;
    }

    private byte[] indices(long stride) throws IOException {
        var indices = new byte[width * height];
        int mask = (1 << depth) - 1;
        byte[] bytes = file.bytes();
        for (int y = 0; y < height; y++) {
            file.checkTime();
            long from = pixels + stride * y;
            int to = row(y) * width;
            for (int x = 0; x < width; x++) {
                long bit = (long) x * depth;
                int shift = 8 - depth - (int) (bit & 7);
                indices[to + x] = (byte) (bytes[(int) (from + (bit >> 3))] >> shift & mask);
            }
        }
        return indices;
    }

    /** The palette's colours in place of indices; an index beyond it is black, as in Pillow. */
    private byte[] painted(byte[] indices) throws IOException {
        int each = file.u32Little(header) == OLD_HEADER ? 3 : 4;
        int palette = header + (int) file.u32Little(header);
        file.need(palette, (long) each * colors);
        var rgb = new byte[Math.multiplyExact(3, indices.length)];
        for (int i = 0, to = 0; i < indices.length; i++, to += 3) {
            int index = indices[i] & 0xff;
            if (index < colors) {
                int from = palette + each * index;
                rgb[to] = file.bytes()[from + 2];
                rgb[to + 1] = file.bytes()[from + 1];
                rgb[to + 2] = file.bytes()[from];
            }
        }
        return rgb;
    }

    /**
     * Run-length coded indices: a count and a value; or zero and the end of a row (0), the end of the image (1), a leap
     * (2) or a count of values that follow as they are, padded to two bytes. What a leap passes over is of colour 0.
     */
    private byte[] runs() throws IOException {
        int nibbles = compression == RLE4 ? 2 : 1;
        if (depth != 8 / nibbles) {
            throw new DamagedImageException("is run-length coded with %d bits a pixel, where compression %d has %d"
                    .formatted(depth, compression, 8 / nibbles));
        }
        long all = (long) width * height;
        // Two bytes are at most 255 pixels, a leap's four 255 rows, and the end of a row's two a row.
        if (all > (file.size() - (long) pixels) / 2 * Math.max(255, 64L * width + 64)) {
            throw new EOFException();
        }
        if (all > UNJUSTIFIED + (file.size() - (long) pixels) / 2 * 255) {
            throw new DamagedImageException(
                    "says that it has %,d pixels, and its %,d bytes are too few for them".formatted(all, file.size()));
        }
        var indices = new byte[width * height];
        long done = 0; // counted in the file's order of rows
        int x = 0;
        int at = pixels;
        while (done < all) {
            int count = file.u8(at);
            int value = file.u8(at + 1);
            at += 2;
            if (count > 0) {
                int kept = Math.min(count, Math.max(width - x, 0));
                for (int i = 0; i < kept && done < all; i++, done++) {
                    put(indices, done, nibbles == 1 ? value : i % 2 == 0 ? value >> 4 : value & 15);
                }
                x += kept;
            } else if (value == 0) {
                done = (done + width - 1) / width * width;
                x = 0;
            } else if (value == 1) {
                break;
            } else if (value == 2) {
                done += file.u8(at) + (long) file.u8(at + 1) * width;
                x = (int) (done % width);
                at += 2;
            } else {
                int length = (value + nibbles - 1) / nibbles;
                file.need(at, length);
                for (int i = 0; i < value && done < all; i++, done++) {
                    int pair = file.u8(at + i / nibbles);
                    put(indices, done, nibbles == 1 ? pair : i % 2 == 0 ? pair >> 4 : pair & 15);
                }
                x += value;
                at += length + (length & 1);
            }
        }
        if (done < all) {
            throw new DamagedImageException(
                    "ends its run-length coded pixels after %d of %d, and what the others are is not said"
                            .formatted(done, all));
        }
        return indices;
    }

    private void put(byte[] indices, long place, int value) {
        int y = (int) (place / width);
        indices[row(y) * width + (int) (place % width)] = (byte) value;
    }

    /** The bit fields that the file names. */
    private Fields fields() throws IOException {
        int at = header + 40; // within a larger header, and after one of 40 bytes
        long red = file.u32Little(at);
        long green = file.u32Little(at + 4);
        long blue = file.u32Little(at + 8);
        if ((red | green | blue) == 0) {
            return Fields.usual(depth);
        }
        var fields = new Fields(Field.of(red), Field.of(green), Field.of(blue));
        if (!Field.isWhole(red) || !Field.isWhole(green) || !Field.isWhole(blue)) {
            throw new UnsupportedFeatureException("bit fields with gaps (%x, %x and %x)".formatted(red, green, blue));
        }
        return fields;
    }

    private byte[] rows(Fields fields, long stride) throws IOException {
        var rgb = new byte[Math.multiplyExact(3, width * height)];
        byte[] bytes = file.bytes();
        int step = depth / 8;
        for (int y = 0; y < height; y++) {
            file.checkTime();
            int from = (int) (pixels + stride * y);
            int to = 3 * row(y) * width;
            for (int x = 0; x < width; x++, from += step, to += 3) {
                long pixel = (bytes[from] & 0xff) | (bytes[from + 1] & 0xff) << 8;
                pixel |= step > 2 ? (bytes[from + 2] & 0xff) << 16 : 0;
                pixel |= step > 3 ? (bytes[from + 3] & 0xffL) << 24 : 0;
                rgb[to] = fields.red.level(pixel);
                rgb[to + 1] = fields.green.level(pixel);
                rgb[to + 2] = fields.blue.level(pixel);
            }
        }
        return rgb;
    }

    /** Bits of a pixel that are one colour; without any, there is none of it. */
    private record Field(int shift, long most) {
        static Field of(long mask) {
            int shift = mask == 0 ? 0 : Long.numberOfTrailingZeros(mask);
            return new Field(shift, mask >> shift);
        }

        static boolean isWhole(long mask) {
            long most = of(mask).most;
            return (most & (most + 1)) == 0;
        }

        byte level(long pixel) {
            return (byte) (most == 0 ? 0 : (pixel >> shift & most) * 255 / most);
        }
    }

    private record Fields(Field red, Field green, Field blue) {
        static Fields usual(int depth) {
            return depth == 16
                    ? new Fields(Field.of(0x7c00), Field.of(0x3e0), Field.of(0x1f))
                    : new Fields(Field.of(0xff0000), Field.of(0xff00), Field.of(0xff));
        }
    }
}
