package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.util.ArrayList;
import java.util.List;

/**
 * Dequantization factors of a segment's coefficients (RFC 6386, 9.6 and 14.1).
 *
 * @param lumaDc the first coefficient of a luma block
 * @param lumaAc its others
 * @param y2Dc the first coefficient of the block that holds sixteen luma blocks' first coefficients
 * @param y2Ac its others
 * @param chromaDc the first coefficient of a chroma block
 * @param chromaAc its others
 */
record Quantizer(int lumaDc, int lumaAc, int y2Dc, int y2Ac, int chromaDc, int chromaAc) {
    private static final int LARGEST = 127;
    private static final int LARGEST_CHROMA_DC = 117;
    private static final int SMALLEST_Y2_AC = 8;

    // spotless:off
    private static final int[] DC = {
        4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 17, 18, 19, 20, 20, 21, 21,
        22, 22, 23, 23, 24, 25, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 37, 38, 39,
        40, 41, 42, 43, 44, 45, 46, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60,
        61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 76, 77, 78, 79, 80, 81,
        82, 83, 84, 85, 86, 87, 88, 89, 91, 93, 95, 96, 98, 100, 101, 102, 104, 106, 108, 110, 112, 114,
        116, 118, 122, 124, 126, 128, 130, 132, 134, 136, 138, 140, 143, 145, 148, 151, 154, 157,
    };

    private static final int[] AC = {
        4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
        26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
        48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 78, 80,
        82, 84, 86, 88, 90, 92, 94, 96, 98, 100, 102, 104, 106, 108, 110, 112, 114, 116, 119, 122, 125, 128,
        131, 134, 137, 140, 143, 146, 149, 152, 155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201,
        205, 209, 213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
    };
    // spotless:on

    /** Reads the frame's quantizers, one for each segment. */
    static List<Quantizer> read(BooleanDecoder header, Segments segments) throws EOFException {
        int base = header.literal(7);
        int lumaDc = header.optional(4);
        int y2Dc = header.optional(4);
        int y2Ac = header.optional(4);
        int chromaDc = header.optional(4);
        int chromaAc = header.optional(4);
        var quantizers = new ArrayList<Quantizer>();
        for (int i = 0; i < Segments.COUNT; i++) {
            int index = segments.quantizer(i, base);
            quantizers.add(new Quantizer(
                    DC[clamped(index + lumaDc, LARGEST)],
                    AC[clamped(index, LARGEST)],
                    2 * DC[clamped(index + y2Dc, LARGEST)],
                    Math.max(AC[clamped(index + y2Ac, LARGEST)] * 155 / 100, SMALLEST_Y2_AC),
                    DC[clamped(index + chromaDc, LARGEST_CHROMA_DC)],
                    AC[clamped(index + chromaAc, LARGEST)]));
        }
        return List.copyOf(quantizers);
    }

    private static int clamped(int index, int largest) {
        return Math.max(0, Math.min(index, largest));
    }
}
