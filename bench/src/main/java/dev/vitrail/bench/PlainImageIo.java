package dev.vitrail.bench;

import dev.vitrail.images.Normalization;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.random.RandomGenerator;
import javax.imageio.ImageIO;

/**
 * Training transform as Java programs commonly write it by hand: {@code ImageIO.read}, a random resized crop and a
 * horizontal flip drawn by {@code Graphics2D} in one call, and normalization of each pixel.
 *
 * <p>The resize is not what networks expect: Graphics2D interpolates between the nearest pixels and skips the others,
 * so that a reduced image aliases.
 */
final class PlainImageIo {
    static {
        ImageIO.setUseCache(false); // streams in memory are faster than its files
    }

    private final int size;
    private final Object interpolation;
    private final float[] mean = new float[3];
    private final float[] std = new float[3];

    /** @param interpolation a value of {@link RenderingHints#KEY_INTERPOLATION} */
    PlainImageIo(int size, Object interpolation, Normalization normalization) {
        this.size = size;
        this.interpolation = interpolation;
        for (int i = 0; i < 3; i++) {
            mean[i] = normalization.mean().get(i).floatValue();
            std[i] = normalization.std().get(i).floatValue();
        }
    }

    /** A training view of a file, {@code [3, size, size]}. */
    void load(Path file, RandomGenerator random, float[] values) {
        var photo = read(file);
        double part = 0.08 + 0.92 * random.nextDouble();
        double shape = Math.exp((2 * random.nextDouble() - 1) * Math.log(4.0 / 3));
        double area = part * photo.getWidth() * photo.getHeight();
        int width = Math.min((int) Math.sqrt(area * shape), photo.getWidth());
        int height = Math.min((int) Math.sqrt(area / shape), photo.getHeight());
        int left = random.nextInt(photo.getWidth() - width + 1);
        int top = random.nextInt(photo.getHeight() - height + 1);
        boolean mirrored = random.nextBoolean();

        var view = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        var graphics = view.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, interpolation);
        graphics.drawImage(
                photo, mirrored ? size : 0, 0, mirrored ? 0 : size, size, left, top, left + width, top + height, null);
        graphics.dispose();
        normalise(((DataBufferInt) view.getRaster().getDataBuffer()).getData(), values);
    }

    private static BufferedImage read(Path file) {
        try {
            var photo = ImageIO.read(file.toFile());
            if (photo == null) {
                throw new IllegalArgumentException(file + " is no image that ImageIO reads");
            }
            return photo;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void normalise(int[] colors, float[] values) {
        int area = size * size;
        for (int i = 0; i < area; i++) {
            int color = colors[i];
            values[i] = ((color >> 16 & 0xff) / 255f - mean[0]) / std[0];
            values[area + i] = ((color >> 8 & 0xff) / 255f - mean[1]) / std[1];
            values[2 * area + i] = ((color & 0xff) / 255f - mean[2]) / std[2];
        }
    }
}
