package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/** What Pillow gave for many small images, as check sums in tables. */
public final class PillowTable {
    static final Path FOLDER = Path.of("src/test/resources/golden/pillow");

    private PillowTable() {}

    /** The rows of a table, without its heading. */
    public static Stream<String[]> rows(String file) {
        try {
            return Files.readAllLines(FOLDER.resolve(file)).stream().skip(1).map(line -> line.split(",", -1));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static long sum(byte[] bytes) {
        var sum = new CRC32();
        sum.update(bytes);
        return sum.getValue();
    }

    /** The image whose resizes are tabled: bands of noise, and bands of black and white that make filters overshoot. */
    public static RgbImage noise(int width, int height) {
        var pixels = new byte[3 * width * height];
        long state = width * 1000L + height;
        for (int i = 0; i < pixels.length; i++) {
            state = state * 1103515245 + 12345 & 0x7fffffff;
            int level = (int) (state >> 16) & 255;
            pixels[i] = (byte) (i / 60 % 2 == 1 ? level : level > 127 ? 255 : 0);
        }
        return new RgbImage(width, height, pixels);
    }

    /** An image with less contrast, differently in each channel. */
    public static RgbImage dim(RgbImage image) {
        byte[] pixels = image.pixels().clone();
        for (int i = 0; i < pixels.length; i++) {
            int channel = i % 3;
            pixels[i] = (byte) ((pixels[i] & 0xff) * (3 + channel) / 8 + 10 * channel + 5);
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }
}
