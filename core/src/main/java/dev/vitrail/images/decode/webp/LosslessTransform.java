package dev.vitrail.images.decode.webp;

import java.io.IOException;

/** A transform that the encoder applied to the pixels, undone row by row (RFC 9649, 3.5). */
interface LosslessTransform {
    /** The number of the transform that writes pixels less what their neighbours let expect. */
    int PREDICTOR = 0;

    /**
     * Undoes the transform in the next row.
     *
     * @param row the row's pixels, from which on its own are made; at least as long as the image is wide
     * @param y the row's number
     */
    void undo(int[] row, int y);

    /** Reads the transform of an image of this size. */
    static LosslessTransform read(BitReader bits, int type, int width, int height, Deadline deadline)
            throws IOException {
        return switch (type) {
            case PREDICTOR -> new Predictor(bits, width, height, deadline);
            case 1 -> new ColorTransform(bits, width, height, deadline);
            case 2 -> new SubtractGreen(width);
            default -> new Palette(bits, width, deadline);
        };
    }

    /** The width of the image that is written in place of this one. */
    default int writtenWidth(int width) {
        return width;
    }

    /** Red and blue were written less green. */
    record SubtractGreen(int width) implements LosslessTransform {
        @Override
        public void undo(int[] row, int y) {
            for (int x = 0; x < width; x++) {
                int pixel = row[x];
                int green = pixel >> 8 & 0xff;
                row[x] = pixel & 0xff00ff00 | (pixel & 0xff00ff) + (green << 16 | green) & 0xff00ff;
            }
        }
    }

    /** Red was written less a share of green, and blue less shares of green and red; the shares hold in squares. */
    final class ColorTransform implements LosslessTransform {
        private final int width;
        private final int squareBits;
        private final int squaresWide;
        private final int[] shares;

        ColorTransform(BitReader bits, int width, int height, Deadline deadline) throws IOException {
            this.width = width;
            squareBits = 2 + bits.read(3);
            squaresWide = ArgbStream.parts(width, squareBits);
            shares = ArgbStream.part(bits, squaresWide, ArgbStream.parts(height, squareBits), deadline);
        }

        @Override
        public void undo(int[] row, int y) {
            int square = (y >> squareBits) * squaresWide;
            for (int from = 0; from < width; from += 1 << squareBits, square++) {
                int greenToRed = (byte) shares[square];
                int greenToBlue = (byte) (shares[square] >> 8);
                int redToBlue = (byte) (shares[square] >> 16);
                int to = Math.min(from + (1 << squareBits), width);
                for (int x = from; x < to; x++) {
                    int pixel = row[x];
                    int green = (byte) (pixel >> 8);
                    int red = (pixel >> 16) + (greenToRed * green >> 5);
                    int blue = pixel + (greenToBlue * green >> 5) + (redToBlue * (byte) red >> 5);
                    row[x] = pixel & 0xff00ff00 | (red & 0xff) << 16 | blue & 0xff;
                }
            }
        }
    }

    /** Pixels were written as places in a palette, and those of up to 16 colours several in one. */
    final class Palette implements LosslessTransform {
        private final int width;
        private final int[] colors;

        /** log2 of the pixels in one. */
        private final int packing;

        Palette(BitReader bits, int width, Deadline deadline) throws IOException {
            this.width = width;
            int count = 1 + bits.read(8);
            packing = count > 16 ? 0 : count > 4 ? 1 : count > 2 ? 2 : 3;
            int[] changes = ArgbStream.part(bits, count, 1, deadline);
            // Places without a colour are transparent black.
            colors = new int[packing == 0 ? 256 : 1 << (8 >> packing)];
            int color = 0;
            for (int i = 0; i < count; i++) {
                color = added(color, changes[i]);
                colors[i] = color;
            }
        }

        @Override
        public int writtenWidth(int width) {
            return ArgbStream.parts(width, packing);
        }

        @Override
        public void undo(int[] row, int y) {
            int pixelBits = 8 >> packing;
            int mask = (1 << pixelBits) - 1;
            int within = (1 << packing) - 1;
            // From the right, where nothing is overwritten that is still to be read.
            for (int x = width - 1; x >= 0; x--) {
                int places = row[x >> packing] >> 8 & 0xff;
                row[x] = colors[places >> (x & within) * pixelBits & mask];
            }
        }
    }

    /**
     * Pixels were written less a prediction from those above and to the left; the kind of prediction holds in squares.
     */
    final class Predictor implements LosslessTransform {
        private static final int BLACK = 0xff000000;

        /** Two channels of a pixel, each in sixteen bits. */
        private static final int LANES = 0x00ff00ff;

        private final int width;
        private final int squareBits;
        private final int squaresWide;
        private final int[] kinds;

        /**
         * The row above, and the present row's first pixel behind it, which the last pixel takes for that
         * above to its right.
         */
        private final int[] above;

        Predictor(BitReader bits, int width, int height, Deadline deadline) throws IOException {
            this.width = width;
            squareBits = 2 + bits.read(3);
            squaresWide = ArgbStream.parts(width, squareBits);
            kinds = ArgbStream.part(bits, squaresWide, ArgbStream.parts(height, squareBits), deadline);
            above = new int[width + 1];
        }

        @Override
        public void undo(int[] row, int y) {
            if (y == 0) {
                row[0] = added(row[0], BLACK);
                for (int x = 1; x < width; x++) {
                    row[x] = added(row[x], row[x - 1]);
                }
            } else {
                row[0] = added(row[0], above[0]);
                above[width] = row[0];
                int square = (y >> squareBits) * squaresWide;
                for (int from = 0; from < width; from += 1 << squareBits, square++) {
                    int to = Math.min(from + (1 << squareBits), width);
                    add(row, Math.max(from, 1), to, kinds[square] >> 8 & 0xf);
                }
            }
            System.arraycopy(row, 0, above, 0, width);
        }

        private void add(int[] row, int from, int to, int kind) {
            int[] up = above;
            if (from >= to) {
                return;
            }
            int left = row[from - 1];
            switch (kind) {
                case 1 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], left);
                        row[x] = left;
                    }
                }
                case 2 -> {
                    for (int x = from; x < to; x++) {
                        row[x] = added(row[x], up[x]);
                    }
                }
                case 3 -> {
                    for (int x = from; x < to; x++) {
                        row[x] = added(row[x], up[x + 1]);
                    }
                }
                case 4 -> {
                    for (int x = from; x < to; x++) {
                        row[x] = added(row[x], up[x - 1]);
                    }
                }
                case 5 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], mean(mean(left, up[x + 1]), up[x]));
                        row[x] = left;
                    }
                }
                case 6 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], mean(left, up[x - 1]));
                        row[x] = left;
                    }
                }
                case 7 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], mean(left, up[x]));
                        row[x] = left;
                    }
                }
                case 8 -> {
                    for (int x = from; x < to; x++) {
                        row[x] = added(row[x], mean(up[x - 1], up[x]));
                    }
                }
                case 9 -> {
                    for (int x = from; x < to; x++) {
                        row[x] = added(row[x], mean(up[x], up[x + 1]));
                    }
                }
                case 10 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], mean(mean(left, up[x - 1]), mean(up[x], up[x + 1])));
                        row[x] = left;
                    }
                }
                case 11 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], nearer(left, up[x], up[x - 1]));
                        row[x] = left;
                    }
                }
                case 12 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], gradient(left, up[x], up[x - 1]));
                        row[x] = left;
                    }
                }
                case 13 -> {
                    for (int x = from; x < to; x++) {
                        left = added(row[x], halfGradient(mean(left, up[x]), up[x - 1]));
                        row[x] = left;
                    }
                }
                default -> {
                    // 14 and 15 mean nothing in the RFC, and black to libwebp, as 0 does.
                    for (int x = from; x < to; x++) {
                        row[x] = added(row[x], BLACK);
                    }
                }
            }
        }

        /** The mean of two pixels, rounded down in each channel. */
        private static int mean(int a, int b) {
            return (a & b) + (((a ^ b) & 0xfefefefe) >>> 1);
        }

        /** The one of left and above that is nearer to left + above − corner, over all channels. */
        private static int nearer(int left, int above, int corner) {
            int leftIsCloserBy = closerBy(left, above, corner, 0)
                    + closerBy(left, above, corner, 8)
                    + closerBy(left, above, corner, 16)
                    + closerBy(left, above, corner, 24);
            return leftIsCloserBy > 0 ? left : above;
        }

        private static int closerBy(int left, int above, int corner, int shift) {
            int c = corner >>> shift & 0xff;
            return Math.abs((left >>> shift & 0xff) - c) - Math.abs((above >>> shift & 0xff) - c);
        }

        private static int gradient(int left, int above, int corner) {
            int low = (left & LANES) + (above & LANES) - (corner & LANES) + 0x01000100;
            int high = (left >>> 8 & LANES) + (above >>> 8 & LANES) - (corner >>> 8 & LANES) + 0x01000100;
            return clamped(high) << 8 | clamped(low);
        }

        private static int halfGradient(int mean, int corner) {
            return halved(mean >>> 8 & LANES, corner >>> 8 & LANES) << 8 | halved(mean & LANES, corner & LANES);
        }

        /** Two levels, each with half its difference to another added, which is rounded towards 0. */
        private static int halved(int levels, int others) {
            int differences = levels - others + 0x01000100;
            int negative = (differences >>> 8 & 0x00010001) ^ 0x00010001;
            return clamped(levels + (differences + negative >>> 1 & LANES) + 0x00800080);
        }

        /** Two numbers, of which each has 256 too much, cut to levels. */
        private static int clamped(int lanes) {
            int within = lanes >>> 8 & 0x00010001;
            int beyond = lanes >>> 9 & 0x00010001;
            return lanes & (within << 8) - within | (beyond << 8) - beyond;
        }
    }

    /** The sums of two pixels' channels, each modulo 256. */
    private static int added(int a, int b) {
        return (a & 0xff00ff00) + (b & 0xff00ff00) & 0xff00ff00 | (a & 0xff00ff) + (b & 0xff00ff) & 0xff00ff;
    }
}
