package dev.vitrail.images;

/**
 * A rectangle whose edges may fall between pixels: Pillow's {@code box}, in single precision because Pillow's is.
 *
 * @param left distance of its left edge from the image's left edge, in pixels
 * @param top distance of its upper edge from the image's upper edge, in pixels
 * @param right distance of its right edge from the image's left edge, in pixels
 * @param bottom distance of its lower edge from the image's upper edge, in pixels
 */
public record Box(float left, float top, float right, float bottom) {
    public Box {
        if (!(left >= 0 && top >= 0 && right > left && bottom > top)) {
            throw new IllegalArgumentException(
                    "a box needs 0 ≤ left < right and 0 ≤ top < bottom, found (%s, %s, %s, %s)"
                            .formatted(left, top, right, bottom));
        }
    }

    /** Returns whether the box is {@code width × height} whole pixels, so that taking it is a copy. */
    boolean isCopy(int width, int height) {
        return left == (int) left && top == (int) top && right - left == width && bottom - top == height;
    }
}
