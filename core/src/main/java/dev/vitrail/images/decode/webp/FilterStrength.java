package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.util.ArrayList;
import java.util.List;

/**
 * Strength of the loop filter at the edges of a macroblock (RFC 6386, 9.6 and 15.2).
 *
 * @param level 0 to 63; 0 filters nothing
 * @param interior the largest step between neighbours away from the edge at which it is still filtered
 * @param highVariance the step beyond which pixels next to the edge count as a contour
 */
record FilterStrength(int level, int interior, int highVariance) {
    private static final int LARGEST_LEVEL = 63;

    /** The largest step across an edge within a macroblock. */
    int edge() {
        return 2 * level + interior;
    }

    /** The largest step across an edge between macroblocks. */
    int outerEdge() {
        return edge() + 4;
    }

    /**
     * Loop filter of a frame.
     *
     * @param onlyLuma whether the filter is RFC 6386's simple one, which leaves colour alone
     * @param strengths two for each segment, the second for macroblocks that are predicted in 4×4 blocks; none where
     *     nothing is filtered
     */
    record Header(boolean onlyLuma, List<FilterStrength> strengths) {
        Header {
            strengths = List.copyOf(strengths);
        }

        static Header read(BooleanDecoder header, Segments segments) throws EOFException {
            boolean onlyLuma = header.flag();
            int base = header.literal(6);
            int sharpness = header.literal(3);
            int intra = 0;
            int blocks = 0;
            boolean adjusted = header.flag();
            if (adjusted && header.flag()) {
                // Four kinds of reference frames, four kinds of prediction; a key frame knows the first of each.
                intra = header.optional(6);
                for (int i = 1; i < 4; i++) {
                    header.optional(6);
                }
                blocks = header.optional(6);
                for (int i = 1; i < 4; i++) {
                    header.optional(6);
                }
            }
            if (base == 0) {
                return new Header(onlyLuma, List.of());
            }
            var strengths = new ArrayList<FilterStrength>();
            for (int i = 0; i < Segments.COUNT; i++) {
                int level = segments.filterLevel(i, base) + intra;
                strengths.add(of(level, sharpness));
                strengths.add(of(level + blocks, sharpness));
            }
            return new Header(onlyLuma, strengths);
        }

        private static FilterStrength of(int wanted, int sharpness) {
            int level = Math.max(0, Math.min(wanted, LARGEST_LEVEL));
            int interior = level;
            if (sharpness > 0) {
                interior = Math.min(level >> (sharpness > 4 ? 2 : 1), 9 - sharpness);
            }
            return new FilterStrength(level, Math.max(interior, 1), level >= 40 ? 2 : level >= 15 ? 1 : 0);
        }
    }
}
