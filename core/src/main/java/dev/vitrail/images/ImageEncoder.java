package dev.vitrail.images;

import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Writes images as files that others read. */
public final class ImageEncoder {
    private ImageEncoder() {}

    /** A PNG: every pixel as it is. */
    public static byte[] png(RgbImage image) {
        return encode(image, "png");
    }

    /**
     * A PNG with a palette, a third of the size of one in RGB.
     *
     * @param indices of the colors, row by row, {@code [height · width]}
     * @param palette colors as 0xRRGGBB, at most 256
     */
    public static byte[] png(int width, int height, byte[] indices, int[] palette) {
        var colors = new IndexColorModel(8, palette.length, palette, 0, false, -1, DataBuffer.TYPE_BYTE);
        var buffered = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_INDEXED, colors);
        System.arraycopy(
                indices, 0, ((DataBufferByte) buffered.getRaster().getDataBuffer()).getData(), 0, indices.length);
        return encode(buffered, "png");
    }

    /** A JPEG of the codec's usual quality: small, and good enough to look at. */
    public static byte[] jpeg(RgbImage image) {
        return encode(image, "jpeg");
    }

    private static byte[] encode(RgbImage image, String format) {
        var buffered = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
        // The raster's own bytes: setting pixels one by one takes longer than compressing them.
        byte[] bgr = ((DataBufferByte) buffered.getRaster().getDataBuffer()).getData();
        byte[] rgb = image.pixels();
        for (int at = 0; at < rgb.length; at += 3) {
            bgr[at] = rgb[at + 2];
            bgr[at + 1] = rgb[at + 1];
            bgr[at + 2] = rgb[at];
        }
        return encode(buffered, format);
    }

    /**
     * Encodes an image of the JDK. ImageIO's file cache is not used: it needs a shutdown hook, which is refused while
     * the process ends, when a run saves what it has.
     *
     * @param format one that Java writes: png, jpeg
     */
    public static byte[] encode(BufferedImage image, String format) {
        var bytes = new ByteArrayOutputStream();
        var writer = ImageIO.getImageWritersByFormatName(format).next();
        try (var out = new MemoryCacheImageOutputStream(bytes)) {
            writer.setOutput(out);
            writer.write(image);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }
}
