package dev.vitrail.images.decode.webp;

import java.util.Arrays;

/** Predicting pixels from those above and to the left (RFC 6386, 12). */
final class Prediction {
    /** Pixels above a block and to its left: four of the left from below, the corner, eight of the row above. */
    private final int[] edge = new int[13];

    private static final int CORNER = 4;

    /**
     * Predicts 16×16 luma or 8×8 chroma pixels.
     *
     * @param at where the first lies
     * @param shift 4 for 16 pixels, 3 for 8
     * @param hasAbove whether there is a macroblock above
     * @param hasLeft whether there is one to the left
     */
    static void whole(Plane plane, int at, int shift, int mode, boolean hasAbove, boolean hasLeft) {
        byte[] levels = plane.levels;
        int stride = plane.stride;
        int size = 1 << shift;
        int over = at - stride;
        switch (mode) {
            case MacroblockModes.DC -> {
                int sum = 0;
                for (int i = 0; i < size; i++) {
                    sum += hasAbove ? levels[over + i] & 0xff : 0;
                    sum += hasLeft ? levels[at + i * stride - 1] & 0xff : 0;
                }
                int level = 128;
                if (hasAbove && hasLeft) {
                    level = (sum + size) >> (shift + 1);
                } else if (hasAbove || hasLeft) {
                    level = (sum + size / 2) >> shift;
                }
                for (int y = 0, row = at; y < size; y++, row += stride) {
                    Arrays.fill(levels, row, row + size, (byte) level);
                }
            }
            case MacroblockModes.TRUE_MOTION -> trueMotion(levels, at, stride, size);
            case MacroblockModes.VERTICAL -> {
                for (int y = 0, row = at; y < size; y++, row += stride) {
                    System.arraycopy(levels, over, levels, row, size);
                }
            }
            default -> {
                for (int y = 0, row = at; y < size; y++, row += stride) {
                    Arrays.fill(levels, row, row + size, levels[row - 1]);
                }
            }
        }
    }

    /**
     * Predicts a 4×4 block of luma.
     *
     * @param at where its first pixel lies
     * @param aboveRight where the four pixels to the right of those above it lie
     */
    void block(Plane plane, int at, int aboveRight, int mode) {
        byte[] levels = plane.levels;
        int stride = plane.stride;
        if (mode == MacroblockModes.TRUE_MOTION) {
            trueMotion(levels, at, stride, 4);
            return;
        }
        int over = at - stride;
        int[] e = edge;
        for (int i = 0; i < 4; i++) {
            e[i] = levels[at + (3 - i) * stride - 1] & 0xff;
            e[CORNER + 1 + i] = levels[over + i] & 0xff;
            e[CORNER + 5 + i] = levels[aboveRight + i] & 0xff;
        }
        e[CORNER] = levels[over - 1] & 0xff;
        switch (mode) {
            case MacroblockModes.DC -> {
                int sum = 4;
                for (int i = 0; i < 4; i++) {
                    sum += e[i] + e[CORNER + 1 + i];
                }
                for (int y = 0, row = at; y < 4; y++, row += stride) {
                    Arrays.fill(levels, row, row + 4, (byte) (sum >> 3));
                }
            }
            case MacroblockModes.VERTICAL -> {
                for (int x = 0; x < 4; x++) {
                    byte level = smooth(CORNER + 1 + x);
                    for (int y = 0; y < 4; y++) {
                        levels[at + y * stride + x] = level;
                    }
                }
            }
            case MacroblockModes.HORIZONTAL -> {
                for (int y = 0, row = at; y < 4; y++, row += stride) {
                    Arrays.fill(levels, row, row + 4, y < 3 ? smooth(3 - y) : (byte) ((e[1] + 3 * e[0] + 2) >> 2));
                }
            }
            case MacroblockModes.LEFT_DOWN -> {
                for (int i = 0; i < 6; i++) {
                    diagonal(levels, at, stride, i, smooth(CORNER + 2 + i));
                }
                diagonal(levels, at, stride, 6, (byte) ((e[11] + 3 * e[12] + 2) >> 2));
            }
            case MacroblockModes.RIGHT_DOWN -> {
                for (int y = 0, row = at; y < 4; y++, row += stride) {
                    for (int x = 0; x < 4; x++) {
                        levels[row + x] = smooth(CORNER - y + x);
                    }
                }
            }
            case MacroblockModes.VERTICAL_RIGHT -> {
                for (int x = 0; x < 4; x++) {
                    levels[at + x] = between(CORNER + x);
                    levels[at + stride + x] = smooth(CORNER + x);
                }
                continueDown(levels, at, stride, smooth(3), smooth(2));
            }
            case MacroblockModes.VERTICAL_LEFT -> {
                for (int x = 0; x < 4; x++) {
                    levels[at + x] = between(CORNER + 1 + x);
                    levels[at + stride + x] = smooth(CORNER + 2 + x);
                }
                for (int x = 0; x < 3; x++) {
                    levels[at + 2 * stride + x] = levels[at + x + 1];
                    levels[at + 3 * stride + x] = levels[at + stride + x + 1];
                }
                // The last column leaves the pattern.
                levels[at + 2 * stride + 3] = smooth(CORNER + 6);
                levels[at + 3 * stride + 3] = smooth(CORNER + 7);
            }
            case MacroblockModes.HORIZONTAL_DOWN -> {
                for (int y = 0, row = at; y < 4; y++, row += stride) {
                    levels[row] = between(3 - y);
                    levels[row + 1] = smooth(CORNER - y);
                    levels[row + 2] = y == 0 ? smooth(CORNER + 1) : levels[row - stride];
                    levels[row + 3] = y == 0 ? smooth(CORNER + 2) : levels[row - stride + 1];
                }
            }
            default -> horizontalUp(levels, at, stride);
        }
    }

    /** Each pixel is what lies to its left, changed as the row above changes. */
    private static void trueMotion(byte[] levels, int at, int stride, int size) {
        int over = at - stride;
        int corner = levels[over - 1] & 0xff;
        for (int y = 0, row = at; y < size; y++, row += stride) {
            int change = (levels[row - 1] & 0xff) - corner;
            for (int x = 0; x < size; x++) {
                levels[row + x] = (byte) Math.max(0, Math.min((levels[over + x] & 0xff) + change, 255));
            }
        }
    }

    /** Steps down the left edge, two pixels a step. */
    private void horizontalUp(byte[] levels, int at, int stride) {
        var steps = new byte[10];
        for (int i = 0; i < 3; i++) {
            steps[2 * i] = (byte) ((edge[3 - i] + edge[2 - i] + 1) >> 1);
            steps[2 * i + 1] = i < 2 ? smooth(2 - i) : (byte) ((edge[1] + 3 * edge[0] + 2) >> 2);
        }
        Arrays.fill(steps, 6, 10, (byte) edge[0]);
        for (int y = 0; y < 4; y++) {
            System.arraycopy(steps, 2 * y, levels, at + y * stride, 4);
        }
    }

    /** The two lower rows of a block repeat the upper ones a pixel further to the right. */
    private static void continueDown(byte[] levels, int at, int stride, byte third, byte fourth) {
        levels[at + 2 * stride] = third;
        levels[at + 3 * stride] = fourth;
        for (int x = 1; x < 4; x++) {
            levels[at + 2 * stride + x] = levels[at + x - 1];
            levels[at + 3 * stride + x] = levels[at + stride + x - 1];
        }
    }

    /** All pixels whose coordinates add up to {@code sum}. */
    private static void diagonal(byte[] levels, int at, int stride, int sum, byte level) {
        for (int y = Math.max(0, sum - 3); y <= Math.min(sum, 3); y++) {
            levels[at + y * stride + sum - y] = level;
        }
    }

    /** A pixel of the edge and its two neighbours, weighed 1, 2, 1. */
    private byte smooth(int i) {
        return (byte) ((edge[i - 1] + 2 * edge[i] + edge[i + 1] + 2) >> 2);
    }

    /** The mean of a pixel of the edge and the next. */
    private byte between(int i) {
        return (byte) ((edge[i] + edge[i + 1] + 1) >> 1);
    }
}
