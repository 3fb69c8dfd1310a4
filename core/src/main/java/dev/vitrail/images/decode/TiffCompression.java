package dev.vitrail.images.decode;

import io.airlift.compress.zstd.ZstdDecompressor;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.tukaani.xz.MemoryLimitException;
import org.tukaani.xz.XZInputStream;

/** Compression of a strip or tile of a TIFF file, by the number in its tag 259. */
enum TiffCompression {
    NONE(1, 1),
    CCITT_RLE(2, 0),
    CCITT_GROUP_3(3, 0),
    CCITT_GROUP_4(4, 0),
    LZW(5, 4096),
    JPEG(7, 0),
    DEFLATE(8, 1032),
    OLD_DEFLATE(32946, 1032),
    PACK_BITS(32773, 64),
    LZMA(34925, 8192),
    ZSTD(50000, 32768),
    WEBP(50001, 0);

    /** Compressions that are known and not read. */
    private static final Map<Integer, String> OTHERS = Map.ofEntries(
            Map.entry(6, "old-style JPEG (compression 6)"),
            Map.entry(9, "JBIG"),
            Map.entry(10, "JBIG"),
            Map.entry(99, "old-style JPEG (compression 99)"),
            Map.entry(262, "Kodak's 262"),
            Map.entry(32766, "NeXT's run lengths"),
            Map.entry(32767, "Sony's ARW"),
            Map.entry(32769, "packed raw samples"),
            Map.entry(32770, "Samsung's SRW"),
            Map.entry(32771, "CCITT run lengths on words"),
            Map.entry(32809, "ThunderScan"),
            Map.entry(32895, "IT8"),
            Map.entry(32908, "PixarFilm"),
            Map.entry(32909, "PixarLog"),
            Map.entry(32947, "Kodak's DCS"),
            Map.entry(33003, "JPEG 2000"),
            Map.entry(33004, "JPEG 2000"),
            Map.entry(33005, "JPEG 2000"),
            Map.entry(34661, "JBIG"),
            Map.entry(34676, "SGILog"),
            Map.entry(34677, "SGILog"),
            Map.entry(34712, "JPEG 2000"),
            Map.entry(34713, "Nikon's NEF"),
            Map.entry(34715, "JBIG 2"),
            Map.entry(34887, "LERC"),
            Map.entry(34892, "lossy JPEG of DNG"),
            Map.entry(50002, "JPEG XL"),
            Map.entry(52546, "JPEG XL"),
            Map.entry(65000, "Kodak's DCR"),
            Map.entry(65535, "Pentax's PEF"));

    /** The most that an LZMA dictionary may take: what its strongest usual setting needs, KiB. */
    private static final int LZMA_MEMORY = 32 << 10;

    /** A window as Zstandard's frames describe it: an exponent above 10, and eighths. */
    private static final byte EIGHT_MEBIBYTES = 13 << 3;

    private static final int CLEAR = 256;
    private static final int END = 257;
    private static final int LARGEST_TABLE = 4096;

    private final int number;
    private final int bestRatio;

    TiffCompression(int number, int bestRatio) {
        this.number = number;
        this.bestRatio = bestRatio;
    }

    /** The compression with this number. */
    static TiffCompression of(long number) throws UnsupportedFeatureException {
        for (var known : values()) {
            if (known.number == number) {
                return known;
            }
        }
        var name = Optional.ofNullable(OTHERS.get((int) Math.min(number, Integer.MAX_VALUE)));
        throw new UnsupportedFeatureException(name.map(known -> "compression by " + known)
                .orElse("the unknown compression")
                .concat(" (%d)".formatted(number)));
    }

    int number() {
        return number;
    }

    /** Returns whether horizontal differences may have been taken before. */
    boolean mayDiffer() {
        return this == LZW || this == DEFLATE || this == OLD_DEFLATE || this == LZMA || this == ZSTD;
    }

    /** Throws if so few bytes cannot become so many, before memory is taken for those. */
    void checkRatio(long compressed, long wanted) throws EOFException {
        if (bestRatio > 0 && wanted > bestRatio * (compressed + 1)) {
            throw new EOFException();
        }
    }

    /**
     * Expands one strip or tile, of the compressions that know bytes alone.
     *
     * @param wanted how many bytes it has at least; what comes after is not looked at
     */
    byte[] expand(EncodedImage file, byte[] data, int wanted) throws IOException {
        checkRatio(data.length, wanted);
        return switch (this) {
            case NONE -> Arrays.copyOf(data, requireAll(data.length, wanted));
            case PACK_BITS -> packBits(data, wanted);
            case LZW -> lzw(file, data, wanted);
            case DEFLATE, OLD_DEFLATE -> inflate(file, data, wanted);
            case ZSTD -> zstd(data, wanted);
            case LZMA -> lzma(file, data, wanted);
            default -> throw new IllegalStateException("%s is expanded elsewhere".formatted(this));
        };
    }

    private static int requireAll(int found, int wanted) throws EOFException {
        if (found < wanted) {
            throw new EOFException();
        }
        return wanted;
    }

    /** TIFF 6.0, section 9. */
    private static byte[] packBits(byte[] data, int wanted) throws EOFException {
        var out = new byte[wanted];
        int to = 0;
        for (int at = 0; to < wanted; ) {
            if (at >= data.length) {
                throw new EOFException();
            }
            int count = data[at++];
            if (count >= 0) {
                int length = Math.min(count + 1, wanted - to);
                requireAll(data.length - at, length);
                System.arraycopy(data, at, out, to, length);
                at += count + 1;
                to += length;
            } else if (count != -128) {
                requireAll(data.length - at, 1);
                int length = Math.min(1 - count, wanted - to);
                Arrays.fill(out, to, to + length, data[at++]);
                to += length;
            }
        }
        return out;
    }

    /**
     * TIFF 6.0, section 13; files of the time before it have their bits from the least significant on, and widen
     * codes one later.
     */
    private static byte[] lzw(EncodedImage file, byte[] data, int wanted) throws IOException {
        boolean old = data.length > 1 && data[0] == 0 && (data[1] & 1) != 0;
        var out = new byte[wanted];
        // A string is where it was first written: its start in the output and its length.
        var starts = new int[LARGEST_TABLE + 1];
        var lengths = new int[LARGEST_TABLE + 1];
        int to = 0;
        int next = END + 1;
        int previous = -1; // the code before; none after a clear
        int previousStart = 0;
        int previousLength = 0;
        int codes = 0;
        for (long bit = 0; to < wanted; ) {
            int width = width(next + (old ? 0 : 1));
            if (bit + width > 8L * data.length) {
                throw new EOFException();
            }
            int code = code(data, bit, width, old);
            bit += width;
            if ((++codes & 0xffff) == 0) {
                file.checkTime();
            }
            if (code == END) {
                throw new EOFException();
            }
            if (code == CLEAR) {
                next = END + 1;
                previous = -1;
                continue;
            }
            int start = to;
            int length = 1;
            if (code < CLEAR) {
                out[to++] = (byte) code;
            } else if (previous >= 0 && code <= next) {
                int from = code == next ? previousStart : starts[code];
                length = code == next ? previousLength + 1 : lengths[code];
                for (int i = 0; i < length && to < wanted; i++) {
                    out[to++] = out[from + i]; // it may run into itself
                }
            } else {
                throw new DamagedImageException("has an LZW code that stands for nothing");
            }
            if (previous >= 0 && next < LARGEST_TABLE) {
                starts[next] = previousStart;
                lengths[next] = previousLength + 1;
                next++;
            }
            previous = code;
            previousStart = start;
            previousLength = length;
        }
        return out;
    }

    private static int width(int largest) {
        return largest > 2047 ? 12 : largest > 1023 ? 11 : largest > 511 ? 10 : 9;
    }

    private static int code(byte[] data, long bit, int width, boolean leastFirst) {
        int at = (int) (bit >> 3);
        int skipped = (int) (bit & 7);
        int first = data[at] & 0xff;
        int second = at + 1 < data.length ? data[at + 1] & 0xff : 0;
        int third = at + 2 < data.length ? data[at + 2] & 0xff : 0;
        int mask = (1 << width) - 1;
        return leastFirst
                ? (first | second << 8 | third << 16) >> skipped & mask
                : (first << 16 | second << 8 | third) >> (24 - skipped - width) & mask;
    }

    private static byte[] inflate(EncodedImage file, byte[] data, int wanted) throws IOException {
        var out = new byte[wanted];
        var inflater = new Inflater();
        try {
            inflater.setInput(data);
            for (int to = 0; to < wanted; ) {
                file.checkTime();
                int count = inflater.inflate(out, to, Math.min(wanted - to, 1 << 20));
                if (count == 0) {
                    throw new EOFException();
                }
                to += count;
            }
            return out;
        } catch (DataFormatException e) {
            throw new DamagedImageException("has deflated data that are damaged (%s)".formatted(e.getMessage()));
        } finally {
            inflater.end();
        }
    }

    /**
     * RFC 8878; the strongest settings ask for windows of up to 128 MiB, which cost nothing where all is expanded
     * into one array.
     */
    private static byte[] zstd(byte[] data, int wanted) throws IOException {
        boolean hasWindow = data.length > 5 && (data[4] & 0x20) == 0;
        if (hasWindow && (data[5] & 0xff) > EIGHT_MEBIBYTES) {
            data[5] = EIGHT_MEBIBYTES;
        }
        long size = ZstdDecompressor.getDecompressedSize(data, 0, data.length);
        // A frame may be a little longer than what is wanted of it, and need not say its length.
        int room = (int) Math.min(Math.max(size, wanted), wanted + 4096L);
        var out = new byte[room];
        int count = new ZstdDecompressor().decompress(data, 0, data.length, out, 0, room);
        requireAll(count, wanted);
        return room == wanted ? out : Arrays.copyOf(out, wanted);
    }

    private static byte[] lzma(EncodedImage file, byte[] data, int wanted) throws IOException {
        var out = new byte[wanted];
        try (var in = new XZInputStream(new ByteArrayInputStream(data), LZMA_MEMORY)) {
            for (int to = 0; to < wanted; ) {
                file.checkTime();
                int count = in.read(out, to, Math.min(wanted - to, 1 << 20));
                if (count < 0) {
                    throw new EOFException();
                }
                to += count;
            }
        } catch (MemoryLimitException e) {
            throw new UnsupportedFeatureException("an LZMA dictionary that takes %,d KiB, of which %,d are allowed"
                    .formatted(e.getMemoryNeeded(), LZMA_MEMORY));
        }
        return out;
    }
}
