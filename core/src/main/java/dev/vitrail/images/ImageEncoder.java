package dev.vitrail.images;

import java.awt.image.BufferedImage;
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

    /** A JPEG of the codec's usual quality: small, and good enough to look at. */
    public static byte[] jpeg(RgbImage image) {
        return encode(image, "jpeg");
    }

    private static byte[] encode(RgbImage image, String format) {
        var buffered = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
        byte[] rgb = image.pixels();
        for (int i = 0, at = 0; at < rgb.length; i++, at += 3) {
            int level = (rgb[at] & 0xFF) << 16 | (rgb[at + 1] & 0xFF) << 8 | rgb[at + 2] & 0xFF;
            buffered.setRGB(i % image.width(), i / image.width(), level);
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
