package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.util.Arrays;

/** The coefficients of macroblocks (RFC 6386, 13 and 14), read and multiplied out one macroblock after another. */
final class Coefficients {
    /** A block to which nothing is to be added. */
    static final byte NOTHING = 0;

    /** One of which only the first coefficient is not 0. */
    static final byte CONSTANT = 1;

    /** Any other. */
    static final byte FULL = 2;

    private static final int BLOCKS = 24;

    private static final int LUMA_AFTER_Y2 = 0;
    private static final int Y2 = 1;
    private static final int CHROMA = 2;
    private static final int LUMA = 3;

    private static final int CONTEXT = 11;
    private static final int BAND = 3 * CONTEXT;
    private static final int TYPE = 8 * BAND;

    private static final int[] ZIGZAG = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};

    /** The band of each position, and one for the position after the last, of which nothing is read. */
    private static final int[] BANDS = {0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0};

    private static final int[][] LARGE = {
        {173, 148, 140},
        {176, 155, 140, 135},
        {180, 157, 141, 134, 130},
        {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129},
    };

    private final int[] probabilities;

    /**
     * True if the blocks above had coefficients: nine flags for each column of macroblocks, four luma, twice two
     * chroma, one Y2.
     */
    private final boolean[] above;

    private final boolean[] left = new boolean[9];
    private final short[] y2 = new short[16];

    /** Sixteen coefficients for each of sixteen luma, four U and four V blocks. */
    final short[] values = new short[16 * BLOCKS];

    /** Kind of each block: {@link #NOTHING}, {@link #CONSTANT} or {@link #FULL}. */
    final byte[] kinds = new byte[BLOCKS];

    Coefficients(FrameHeader header) {
        probabilities = header.probabilities;
        above = new boolean[9 * header.columns()];
    }

    /** Begins a row of macroblocks. */
    void beginRow() {
        Arrays.fill(left, false);
    }

    /** Takes the row's next macroblock for one without coefficients. */
    void skip(int column, boolean inBlocks) {
        Arrays.fill(kinds, NOTHING);
        // A macroblock without Y2 leaves what is known of that of its neighbours as it is.
        int count = inBlocks ? 8 : 9;
        Arrays.fill(above, 9 * column, 9 * column + count, false);
        Arrays.fill(left, 0, count, false);
    }

    /** Reads the coefficients of the row's next macroblock; whether any is not 0. */
    boolean read(BooleanDecoder tokens, int column, boolean inBlocks, Quantizer quantizer) throws EOFException {
        Arrays.fill(values, (short) 0);
        int up = 9 * column;
        int first = 0;
        int type = LUMA;
        if (!inBlocks) {
            readY2(tokens, up, quantizer);
            first = 1;
            type = LUMA_AFTER_Y2;
        }
        boolean any = false;
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 4; x++) {
                int block = 4 * y + x;
                int context = (left[y] ? 1 : 0) + (above[up + x] ? 1 : 0);
                int end =
                        block(tokens, type, context, first, quantizer.lumaDc(), quantizer.lumaAc(), values, 16 * block);
                left[y] = end > first;
                above[up + x] = end > first;
                any |= note(block, end);
            }
        }
        for (int plane = 0; plane < 2; plane++) {
            for (int y = 0; y < 2; y++) {
                for (int x = 0; x < 2; x++) {
                    int block = 16 + 4 * plane + 2 * y + x;
                    int beside = 4 + 2 * plane + y;
                    int over = up + 4 + 2 * plane + x;
                    int context = (left[beside] ? 1 : 0) + (above[over] ? 1 : 0);
                    int end = block(
                            tokens, CHROMA, context, 0, quantizer.chromaDc(), quantizer.chromaAc(), values, 16 * block);
                    left[beside] = end > 0;
                    above[over] = end > 0;
                    any |= note(block, end);
                }
            }
        }
        return any;
    }

    private boolean note(int block, int end) {
        byte kind = end > 1 ? FULL : values[16 * block] != 0 ? CONSTANT : NOTHING;
        kinds[block] = kind;
        return kind != NOTHING;
    }

    private void readY2(BooleanDecoder tokens, int up, Quantizer quantizer) throws EOFException {
        Arrays.fill(y2, (short) 0);
        int context = (left[8] ? 1 : 0) + (above[up + 8] ? 1 : 0);
        int end = block(tokens, Y2, context, 0, quantizer.y2Dc(), quantizer.y2Ac(), y2, 0);
        left[8] = end > 0;
        above[up + 8] = end > 0;
        InverseTransforms.walshHadamard(y2, values);
    }

    /**
     * Reads a block.
     *
     * @param first the position of its first coefficient
     * @param dc what that at position 0 is multiplied by
     * @param ac what the others are multiplied by
     * @return the position after the last that was read
     */
    private int block(
            BooleanDecoder tokens, int type, int context, int first, int dc, int ac, short[] target, int offset)
            throws EOFException {
        int[] table = probabilities;
        int base = type * TYPE;
        int row = base + BANDS[first] * BAND + context * CONTEXT;
        int at = first;
        while (at < 16) {
            if (tokens.bit(table[row]) == 0) {
                return at;
            }
            while (tokens.bit(table[row + 1]) == 0) {
                at++;
                if (at == 16) {
                    return 16;
                }
                row = base + BANDS[at] * BAND;
            }
            int value = 1;
            int next = base + BANDS[at + 1] * BAND;
            if (tokens.bit(table[row + 2]) == 0) {
                row = next + CONTEXT;
            } else {
                value = large(tokens, row);
                row = next + 2 * CONTEXT;
            }
            value *= at == 0 ? dc : ac;
            // libwebp keeps products in 16 bits; no encoder makes any that do not fit.
            target[offset + ZIGZAG[at]] = (short) (tokens.bit(128) != 0 ? -value : value);
            at++;
        }
        return 16;
    }

    /** A magnitude of 2 or more. */
    private int large(BooleanDecoder tokens, int row) throws EOFException {
        int[] table = probabilities;
        if (tokens.bit(table[row + 3]) == 0) {
            if (tokens.bit(table[row + 4]) == 0) {
                return 2;
            }
            return 3 + tokens.bit(table[row + 5]);
        }
        if (tokens.bit(table[row + 6]) == 0) {
            if (tokens.bit(table[row + 7]) == 0) {
                return 5 + tokens.bit(159);
            }
            int high = tokens.bit(165);
            return 7 + 2 * high + tokens.bit(145);
        }
        int high = tokens.bit(table[row + 8]);
        int category = 2 * high + tokens.bit(table[row + 9 + high]);
        int extra = 0;
        for (int probability : LARGE[category]) {
            extra = 2 * extra + tokens.bit(probability);
        }
        return 3 + (8 << category) + extra;
    }
}
