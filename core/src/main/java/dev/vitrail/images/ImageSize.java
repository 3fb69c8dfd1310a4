package dev.vitrail.images;

import static dev.vitrail.errors.VitrailException.require;

import java.util.regex.Pattern;

/**
 * The size of images.
 *
 * @param height rows, pixels
 * @param width columns, pixels
 */
public record ImageSize(int height, int width) {
    private static final Pattern TEXT = Pattern.compile("(\\d{1,6})(?:[xX×](\\d{1,6}))?");

    public ImageSize {
        require(height > 0 && width > 0, "both sides must be positive, found %d×%d pixels", height, width);
    }

    /** Reads a side, such as {@code 224}, or height and width, such as {@code 300x200}. */
    public static ImageSize parse(String text) {
        var match = TEXT.matcher(text.strip());
        require(
                match.matches(),
                "'%s' is no size: give a side in pixels, such as 224, or height and width, such as 300x200",
                text);
        int height = Integer.parseInt(match.group(1));
        return new ImageSize(height, match.group(2) == null ? height : Integer.parseInt(match.group(2)));
    }

    /** Text that {@link #parse} reads. */
    @Override
    public String toString() {
        return height == width ? String.valueOf(height) : height + "x" + width;
    }
}
