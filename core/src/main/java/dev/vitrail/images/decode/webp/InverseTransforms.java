package dev.vitrail.images.decode.webp;

/** Conversion of coefficients to differences of pixels (RFC 6386, 14.3 and 14.4). */
final class InverseTransforms {
    private InverseTransforms() {}

    /** Spreads the coefficients of the Y2 block over the first ones of sixteen luma blocks. */
    static void walshHadamard(short[] y2, short[] luma) {
        var rows = new int[16];
        for (int x = 0; x < 4; x++) {
            int a = y2[x] + y2[12 + x];
            int b = y2[4 + x] + y2[8 + x];
            int c = y2[4 + x] - y2[8 + x];
            int d = y2[x] - y2[12 + x];
            rows[x] = a + b;
            rows[4 + x] = c + d;
            rows[8 + x] = a - b;
            rows[12 + x] = d - c;
        }
        for (int y = 0; y < 4; y++) {
            int a = rows[4 * y] + rows[4 * y + 3] + 3;
            int b = rows[4 * y + 1] + rows[4 * y + 2];
            int c = rows[4 * y + 1] - rows[4 * y + 2];
            int d = rows[4 * y] - rows[4 * y + 3] + 3;
            luma[64 * y] = (short) ((a + b) >> 3);
            luma[64 * y + 16] = (short) ((c + d) >> 3);
            luma[64 * y + 32] = (short) ((a - b) >> 3);
            luma[64 * y + 48] = (short) ((d - c) >> 3);
        }
    }

    /** Adds a block's differences to its prediction. */
    static void add(short[] values, int offset, byte kind, byte[] pixels, int at, int stride) {
        if (kind == Coefficients.FULL) {
            cosine(values, offset, pixels, at, stride);
        } else if (kind == Coefficients.CONSTANT) {
            int difference = (values[offset] + 4) >> 3;
            for (int y = 0, row = at; y < 4; y++, row += stride) {
                for (int x = 0; x < 4; x++) {
                    pixels[row + x] = clamped((pixels[row + x] & 0xff) + difference);
                }
            }
        }
    }

    private static void cosine(short[] values, int offset, byte[] pixels, int at, int stride) {
        // Columns first, into rows of the result.
        int a0 = values[offset] + values[offset + 8];
        int b0 = values[offset] - values[offset + 8];
        int c0 = low(values[offset + 4]) - high(values[offset + 12]);
        int d0 = high(values[offset + 4]) + low(values[offset + 12]);
        int a1 = values[offset + 1] + values[offset + 9];
        int b1 = values[offset + 1] - values[offset + 9];
        int c1 = low(values[offset + 5]) - high(values[offset + 13]);
        int d1 = high(values[offset + 5]) + low(values[offset + 13]);
        int a2 = values[offset + 2] + values[offset + 10];
        int b2 = values[offset + 2] - values[offset + 10];
        int c2 = low(values[offset + 6]) - high(values[offset + 14]);
        int d2 = high(values[offset + 6]) + low(values[offset + 14]);
        int a3 = values[offset + 3] + values[offset + 11];
        int b3 = values[offset + 3] - values[offset + 11];
        int c3 = low(values[offset + 7]) - high(values[offset + 15]);
        int d3 = high(values[offset + 7]) + low(values[offset + 15]);
        row(a0 + d0, a1 + d1, a2 + d2, a3 + d3, pixels, at);
        row(b0 + c0, b1 + c1, b2 + c2, b3 + c3, pixels, at + stride);
        row(b0 - c0, b1 - c1, b2 - c2, b3 - c3, pixels, at + 2 * stride);
        row(a0 - d0, a1 - d1, a2 - d2, a3 - d3, pixels, at + 3 * stride);
    }

    private static void row(int v0, int v1, int v2, int v3, byte[] pixels, int at) {
        int a = v0 + v2 + 4;
        int b = v0 - v2 + 4;
        int c = low(v1) - high(v3);
        int d = high(v1) + low(v3);
        pixels[at] = clamped((pixels[at] & 0xff) + ((a + d) >> 3));
        pixels[at + 1] = clamped((pixels[at + 1] & 0xff) + ((b + c) >> 3));
        pixels[at + 2] = clamped((pixels[at + 2] & 0xff) + ((b - c) >> 3));
        pixels[at + 3] = clamped((pixels[at + 3] & 0xff) + ((a - d) >> 3));
    }

    /** √2 · sin(π/8) times a value. */
    private static int low(int value) {
        return (value * 35468) >> 16;
    }

    /** √2 · cos(π/8) times a value. */
    private static int high(int value) {
        return value + ((value * 20091) >> 16);
    }

    private static byte clamped(int level) {
        return (byte) Math.max(0, Math.min(level, 255));
    }
}
