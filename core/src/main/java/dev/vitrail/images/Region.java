package dev.vitrail.images;

/**
 * A rectangle of whole pixels.
 *
 * @param left pixels from the left edge
 * @param top pixels from the upper edge
 * @param width pixels, at least one
 * @param height pixels, at least one
 */
public record Region(int left, int top, int width, int height) {
    public Region {
        if (left < 0 || top < 0 || width < 1 || height < 1 || left > Integer.MAX_VALUE - width) {
            throw new IllegalArgumentException(
                    "a region needs a place inside the image and at least one pixel, found %d×%d at (%d, %d)"
                            .formatted(width, height, left, top));
        }
    }

    /** The whole of an image. */
    public static Region of(RgbImage image) {
        return new Region(0, 0, image.width(), image.height());
    }

    /** Returns whether all of this region lies within {@code width × height} pixels. */
    public boolean fits(int wholeWidth, int wholeHeight) {
        return left <= wholeWidth - width && top <= wholeHeight - height;
    }
}
