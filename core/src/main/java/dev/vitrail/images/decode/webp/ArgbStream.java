package dev.vitrail.images.decode.webp;

import java.io.IOException;
import java.util.Arrays;

/**
 * The entropy-coded pixels of a lossless image, or of one that belongs to it (RFC 9649, 3.6 and 3.7).
 *
 * <p>No more of them are kept than a copy may reach back to, so that a header that claims much costs little memory
 * before the pixels come.
 */
final class ArgbStream {
    /**
     * Pixels that a copy reaches back: the longest distance is 2^20 less 120, and one in rows and columns is shorter.
     */
    private static final int REACH = 1 << 20;

    private static final int LONGEST_COPY = 4096;
    private static final int MAX_CACHE_BITS = 11;

    /** Pixels between two checks of the deadline. */
    private static final int PAUSE = 1 << 16;

    // spotless:off
    /** The nearest 120 pixels that are copied from: columns to the left and rows up of each (RFC 9649, 3.6.2.2). */
    private static final int[] NEAR = {
        0, 1, 1, 0, 1, 1, -1, 1, 0, 2, 2, 0, 1, 2, -1, 2, 2, 1, -2, 1, 2, 2, -2, 2,
        0, 3, 3, 0, 1, 3, -1, 3, 3, 1, -3, 1, 2, 3, -2, 3, 3, 2, -3, 2, 0, 4, 4, 0,
        1, 4, -1, 4, 4, 1, -4, 1, 3, 3, -3, 3, 2, 4, -2, 4, 4, 2, -4, 2, 0, 5, 3, 4,
        -3, 4, 4, 3, -4, 3, 5, 0, 1, 5, -1, 5, 5, 1, -5, 1, 2, 5, -2, 5, 5, 2, -5, 2,
        4, 4, -4, 4, 3, 5, -3, 5, 5, 3, -5, 3, 0, 6, 6, 0, 1, 6, -1, 6, 6, 1, -6, 1,
        2, 6, -2, 6, 6, 2, -6, 2, 4, 5, -4, 5, 5, 4, -5, 4, 3, 6, -3, 6, 6, 3, -6, 3,
        0, 7, 7, 0, 1, 7, -1, 7, 5, 5, -5, 5, 7, 1, -7, 1, 4, 6, -4, 6, 6, 4, -6, 4,
        2, 7, -2, 7, 7, 2, -7, 2, 3, 7, -3, 7, 7, 3, -7, 3, 5, 6, -5, 6, 6, 5, -6, 5,
        8, 0, 4, 7, -4, 7, 7, 4, -7, 4, 8, 1, 8, 2, 6, 6, -6, 6, 8, 3, 5, 7, -5, 7,
        7, 5, -7, 5, 8, 4, 6, 7, -6, 7, 7, 6, -7, 6, 8, 5, 7, 7, -7, 7, 8, 6, 8, 7,
    };
    // spotless:on

    private final BitReader bits;
    private final Deadline deadline;
    private final int width;
    private final long total;
    private final ArgbRows sink;

    private final int cacheBits;
    private final int[] cache;
    private final PixelCodes[] codes;

    /**
     * Index of each square's prefix codes, for squares with a side of {@code 2^squareBits} pixels; one square is
     * everything if there is no such image.
     */
    private final int[] squares;

    private final int squareBits;
    private final int squaresWide;

    /** The last pixels, from {@link #base} on. */
    private int[] pixels;

    private long base;

    /** Pixels that may still take no bits. */
    private long free;

    /** The rows that the sink has. */
    private int given;

    private ArgbStream(
            BitReader bits, int width, int height, boolean whole, long free, ArgbRows sink, Deadline deadline)
            throws IOException {
        this.free = free;
        this.bits = bits;
        this.deadline = deadline;
        this.width = width;
        this.total = (long) width * height;
        this.sink = sink;
        if (bits.flag()) {
            cacheBits = bits.read(4);
            if (cacheBits < 1 || cacheBits > MAX_CACHE_BITS) {
                throw new WebpException(
                        "has a colour cache of %d bits, where 1 to 11 are possible".formatted(cacheBits));
            }
        } else {
            cacheBits = 0;
        }
        int cacheSize = cacheBits == 0 ? 0 : 1 << cacheBits;
        cache = new int[cacheSize];
        int groups = 1;
        if (whole && bits.flag()) {
            squareBits = 2 + bits.read(3);
            squaresWide = parts(width, squareBits);
            squares = part(bits, squaresWide, parts(height, squareBits), deadline);
            for (int i = 0; i < squares.length; i++) {
                squares[i] = squares[i] >> 8 & 0xffff;
                groups = Math.max(groups, squares[i] + 1);
            }
        } else {
            squareBits = 31;
            squaresWide = 1;
            squares = new int[1];
        }
        codes = readCodes(groups, cacheSize);
        pixels = new int[(int) Math.min(total, 2L * REACH)];
    }

    /** Reads the codes; those that no square uses have to be sound as well, but are not kept. */
    private PixelCodes[] readCodes(int groups, int cacheSize) throws IOException {
        var used = new boolean[groups];
        for (int square : squares) {
            used[square] = true;
        }
        var read = new PixelCodes[groups];
        int[] lengths = PixelCodes.room(cacheSize);
        PixelCodes any = null;
        for (int i = 0; i < groups; i++) {
            if ((i & 0xff) == 0) {
                deadline.check();
            }
            var group = PixelCodes.read(bits, cacheSize, lengths);
            any = any == null ? group : any;
            read[i] = used[i] ? group : any;
        }
        return read;
    }

    /** Number of squares of {@code 2^bits} pixels along a side. */
    static int parts(int side, int bits) {
        return (side + (1 << bits) - 1) >> bits;
    }

    /**
     * Decodes an image whose pixels go to {@code sink}; {@code bits} stand behind the transforms.
     *
     * @param free pixels that may take no bits, as they do where all codes of a square have one symbol
     */
    static void whole(BitReader bits, int width, int height, long free, ArgbRows sink, Deadline deadline)
            throws IOException {
        new ArgbStream(bits, width, height, true, free, sink, deadline).decode();
    }

    /** Decodes an image that says something about another. */
    static int[] part(BitReader bits, int width, int height, Deadline deadline) throws IOException {
        var collected = new Collected(Math.multiplyExact(width, height), width);
        new ArgbStream(bits, width, height, false, Long.MAX_VALUE, collected, deadline).decode();
        return collected.pixels;
    }

    /** All pixels, in an array that is made when the first of them have come. */
    private static final class Collected implements ArgbRows {
        private final int count;
        private final int width;
        private int done;
        int[] pixels = {};

        Collected(int count, int width) {
            this.count = count;
            this.width = width;
        }

        @Override
        public void take(int[] from, int at, int rows) {
            if (pixels.length == 0) {
                pixels = new int[count];
            }
            System.arraycopy(from, at, pixels, done, rows * width);
            done += rows * width;
        }
    }

    private void decode() throws IOException {
        if (squareBits == 31 && codes[0].isConstant && total > free) {
            throw tooMany(); // before there is memory for them
        }
        long end = total;
        long pause = 0;
        long next = 0;
        while (next < end) {
            if (next >= pause) {
                deadline.check();
                pause = next + PAUSE;
            }
            if (next - base > pixels.length - LONGEST_COPY && base + pixels.length < end) {
                slide(next);
            }
            long stop = Math.min(Math.min(end, pause), base + pixels.length);
            next = run(next, stop);
        }
        bits.check();
        give(end);
    }

    /**
     * Decodes pixels until {@code stop} is reached, or room runs short, by a copy beyond it if need be;
     * where it got to.
     */
    private long run(long from, long stop) throws IOException {
        int[] target = pixels;
        int at = (int) (from - base);
        int until = (int) (stop - base);
        if (base + target.length < total) {
            until = Math.min(until, target.length - LONGEST_COPY + 1);
        }
        int column = (int) (from % width);
        int row = (int) (from / width);
        int squareMask = squareBits == 31 ? -1 : (1 << squareBits) - 1;
        var group = group(column, row);
        while (at < until) {
            if ((column & squareMask) == 0) {
                group = group(column, row);
            }
            if (group.isConstant) {
                int most = squareBits == 31 ? until - at : Math.min(width, (column | squareMask) + 1) - column;
                int count = Math.min(most, until - at);
                free -= count;
                if (free < 0) {
                    throw tooMany();
                }
                Arrays.fill(target, at, at + count, group.constant);
                remember(group.constant);
                at += count;
                column += count;
                if (column >= width) {
                    row += column / width;
                    column %= width;
                }
                continue;
            }
            bits.fill();
            int symbol = group.green.symbol(bits);
            int count = 1;
            if (symbol < PixelCodes.LITERALS) {
                int red = group.red.symbol(bits);
                bits.fill();
                int blue = group.blue.symbol(bits);
                int pixel = group.alpha.symbol(bits) << 24 | red << 16 | symbol << 8 | blue;
                target[at] = pixel;
                remember(pixel);
            } else if (symbol >= PixelCodes.CACHED) {
                int pixel = cache[symbol - PixelCodes.CACHED];
                target[at] = pixel;
                remember(pixel);
            } else {
                count = number(symbol - PixelCodes.LITERALS);
                bits.fill();
                int code = group.distance.symbol(bits);
                bits.fill();
                int distance = distance(number(code));
                bits.check();
                copy(target, at, distance, count);
            }
            at += count;
            column += count;
            if (column >= width) {
                row += column / width;
                column %= width;
            }
            if (count > 1 && (column & squareMask) != 0) {
                group = group(column, row);
            }
        }
        return base + at;
    }

    private WebpException tooMany() {
        return new WebpException(
                "claims %d pixels, which are too many to be predicted from its few bytes".formatted(total));
    }

    private PixelCodes group(int column, int row) {
        if (squareBits == 31) {
            return codes[0];
        }
        // A copy may end exactly at the end of the image.
        int square = (row >> squareBits) * squaresWide + (column >> squareBits);
        return square < squares.length ? codes[squares[square]] : codes[0];
    }

    private void copy(int[] target, int at, int distance, int count) throws WebpException {
        if (distance > base + at || count > total - base - at) {
            throw new WebpException("copies pixels that are not there");
        }
        for (int i = at; i < at + count; i++) {
            int pixel = target[i - distance];
            target[i] = pixel;
            remember(pixel);
        }
    }

    private void remember(int pixel) {
        if (cacheBits > 0) {
            cache[pixel * 0x1e35a7bd >>> (32 - cacheBits)] = pixel;
        }
    }

    /** The number for which a prefix stands, with bits of its own; up to 18 of those that are sure. */
    private int number(int prefix) {
        if (prefix < 4) {
            return prefix + 1;
        }
        int extra = (prefix - 2) >> 1;
        return ((2 + (prefix & 1)) << extra) + bits.take(extra) + 1;
    }

    private int distance(int code) {
        if (2 * code > NEAR.length) {
            return code - NEAR.length / 2;
        }
        return Math.max(1, NEAR[2 * code - 1] * width + NEAR[2 * code - 2]);
    }

    /** Gives the rows that are complete to the sink, and keeps what a copy may still want. */
    private void slide(long next) throws IOException {
        give(next);
        long keep = Math.min((long) given * width, next - REACH);
        if (keep > base) {
            System.arraycopy(pixels, (int) (keep - base), pixels, 0, (int) (next - keep));
            base = keep;
        }
    }

    private void give(long next) throws IOException {
        int complete = (int) (next / width);
        if (complete > given) {
            sink.take(pixels, (int) ((long) given * width - base), complete - given);
            given = complete;
        }
    }
}
