package dev.vitrail.images.decode.webp;

/** Smoothing of edges between blocks (RFC 6386, 15), after all of a frame has been predicted. */
final class LoopFilter {
    private LoopFilter() {}

    /**
     * Filters the edges of one macroblock's luma with the simple filter.
     *
     * @param at where its first pixel lies
     * @param inner whether the edges between its 4×4 blocks are filtered too
     */
    static void onlyLuma(
            Plane plane, int at, FilterStrength strength, boolean inner, boolean hasAbove, boolean hasLeft) {
        byte[] levels = plane.levels;
        int stride = plane.stride;
        if (hasLeft) {
            simpleEdge(levels, at, stride, 1, strength.outerEdge());
        }
        if (inner) {
            for (int i = 4; i < 16; i += 4) {
                simpleEdge(levels, at + i, stride, 1, strength.edge());
            }
        }
        if (hasAbove) {
            simpleEdge(levels, at, 1, stride, strength.outerEdge());
        }
        if (inner) {
            for (int i = 4; i < 16; i += 4) {
                simpleEdge(levels, at + i * stride, 1, stride, strength.edge());
            }
        }
    }

    /**
     * Filters the edges of one macroblock in one plane.
     *
     * @param at where its first pixel lies
     * @param size 16 for luma, 8 for chroma
     * @param inner whether the edges between its 4×4 blocks are filtered too
     */
    static void normal(
            Plane plane, int at, int size, FilterStrength strength, boolean inner, boolean hasAbove, boolean hasLeft) {
        byte[] levels = plane.levels;
        int stride = plane.stride;
        if (hasLeft) {
            outerEdge(levels, at, stride, 1, size, strength);
        }
        if (inner) {
            for (int i = 4; i < size; i += 4) {
                innerEdge(levels, at + i, stride, 1, size, strength);
            }
        }
        if (hasAbove) {
            outerEdge(levels, at, 1, stride, size, strength);
        }
        if (inner) {
            for (int i = 4; i < size; i += 4) {
                innerEdge(levels, at + i * stride, 1, stride, size, strength);
            }
        }
    }

    /**
     * Filters sixteen pixels along an edge.
     *
     * @param along from a pixel of the edge to the next
     * @param across from a pixel before the edge to that behind it
     */
    private static void simpleEdge(byte[] levels, int at, int along, int across, int limit) {
        int most = 2 * limit + 1;
        for (int i = 0, q = at; i < 16; i++, q += along) {
            int p1 = levels[q - 2 * across] & 0xff;
            int p0 = levels[q - across] & 0xff;
            int q0 = levels[q] & 0xff;
            int q1 = levels[q + across] & 0xff;
            if (4 * Math.abs(p0 - q0) + Math.abs(p1 - q1) <= most) {
                two(levels, q, across, p1, p0, q0, q1);
            }
        }
    }

    private static void outerEdge(byte[] levels, int at, int along, int across, int size, FilterStrength strength) {
        int most = 2 * strength.outerEdge() + 1;
        int interior = strength.interior();
        int highVariance = strength.highVariance();
        for (int i = 0, q = at; i < size; i++, q += along) {
            int p1 = levels[q - 2 * across] & 0xff;
            int p0 = levels[q - across] & 0xff;
            int q0 = levels[q] & 0xff;
            int q1 = levels[q + across] & 0xff;
            int before = Math.abs(p1 - p0);
            int behind = Math.abs(q1 - q0);
            if (4 * Math.abs(p0 - q0) + Math.abs(p1 - q1) > most || before > interior || behind > interior) {
                continue;
            }
            int p2 = levels[q - 3 * across] & 0xff;
            int q2 = levels[q + 2 * across] & 0xff;
            if (Math.abs(p2 - p1) > interior
                    || Math.abs(q2 - q1) > interior
                    || Math.abs((levels[q - 4 * across] & 0xff) - p2) > interior
                    || Math.abs((levels[q + 3 * across] & 0xff) - q2) > interior) {
                continue;
            }
            if (before > highVariance || behind > highVariance) {
                two(levels, q, across, p1, p0, q0, q1);
            } else {
                int step = signed(3 * (q0 - p0) + signed(p1 - q1));
                int a = (27 * step + 63) >> 7;
                int b = (18 * step + 63) >> 7;
                int c = (9 * step + 63) >> 7;
                levels[q - 3 * across] = level(p2 + c);
                levels[q - 2 * across] = level(p1 + b);
                levels[q - across] = level(p0 + a);
                levels[q] = level(q0 - a);
                levels[q + across] = level(q1 - b);
                levels[q + 2 * across] = level(q2 - c);
            }
        }
    }

    private static void innerEdge(byte[] levels, int at, int along, int across, int size, FilterStrength strength) {
        int most = 2 * strength.edge() + 1;
        int interior = strength.interior();
        int highVariance = strength.highVariance();
        for (int i = 0, q = at; i < size; i++, q += along) {
            int p1 = levels[q - 2 * across] & 0xff;
            int p0 = levels[q - across] & 0xff;
            int q0 = levels[q] & 0xff;
            int q1 = levels[q + across] & 0xff;
            int before = Math.abs(p1 - p0);
            int behind = Math.abs(q1 - q0);
            if (4 * Math.abs(p0 - q0) + Math.abs(p1 - q1) > most || before > interior || behind > interior) {
                continue;
            }
            int p2 = levels[q - 3 * across] & 0xff;
            int q2 = levels[q + 2 * across] & 0xff;
            if (Math.abs(p2 - p1) > interior
                    || Math.abs(q2 - q1) > interior
                    || Math.abs((levels[q - 4 * across] & 0xff) - p2) > interior
                    || Math.abs((levels[q + 3 * across] & 0xff) - q2) > interior) {
                continue;
            }
            if (before > highVariance || behind > highVariance) {
                two(levels, q, across, p1, p0, q0, q1);
            } else {
                int step = signed(3 * (q0 - p0));
                int a = Math.min(step + 4, 127) >> 3;
                int b = Math.min(step + 3, 127) >> 3;
                int c = (a + 1) >> 1;
                levels[q - 2 * across] = level(p1 + c);
                levels[q - across] = level(p0 + b);
                levels[q] = level(q0 - a);
                levels[q + across] = level(q1 - c);
            }
        }
    }

    /** Changes the two pixels at the edge. */
    private static void two(byte[] levels, int q, int across, int p1, int p0, int q0, int q1) {
        int step = signed(3 * (q0 - p0) + signed(p1 - q1));
        levels[q - across] = level(p0 + (Math.min(step + 3, 127) >> 3));
        levels[q] = level(q0 - (Math.min(step + 4, 127) >> 3));
    }

    /** The nearest number of eight bits with a sign. */
    private static int signed(int value) {
        return Math.max(-128, Math.min(value, 127));
    }

    private static byte level(int value) {
        return (byte) Math.max(0, Math.min(value, 255));
    }
}
