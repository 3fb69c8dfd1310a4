package dev.vitrail.data;

import dev.vitrail.VitrailException;
import dev.vitrail.images.RgbImage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** The one place from which files are decoded. */
final class Decoding {
    private Decoding() {}

    /** @throws VitrailException if the file is gone, is no picture, or is damaged */
    static RgbImage decode(Path file) {
        try {
            BufferedImage image = ImageIO.read(file.toFile());
            VitrailException.require(image != null, "%s is no picture of a known format; replace or remove it", file);
            return rgb(image);
        } catch (IOException | IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new VitrailException(
                    "%s cannot be decoded (%s); replace or remove it".formatted(file, e.getMessage()), e);
        }
    }

    private static RgbImage rgb(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        int[] levels = image.getRGB(0, 0, width, height, null, 0, width);
        byte[] bytes = new byte[3 * levels.length];
        for (int i = 0, at = 0; i < levels.length; i++) {
            bytes[at++] = (byte) (levels[i] >> 16);
            bytes[at++] = (byte) (levels[i] >> 8);
            bytes[at++] = (byte) levels[i];
        }
        return new RgbImage(width, height, bytes);
    }
}
