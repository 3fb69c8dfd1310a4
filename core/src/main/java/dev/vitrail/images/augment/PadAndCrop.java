package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.util.random.RandomGenerator;

/**
 * Adds a border and takes a random crop of the input's size, for small images such as CIFAR's (He et al.,
 * 2016, section 4.2).
 *
 * @param height of the result, in pixels
 * @param width of the result, in pixels
 * @param padding pixels added on each side, usually 4
 * @param border what they are filled with
 */
public record PadAndCrop(int height, int width, int padding, Border border) implements ImageTransform {
    /** Padding mode: the pixels outside an image. */
    public enum Border {
        /** Black. */
        ZERO,
        /** The image mirrored at its outermost pixels, which are not repeated. */
        REFLECT
    }

    public PadAndCrop {
        VitrailException.require(
                height > 0 && width > 0 && padding >= 0 && padding < 1 << 16,
                "A padded crop needs at least one pixel and a padding of 0 to 65535, found %d×%d and %d.",
                width,
                height,
                padding);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        VitrailException.require(
                image.height() + 2L * padding >= height && image.width() + 2L * padding >= width,
                "An image of %d×%d pixels with a padding of %d is too small for a crop of %d×%d; resize it first or pad"
                        + " more.",
                image.width(),
                image.height(),
                padding,
                width,
                height);
        VitrailException.require(
                border == Border.ZERO || padding < Math.min(image.width(), image.height()),
                "An image of %d×%d pixels cannot be mirrored over a padding of %d; pad less, or with zeros.",
                image.width(),
                image.height(),
                padding);
        int top = random.nextInt(image.height() + 2 * padding - height + 1) - padding;
        int left = random.nextInt(image.width() + 2 * padding - width + 1) - padding;
        var pixels = new byte[Math.multiplyExact(3 * height, width)];
        for (int y = 0; y < height; y++) {
            int row = inside(top + y, image.height());
            for (int x = 0; x < width; x++) {
                int column = inside(left + x, image.width());
                if (row >= 0 && column >= 0) {
                    System.arraycopy(
                            image.pixels(), 3 * (row * image.width() + column), pixels, 3 * (y * width + x), 3);
                }
            }
        }
        return new RgbImage(width, height, pixels);
    }

    /** Index of the source pixel of {@code position}; −1 for a black one. */
    private int inside(int position, int size) {
        if (position >= 0 && position < size) {
            return position;
        }
        if (border == Border.ZERO) {
            return -1;
        }
        return position < 0 ? -position : 2 * (size - 1) - position;
    }
}
