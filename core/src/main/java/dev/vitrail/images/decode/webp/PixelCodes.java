package dev.vitrail.images.decode.webp;

import java.io.IOException;

/** The five prefix codes by which pixels in one part of an image are written (RFC 9649, 3.7.3). */
final class PixelCodes {
    /**
     * Number of symbols of {@link #green} before those of the lengths of copies; from {@link #CACHED} on they are
     * places of the color cache.
     */
    static final int LITERALS = 256;

    static final int CACHED = LITERALS + 24;

    private static final int DISTANCES = 40;

    final PrefixCode green;
    final PrefixCode red;
    final PrefixCode blue;
    final PrefixCode alpha;
    final PrefixCode distance;

    /** True if all pixels have {@link #constant}, for no bits. */
    final boolean isConstant;

    final int constant;

    private PixelCodes(BitReader bits, int cacheSize, int[] lengths) throws IOException {
        green = PrefixCode.read(bits, CACHED + cacheSize, lengths);
        red = PrefixCode.read(bits, LITERALS, lengths);
        blue = PrefixCode.read(bits, LITERALS, lengths);
        alpha = PrefixCode.read(bits, LITERALS, lengths);
        distance = PrefixCode.read(bits, DISTANCES, lengths);
        isConstant = green.isConstant()
                && green.constant() < LITERALS
                && red.isConstant()
                && blue.isConstant()
                && alpha.isConstant();
        constant = isConstant
                ? alpha.constant() << 24 | red.constant() << 16 | green.constant() << 8 | blue.constant()
                : 0;
    }

    /** Reads five codes. */
    static PixelCodes read(BitReader bits, int cacheSize, int[] lengths) throws IOException {
        return new PixelCodes(bits, cacheSize, lengths);
    }

    /** Room for the lengths of a code, for {@link #read}. */
    static int[] room(int cacheSize) {
        return new int[CACHED + cacheSize];
    }
}
