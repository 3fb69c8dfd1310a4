package dev.vitrail.images.decode;

/**
 * YCbCr of a TIFF file to RGB (TIFF 6.0, section 21), in the fixed-point numbers of libtiff, so that levels are equal
 * to its: sixteen bits of fraction, and chroma repeated, not interpolated.
 */
final class TiffYcc {
    private static final int SHIFT = 16;
    private static final int HALF = 1 << (SHIFT - 1);
    /** Limit on the magnitude of a level. */
    private static final int MOST = 128 * 32;

    private final int[] light = new int[256];
    private final int[] redOfCr = new int[256];
    private final int[] blueOfCb = new int[256];
    private final int[] greenOfCr = new int[256];
    private final int[] greenOfCb = new int[256];

    /**
     * @param luma how much of red, green and blue is in Y
     * @param range the codes of black and white, or of no and full chroma: two for each of Y, Cb and Cr
     */
    TiffYcc(float[] luma, float[] range) {
        float red = 2 - 2 * luma[0];
        float blue = 2 - 2 * luma[2];
        int d1 = fixed(red);
        int d2 = -fixed(luma[0] * red / luma[1]);
        int d3 = fixed(blue);
        int d4 = -fixed(luma[2] * blue / luma[1]);
        for (int code = 0; code < 256; code++) {
            int chroma = code - 128;
            int cr = value(chroma, range[4] - 128, range[5] - 128, 127);
            int cb = value(chroma, range[2] - 128, range[3] - 128, 127);
            redOfCr[code] = (d1 * cr + HALF) >> SHIFT;
            blueOfCb[code] = (d3 * cb + HALF) >> SHIFT;
            greenOfCr[code] = d2 * cr;
            greenOfCb[code] = d4 * cb + HALF;
            light[code] = value(code, range[0], range[1], 255);
        }
    }

    private static int fixed(float factor) {
        return (int) (Math.min(Math.max(factor, 0), 2) * (1 << SHIFT) + 0.5);
    }

    private static int value(int code, float black, float white, float full) {
        float width = white - black;
        float value = (code - (int) black) * full / (width == 0 ? 1 : width);
        return (int) Math.min(Math.max(value, -MOST), MOST);
    }

    void toRgb(int y, int cb, int cr, byte[] rgb, int to) {
        int level = light[y];
        rgb[to] = clip(level + redOfCr[cr]);
        rgb[to + 1] = clip(level + ((greenOfCb[cb] + greenOfCr[cr]) >> SHIFT));
        rgb[to + 2] = clip(level + blueOfCb[cb]);
    }

    private static byte clip(int level) {
        return (byte) Math.min(Math.max(level, 0), 255);
    }
}
