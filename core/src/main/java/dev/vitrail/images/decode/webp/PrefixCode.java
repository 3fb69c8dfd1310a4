package dev.vitrail.images.decode.webp;

import java.io.IOException;
import java.util.Arrays;

/**
 * A canonical prefix code (RFC 9649, 3.7.2): a table for the next eight bits at most, which names a symbol
 * or a second table.
 *
 * <p>A code of one symbol takes no bits.
 */
final class PrefixCode {
    private static final int MAX_LENGTH = 15;
    private static final int ROOT_BITS = 8;

    /** Marks an entry as a second table: its place in the upper bits, its bits in the lower. */
    private static final int LINK = 1 << 31;

    private static final int LENGTH_BITS = 4;
    private static final int LENGTH_MASK = (1 << LENGTH_BITS) - 1;

    private static final int LENGTH_CODES = 19;
    private static final int[] LENGTH_CODE_ORDER = {
        17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    };

    /** Symbols with their lengths, {@code symbol << 4 | length}, or links. */
    private final int[] table;

    private final int rootMask;
    private final int rootBits;

    private PrefixCode(int[] table, int rootBits) {
        this.table = table;
        this.rootBits = rootBits;
        this.rootMask = (1 << rootBits) - 1;
    }

    /** The next symbol; up to 15 bits of those that {@link BitReader#fill} has made sure of. */
    int symbol(BitReader bits) {
        int next = bits.peek();
        int entry = table[next & rootMask];
        if (entry < 0) {
            int within = (next >>> rootBits) & ((1 << (entry & LENGTH_MASK)) - 1);
            entry = table[((entry & ~LINK) >> LENGTH_BITS) + within];
        }
        bits.skip(entry & LENGTH_MASK);
        return entry >> LENGTH_BITS;
    }

    /** Returns whether it has one symbol, and takes no bits. */
    boolean isConstant() {
        return table.length == 1;
    }

    /** The symbol of a {@linkplain #isConstant() constant} code. */
    int constant() {
        return table[0] >> LENGTH_BITS;
    }

    /**
     * Reads a code.
     *
     * @param lengths room for the lengths of {@code symbols} symbols at least
     */
    static PrefixCode read(BitReader bits, int symbols, int[] lengths) throws IOException {
        Arrays.fill(lengths, 0, Math.max(symbols, PixelCodes.LITERALS), 0);
        if (bits.flag()) {
            boolean two = bits.flag();
            int first = bits.read(bits.flag() ? 8 : 1);
            lengths[first] = 1;
            if (two) {
                lengths[bits.read(8)] = 1;
            }
        } else {
            var ofLengths = new int[LENGTH_CODES];
            int count = 4 + bits.read(4);
            for (int i = 0; i < count; i++) {
                ofLengths[LENGTH_CODE_ORDER[i]] = bits.read(3);
            }
            readLengths(bits, of(ofLengths, LENGTH_CODES), symbols, lengths);
        }
        return of(lengths, symbols);
    }

    private static void readLengths(BitReader bits, PrefixCode code, int symbols, int[] lengths) throws IOException {
        int left = symbols;
        if (bits.flag()) {
            left = 2 + bits.read(2 + 2 * bits.read(3));
            if (left > symbols) {
                throw damaged();
            }
        }
        int previous = 8;
        for (int symbol = 0; symbol < symbols && left > 0; left--) {
            bits.fill();
            int length = code.symbol(bits);
            bits.check();
            if (length < 16) {
                lengths[symbol++] = length;
                previous = length == 0 ? previous : length;
                continue;
            }
            int repeat = length == 16 ? 3 + bits.read(2) : length == 17 ? 3 + bits.read(3) : 11 + bits.read(7);
            if (repeat > symbols - symbol) {
                throw damaged();
            }
            Arrays.fill(lengths, symbol, symbol + repeat, length == 16 ? previous : 0);
            symbol += repeat;
        }
    }

    /**
     * The canonical code of these lengths: it has to be complete, or of one symbol, whose length then does not matter.
     */
    private static PrefixCode of(int[] lengths, int symbols) throws WebpException {
        var counts = new int[MAX_LENGTH + 1];
        int last = -1;
        for (int i = 0; i < symbols; i++) {
            counts[lengths[i]]++;
            last = lengths[i] > 0 ? i : last;
        }
        int used = symbols - counts[0];
        if (used == 0) {
            throw damaged();
        }
        if (used == 1) {
            return new PrefixCode(new int[] {last << LENGTH_BITS}, 0);
        }
        var starts = new int[MAX_LENGTH + 2];
        int free = 1;
        int longest = 0;
        for (int length = 1; length <= MAX_LENGTH; length++) {
            free = 2 * free - counts[length];
            if (free < 0) {
                throw damaged();
            }
            starts[length + 1] = starts[length] + counts[length];
            longest = counts[length] > 0 ? length : longest;
        }
        if (free != 0) {
            throw damaged();
        }
        var sorted = new int[used];
        for (int i = 0; i < symbols; i++) {
            if (lengths[i] > 0) {
                sorted[starts[lengths[i]]++] = i;
            }
        }
        return new PrefixCode(table(sorted, counts, longest), Math.min(longest, ROOT_BITS));
    }

    private static int[] table(int[] sorted, int[] counts, int longest) {
        int rootBits = Math.min(longest, ROOT_BITS);
        int rootSize = 1 << rootBits;
        var table = new int[rootSize];
        int size = rootSize;
        int code = 0; // of the length at hand, its first bit highest
        int length = 0;
        int secondEnd = -1; // the code of the longest length at which the second table at hand ends
        int second = 0;
        int secondBits = 0;
        int left = 0;
        for (int i = 0; i < sorted.length; i++) {
            while (left == 0) {
                length++;
                code <<= 1;
                left = counts[length];
            }
            int entry = sorted[i] << LENGTH_BITS | length;
            if (length <= rootBits) {
                int first = Integer.reverse(code) >>> (32 - length);
                for (int at = first; at < rootSize; at += 1 << length) {
                    table[at] = entry;
                }
            } else {
                int aligned = code << (MAX_LENGTH - length);
                if (aligned >= secondEnd) {
                    // The first code with these root bits. Codes of its length fill the table, or it goes on with
                    // longer ones.
                    int root = code >> (length - rootBits);
                    secondBits = secondBits(counts, length, left, rootBits);
                    second = size;
                    size += 1 << secondBits;
                    if (size > table.length) {
                        table = Arrays.copyOf(table, Math.max(size, Math.min(2 * table.length, 1 << 11)));
                    }
                    table[Integer.reverse(root) >>> (32 - rootBits)] = LINK | second << LENGTH_BITS | secondBits;
                    secondEnd = (root + 1) << (MAX_LENGTH - rootBits);
                }
                int within = length - rootBits;
                int rest = code & ((1 << within) - 1);
                int first = Integer.reverse(rest) >>> (32 - within);
                for (int at = first; at < 1 << secondBits; at += 1 << within) {
                    table[second + at] = entry;
                }
            }
            code++;
            left--;
        }
        return table;
    }

    /**
     * Number of bits of the second table that begins with a code of this length, of which {@code left} are still to
     * come.
     */
    private static int secondBits(int[] counts, int length, int left, int rootBits) {
        int bits = length - rootBits;
        int open = (1 << bits) - left;
        int longer = length;
        while (open > 0 && longer < MAX_LENGTH) {
            longer++;
            bits++;
            open = 2 * open - counts[longer];
        }
        return bits;
    }

    private static WebpException damaged() {
        return new WebpException("has a prefix code that is not one");
    }
}
