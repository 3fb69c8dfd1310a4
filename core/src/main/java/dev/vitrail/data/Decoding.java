package dev.vitrail.data;

import dev.vitrail.VitrailException;
import dev.vitrail.images.RgbImage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

final class Decoding {
    private Decoding() {}

    static RgbImage decode(Path file) {
        try {
            BufferedImage image = ImageIO.read(file.toFile());
            if (image == null) {
                throw new VitrailException("not an image: " + file);
            }
            int w = image.getWidth();
            int h = image.getHeight();
            int[] rgb = image.getRGB(0, 0, w, h, null, 0, w);
            byte[] bytes = new byte[3 * w * h];
            for (int i = 0; i < rgb.length; i++) {
                bytes[3 * i] = (byte) (rgb[i] >> 16);
                bytes[3 * i + 1] = (byte) (rgb[i] >> 8);
                bytes[3 * i + 2] = (byte) rgb[i];
            }
            return new RgbImage(w, h, bytes);
        } catch (IOException e) {
            throw new VitrailException("broken image: " + file, e);
        }
    }
}
