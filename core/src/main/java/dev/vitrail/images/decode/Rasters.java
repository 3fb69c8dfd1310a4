package dev.vitrail.images.decode;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;

/** Conversion of Java's rasters to plain bytes, by Pillow's rules. */
final class Rasters {
    private Rasters() {}

    /** The raster's bytes, {@code [height, width, bands]}, without a copy where it has them in this order. */
    static byte[] bytes(Raster raster, int bands) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        if (raster.getDataBuffer() instanceof DataBufferByte buffer
                && raster.getSampleModel() instanceof PixelInterleavedSampleModel model
                && buffer.getNumBanks() == 1
                && buffer.getOffset() == 0
                && raster.getSampleModelTranslateX() == 0
                && raster.getSampleModelTranslateY() == 0) {
            int[] offsets = model.getBandOffsets();
            byte[] data = buffer.getData();
            int step = model.getPixelStride();
            if (step == bands
                    && model.getScanlineStride() == width * step
                    && ascending(offsets)
                    && data.length == width * height * step) {
                return data;
            }
            var bytes = new byte[width * height * bands];
            int to = 0;
            for (int y = 0; y < height; y++) {
                for (int x = 0, from = y * model.getScanlineStride(); x < width; x++, from += step) {
                    for (int band = 0; band < bands; band++) {
                        bytes[to++] = data[from + offsets[band]];
                    }
                }
            }
            return bytes;
        }
        return samples(raster, bands, 0);
    }

    /** Samples of any type, {@code pad} bits dropped. */
    static byte[] samples(Raster raster, int bands, int shift) {
        int width = raster.getWidth();
        var bytes = new byte[width * raster.getHeight() * bands];
        var row = new int[width];
        for (int y = 0; y < raster.getHeight(); y++) {
            for (int band = 0; band < bands; band++) {
                raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, band, row);
                for (int x = 0; x < width; x++) {
                    bytes[(y * width + x) * bands + band] = (byte) (row[x] >> shift);
                }
            }
        }
        return bytes;
    }

    /** The palette's colours in place of indices; an index beyond the palette is black. */
    static byte[] paletteToRgb(byte[] indices, IndexColorModel palette) {
        var colors = new int[256];
        palette.getRGBs(colors);
        var rgb = new byte[Math.multiplyExact(3, indices.length)];
        for (int i = 0; i < indices.length; i++) {
            int color = colors[indices[i] & 0xff];
            rgb[3 * i] = (byte) (color >> 16);
            rgb[3 * i + 1] = (byte) (color >> 8);
            rgb[3 * i + 2] = (byte) color;
        }
        return rgb;
    }

    /** Each level three times. */
    static byte[] greyToRgb(byte[] levels) {
        var rgb = new byte[Math.multiplyExact(3, levels.length)];
        for (int i = 0, to = 0; i < levels.length; i++, to += 3) {
            rgb[to] = levels[i];
            rgb[to + 1] = levels[i];
            rgb[to + 2] = levels[i];
        }
        return rgb;
    }

    /**
     * CMYK to RGB without a profile: a colour is what neither its ink nor the black takes away.
     *
     * @param levels four to a pixel, the black as Adobe's JPEG files have it, full at 0
     * @param inverted whether cyan, magenta and yellow are full at 0 too
     */
    static byte[] inkToRgb(byte[] levels, boolean inverted) {
        var rgb = new byte[levels.length / 4 * 3];
        for (int from = 0, to = 0; from < levels.length; from += 4) {
            int light = levels[from + 3] & 0xff;
            for (int i = 0; i < 3; i++) {
                int level = levels[from + i] & 0xff;
                int ink = inverted ? 255 - level : level;
                int product = ink * light + 128;
                rgb[to++] = (byte) (light - (((product >> 8) + product) >> 8));
            }
        }
        return rgb;
    }

    /** The colours of a palette, grey or RGB image, alpha dropped and no colour profile applied. */
    static byte[] toRgb(BufferedImage image) {
        var raster = image.getRaster();
        if (image.getColorModel() instanceof IndexColorModel palette) {
            return paletteToRgb(bytes(raster, 1), palette);
        }
        int depth = raster.getSampleModel().getSampleSize(0);
        int shift = Math.max(depth - 8, 0);
        int bands = raster.getNumBands() < 3 ? 1 : 3;
        byte[] levels = shift == 0 ? bytes(raster, bands) : samples(raster, bands, shift);
        return bands == 1 ? greyToRgb(levels) : levels;
    }

    private static boolean ascending(int[] offsets) {
        for (int i = 0; i < offsets.length; i++) {
            if (offsets[i] != i) {
                return false;
            }
        }
        return true;
    }
}
