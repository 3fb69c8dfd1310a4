package dev.vitrail.images.decode.webp;

import java.io.EOFException;

/**
 * The up to four kinds of macroblocks that a frame tells apart, each with its quantizer and filter
 * level (RFC 6386, 9.3).
 */
final class Segments {
    static final int COUNT = 4;

    private final boolean used;
    private final boolean mapped;
    private final boolean absolute;
    private final int[] quantizers = new int[COUNT];
    private final int[] filterLevels = new int[COUNT];
    private final int[] tree = {255, 255, 255};

    private Segments(BooleanDecoder header) throws EOFException {
        used = header.flag();
        mapped = used && header.flag();
        boolean described = used && header.flag();
        absolute = !described || header.flag();
        if (described) {
            for (int i = 0; i < COUNT; i++) {
                quantizers[i] = header.optional(7);
            }
            for (int i = 0; i < COUNT; i++) {
                filterLevels[i] = header.optional(6);
            }
        }
        if (mapped) {
            for (int i = 0; i < tree.length; i++) {
                tree[i] = header.flag() ? header.literal(8) : 255;
            }
        }
    }

    static Segments read(BooleanDecoder header) throws EOFException {
        return new Segments(header);
    }

    /** A macroblock's segment. */
    int segment(BooleanDecoder modes) throws EOFException {
        if (!mapped) {
            return 0;
        }
        return modes.bit(tree[0]) == 0 ? modes.bit(tree[1]) : 2 + modes.bit(tree[2]);
    }

    /** The index of a segment's quantizer, where the frame's is {@code base}. */
    int quantizer(int segment, int base) {
        return used ? quantizers[segment] + (absolute ? 0 : base) : base;
    }

    /** The filter level of a segment, where the frame's is {@code base}. */
    int filterLevel(int segment, int base) {
        return used ? filterLevels[segment] + (absolute ? 0 : base) : base;
    }
}
