package dev.vitrail.bench;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;

/**
 * JPEG files that cost a decoder what photographs cost it: 500×375 pixels whose detail falls off with its frequency as
 * that of natural scenes does (Field, 1987: amplitude 1/f), with chroma at half the size, about 90 KB each.
 */
final class Photos {
    static final int WIDTH = 500;
    static final int HEIGHT = 375;
    private static final float QUALITY = 0.9f;
    /** Levels of the finest detail; each octave above it has twice that. */
    private static final double FINEST = 36;

    private Photos() {}

    /** {@code count} new files in a folder for temporary files. */
    static List<Path> write(int count) {
        try {
            var folder = Files.createTempDirectory("vitrail-bench");
            var files = new ArrayList<Path>();
            for (int i = 0; i < count; i++) {
                var file = folder.resolve("%03d.jpg".formatted(i));
                write(paint(new SplittableRandom(i)), file);
                files.add(file);
            }
            return files;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Deletes what {@link #write} made. */
    static void delete(List<Path> files) {
        try {
            for (var file : files) {
                Files.delete(file);
            }
            Files.delete(files.get(0).getParent());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static BufferedImage paint(SplittableRandom random) {
        var brightness = octaves(random);
        var red = octaves(random);
        var blue = octaves(random);
        var image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < brightness.length; i++) {
            double y = 128 + brightness[i];
            int color = level(y + red[i] / 3) << 16 | level(y) << 8 | level(y + blue[i] / 3);
            image.setRGB(i % WIDTH, i / WIDTH, color);
        }
        return image;
    }

    /** Noise on grids of 256, 128 … 1 pixels, interpolated linearly and added up. */
    private static double[] octaves(SplittableRandom random) {
        var sum = new double[WIDTH * HEIGHT];
        double strength = FINEST;
        for (int side = 1; side <= 256; side *= 2, strength *= 1.25) {
            int columns = WIDTH / side + 2;
            var grid = new double[columns * (HEIGHT / side + 2)];
            for (int i = 0; i < grid.length; i++) {
                grid[i] = strength * (random.nextDouble() - 0.5);
            }
            for (int i = 0; i < sum.length; i++) {
                int column = i % WIDTH / side;
                int row = i / WIDTH / side;
                double right = (double) (i % WIDTH % side) / side;
                double below = (double) (i / WIDTH % side) / side;
                int at = row * columns + column;
                double upper = grid[at] + (grid[at + 1] - grid[at]) * right;
                double lower = grid[at + columns] + (grid[at + columns + 1] - grid[at + columns]) * right;
                sum[i] += upper + (lower - upper) * below;
            }
        }
        return sum;
    }

    private static int level(double value) {
        return (int) Math.min(Math.max(value, 0), 255);
    }

    private static void write(BufferedImage image, Path file) throws IOException {
        var writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        try (var stream = ImageIO.createImageOutputStream(file.toFile())) {
            var settings = writer.getDefaultWriteParam();
            settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            settings.setCompressionQuality(QUALITY);
            writer.setOutput(stream);
            writer.write(null, new IIOImage(image, List.of(), null), settings);
        } finally {
            writer.dispose();
        }
    }
}
