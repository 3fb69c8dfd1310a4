package dev.vitrail.images.decode.webp;

import java.util.Arrays;

/**
 * The levels of luma or of one chroma, with the border that prediction sees (RFC 6386, 12.2): 127 above,
 * 129 to the left.
 *
 * <p>Four columns more lie to the right, for the 4×4 blocks that look beyond.
 */
final class Plane {
    static final int RIGHT_BORDER = 4;

    private static final byte ABOVE = 127;
    private static final byte LEFT = (byte) 129;

    final byte[] levels;

    /** Distance from a pixel to the one below it. */
    final int stride;

    /** A plane of whole macroblocks. */
    Plane(int width, int height) {
        stride = 1 + width + RIGHT_BORDER;
        levels = new byte[Math.multiplyExact(stride, height + 1)];
        Arrays.fill(levels, 0, stride, ABOVE);
        for (int y = 0; y < height; y++) {
            levels[at(-1, y)] = LEFT;
        }
    }

    /** Index of a pixel's level. */
    int at(int x, int y) {
        return (y + 1) * stride + 1 + x;
    }
}
