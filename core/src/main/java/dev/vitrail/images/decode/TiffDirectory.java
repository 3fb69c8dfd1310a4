package dev.vitrail.images.decode;

import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The first directory of a TIFF file (TIFF 6.0, section 2) or of a BigTIFF file, whose offsets and counts
 * have eight bytes.
 *
 * <p>Only what is asked for is read, and never more values than the caller can use, whatever count the file claims.
 */
final class TiffDirectory {
    /** Bytes of each field type, by its number; 0 for those that are no numbers of ours. */
    private static final int[] SIZES = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};

    private static final int RATIONAL = 5;
    private static final int FLOAT = 11;

    /** Type and number of a tag's values, and their offset in the file. */
    private record Field(int type, long count, long at) {}

    private final EncodedImage file;
    private final boolean big;
    private final Map<Integer, Field> fields = new HashMap<>();

    private TiffDirectory(EncodedImage file, boolean big) {
        this.file = file;
        this.big = big;
    }

    /** Returns whether a file begins as TIFF or BigTIFF does. */
    static boolean begins(byte[] bytes) {
        if (bytes.length < 4) {
            return false;
        }
        boolean little = bytes[0] == 'I' && bytes[1] == 'I' && (bytes[2] == 42 || bytes[2] == 43) && bytes[3] == 0;
        return little || (bytes[0] == 'M' && bytes[1] == 'M' && bytes[2] == 0 && (bytes[3] == 42 || bytes[3] == 43));
    }

    static TiffDirectory parse(EncodedImage file) throws IOException {
        boolean big = file.u8(0) == 'M';
        boolean wide = file.u16(2, big) == 43;
        var directory = new TiffDirectory(file, big);
        int pointer = wide ? 8 : 4;
        if (wide && (file.u16(4, big) != 8 || file.u16(6, big) != 0)) {
            throw new DamagedImageException(
                    "is a BigTIFF file with offsets of %d bytes, where 8 are defined".formatted(file.u16(4, big)));
        }
        int at = directory.place(directory.unsigned(wide ? 8 : 4, pointer));
        long entries = wide ? directory.unsigned(at, 8) : file.u16(at, big);
        at += wide ? 8 : 2;
        int length = wide ? 20 : 12;
        if (entries < 0 || entries > file.size() / length) {
            throw new EOFException();
        }
        file.need(at, entries * length);
        for (int i = 0; i < entries; i++, at += length) {
            int type = file.u16(at + 2, big);
            long count = directory.unsigned(at + 4, pointer);
            int values = at + 4 + pointer;
            int size = type < SIZES.length ? SIZES[type] : 0;
            if (size == 0 || count < 1 || count > Integer.MAX_VALUE) {
                continue;
            }
            long where = size * count <= pointer ? values : directory.unsigned(values, pointer);
            directory.fields.putIfAbsent(file.u16(at, big), new Field(type, count, where));
        }
        return directory;
    }

    /** Returns whether numbers have their most significant byte first. */
    boolean bigEndian() {
        return big;
    }

    boolean has(int tag) {
        return fields.containsKey(tag);
    }

    /** Number of a tag's values; 0 without it. */
    long count(int tag) {
        var field = fields.get(tag);
        return field == null ? 0 : field.count;
    }

    /** A tag's initial value. */
    long value(int tag, long otherwise) throws IOException {
        return has(tag) ? values(tag, 1)[0] : otherwise;
    }

    /** A tag's initial values, {@code most} at most. */
    long[] values(int tag, int most) throws IOException {
        var field = fields.get(tag);
        if (field == null) {
            return new long[0];
        }
        int size = SIZES[field.type];
        int count = (int) Math.min(field.count, most);
        int at = place(field.at);
        file.need(at, (long) size * count);
        var values = new long[count];
        for (int i = 0; i < count; i++) {
            values[i] = unsigned(at + i * size, Math.min(size, field.type == RATIONAL ? 4 : 8));
        }
        return values;
    }

    /** A tag's rationals or floats; empty unless there are {@code count}. */
    Optional<float[]> reals(int tag, int count) throws IOException {
        var field = fields.get(tag);
        if (field == null || field.count < count || (field.type != RATIONAL && field.type != FLOAT)) {
            return Optional.empty();
        }
        int at = place(field.at);
        int size = SIZES[field.type];
        file.need(at, (long) size * count);
        var reals = new float[count];
        for (int i = 0; i < count; i++) {
            int here = at + i * size;
            reals[i] = field.type == FLOAT
                    ? Float.intBitsToFloat((int) file.u32(here, big))
                    : (float) (file.u32(here, big) / (double) Math.max(file.u32(here + 4, big), 1));
        }
        return Optional.of(reals);
    }

    /** A tag's bytes. */
    byte[] bytes(int tag) throws IOException {
        var field = fields.get(tag);
        if (field == null) {
            return new byte[0];
        }
        int at = place(field.at);
        file.need(at, field.count);
        return Arrays.copyOfRange(file.bytes(), at, at + (int) field.count);
    }

    private int place(long offset) throws EOFException {
        if (offset < 0 || offset >= file.size()) {
            throw new EOFException();
        }
        return (int) offset;
    }

    private long unsigned(int at, int bytes) throws EOFException {
        return switch (bytes) {
            case 1 -> file.u8(at);
            case 2 -> file.u16(at, big);
            case 4 -> file.u32(at, big);
            default ->
                big
                        ? file.u32(at, true) << 32 | file.u32(at + 4, true)
                        : file.u32(at + 4, false) << 32 | file.u32(at, false);
        };
    }
}
