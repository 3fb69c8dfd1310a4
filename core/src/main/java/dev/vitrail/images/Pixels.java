package dev.vitrail.images;

import java.awt.image.BufferedImage;
import java.awt.image.ComponentSampleModel;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;

/**
 * From what the JDK decodes to bytes of red, green and blue. Samples are taken as they are: the JDK's own conversion would
 * apply colour spaces, which Pillow does not.
 */
final class Pixels {
    private Pixels() {}

    static RgbImage of(BufferedImage image) {
        var raster = image.getRaster();
        if (image.getColorModel() instanceof IndexColorModel palette) {
            return indexed(raster, palette);
        }
        return image.getRaster().getNumBands() >= 3 ? colour(raster) : grey(raster);
    }

    private static RgbImage indexed(Raster raster, IndexColorModel palette) {
        int width = raster.getWidth(), height = raster.getHeight();
        var colours = new int[palette.getMapSize()];
        palette.getRGBs(colours);
        var pixels = new byte[3 * width * height];
        var row = new int[width];
        for (int y = 0, p = 0; y < height; y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, 0, row);
            for (int index : row) {
                // Pillow shows an index beyond the palette as black.
                int colour = index < colours.length ? colours[index] : 0;
                pixels[p++] = (byte) (colour >> 16);
                pixels[p++] = (byte) (colour >> 8);
                pixels[p++] = (byte) colour;
            }
        }
        return new RgbImage(width, height, pixels);
    }

    private static RgbImage colour(Raster raster) {
        int width = raster.getWidth(), height = raster.getHeight(), bands = raster.getNumBands();
        var pixels = new byte[3 * width * height];
        if (raster.getDataBuffer() instanceof DataBufferByte buffer
                && raster.getSampleModel() instanceof ComponentSampleModel model
                && buffer.getNumBanks() == 1
                && raster.getSampleModelTranslateX() == 0
                && raster.getSampleModelTranslateY() == 0) {
            copy(buffer.getData(), buffer.getOffset(), model, width, height, pixels);
            return new RgbImage(width, height, pixels);
        }
        int shift = Math.max(0, raster.getSampleModel().getSampleSize(0) - 8);
        var row = new int[bands * width];
        for (int y = 0, p = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) {
                    pixels[p++] = (byte) (row[bands * x + c] >> shift);
                }
            }
        }
        return new RgbImage(width, height, pixels);
    }

    private static void copy(byte[] from, int start, ComponentSampleModel model, int width, int height, byte[] to) {
        var offsets = model.getBandOffsets();
        int step = model.getPixelStride(), line = model.getScanlineStride();
        int red = offsets[0], green = offsets[1], blue = offsets[2];
        for (int y = 0, p = 0; y < height; y++) {
            for (int x = 0, at = start + y * line; x < width; x++, at += step) {
                to[p++] = from[at + red];
                to[p++] = from[at + green];
                to[p++] = from[at + blue];
            }
        }
    }

    /**
     * Grey levels of up to 8 bits are spread over the full range. Of 16 bits Pillow cuts off what exceeds 255, as it takes them
     * for whole numbers; with alpha it keeps the upper 8.
     */
    private static RgbImage grey(Raster raster) {
        int width = raster.getWidth(), height = raster.getHeight();
        int bits = raster.getSampleModel().getSampleSize(0);
        var pixels = new byte[3 * width * height];
        var row = new int[width];
        for (int y = 0, p = 0; y < height; y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, 0, row);
            for (int sample : row) {
                int level = bits <= 8
                        ? sample * 255 / ((1 << bits) - 1)
                        : raster.getNumBands() == 1 ? Math.min(255, sample) : sample >> (bits - 8);
                pixels[p++] = (byte) level;
                pixels[p++] = (byte) level;
                pixels[p++] = (byte) level;
            }
        }
        return new RgbImage(width, height, pixels);
    }
}
