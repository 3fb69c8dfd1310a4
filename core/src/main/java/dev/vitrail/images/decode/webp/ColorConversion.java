package dev.vitrail.images.decode.webp;

/**
 * Conversion of luma and halved chroma to RGB, in libwebp's integers: BT.601 with luma from 16 to 235, and chroma
 * brought to full size by the weights 9, 3, 3 and 1 of the four nearest levels ("fancy upsampling").
 */
final class ColorConversion {
    private final int width;
    private final int height;
    private final byte[] rowU;
    private final byte[] rowV;

    ColorConversion(int width, int height) {
        this.width = width;
        this.height = height;
        rowU = new byte[width + 1];
        rowV = new byte[width + 1];
    }

    /** Converts row {@code row} of a frame to {@code width} pixels of three bytes at {@code target}. */
    void row(Plane y, Plane u, Plane v, int row, byte[] rgb, int target) {
        int near = row / 2;
        int far = (row & 1) == 0 ? Math.max(near - 1, 0) : Math.min(near + 1, (height - 1) / 2);
        upsample(u, near, far, rowU);
        upsample(v, near, far, rowV);
        byte[] luma = y.levels;
        int from = y.at(0, row);
        for (int x = 0, to = target; x < width; x++, to += 3) {
            int light = (luma[from + x] & 0xff) * 19077 >> 8;
            int blue = rowU[x] & 0xff;
            int red = rowV[x] & 0xff;
            rgb[to] = level(light + (red * 26149 >> 8) - 14234);
            rgb[to + 1] = level(light - (blue * 6419 >> 8) - (red * 13320 >> 8) + 8708);
            rgb[to + 2] = level(light + (blue * 33050 >> 8) - 17685);
        }
    }

    /** Brings a row of chroma to full size: {@code near} is its own row, {@code far} the next nearest. */
    private void upsample(Plane plane, int near, int far, byte[] target) {
        byte[] levels = plane.levels;
        int n = plane.at(0, near);
        int f = plane.at(0, far);
        int nearLeft = levels[n] & 0xff;
        int farLeft = levels[f] & 0xff;
        target[0] = (byte) ((3 * nearLeft + farLeft + 2) >> 2);
        int pairs = (width - 1) >> 1;
        for (int x = 1; x <= pairs; x++) {
            int nearRight = levels[n + x] & 0xff;
            int farRight = levels[f + x] & 0xff;
            int sum = nearLeft + nearRight + farLeft + farRight + 8;
            // Rounded twice, as libwebp does: half of a mean that leans to one diagonal, and the nearest.
            int rising = (sum + 2 * (nearRight + farLeft)) >> 3;
            int falling = (sum + 2 * (nearLeft + farRight)) >> 3;
            target[2 * x - 1] = (byte) ((rising + nearLeft) >> 1);
            target[2 * x] = (byte) ((falling + nearRight) >> 1);
            nearLeft = nearRight;
            farLeft = farRight;
        }
        if ((width & 1) == 0) {
            target[width - 1] = (byte) ((3 * nearLeft + farLeft + 2) >> 2);
        }
    }

    /** A level with six fractional bits, cut to a byte. */
    private static byte level(int value) {
        return (byte) Math.max(0, Math.min(value >> 6, 255));
    }
}
