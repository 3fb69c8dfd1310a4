package dev.vitrail.images;

import dev.vitrail.images.decode.SixteenBit;

/**
 * A decoded image: {@code height × width} pixels of three bytes, red, green, blue, row by row.
 *
 * @param width pixels
 * @param height pixels
 * @param pixels {@code 3 · width · height} bytes, each an unsigned level 0–255; not copied, and not to be changed
 * @param cut whether the file had grey levels above 255, of sixteen bits or more, that were cut to white
 *     ({@link SixteenBit#CLIP})
 */
@SuppressWarnings(
        "ArrayRecordComponent") // an image is compared by nobody, and copying it would cost more than decoding it
public record RgbImage(int width, int height, byte[] pixels, boolean cut) {
    public RgbImage {
        if (width < 1 || height < 1 || pixels.length != 3L * width * height) {
            throw new IllegalArgumentException("an image of %d×%d pixels needs %d bytes, found %d"
                    .formatted(width, height, 3L * width * height, pixels.length));
        }
    }

    /** An image of which nothing was cut. */
    public RgbImage(int width, int height, byte[] pixels) {
        this(width, height, pixels, false);
    }
}
