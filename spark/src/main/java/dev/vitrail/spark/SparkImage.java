package dev.vitrail.spark;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.images.RgbImage;
import org.apache.spark.ml.image.ImageSchema;
import org.apache.spark.sql.Row;

/**
 * Spark's image struct: rows of pixels in OpenCV's order (blue, green, red, and alpha where there are four channels; or
 * grey), a byte a channel.
 */
final class SparkImage {
    private SparkImage() {}

    /**
     * The image in a struct; grey is repeated, alpha dropped.
     *
     * @param column what errors call its place
     * @param maxPixels the most that width times height may be
     * @throws dev.vitrail.errors.VitrailException if Spark could not decode it, or it is of another mode than three of
     *     OpenCV's
     */
    static RgbImage rgb(Row image, String column, long maxPixels) {
        int height = ImageSchema.getHeight(image), width = ImageSchema.getWidth(image);
        int channels = ImageSchema.getNChannels(image);
        require(
                height >= 1 && width >= 1 && !image.isNullAt(5),
                "the image of column '%s' (%s) could not be decoded by Spark: replace or remove its file",
                column,
                origin(image));
        require(
                channels == 1 || channels == 3 || channels == 4,
                "the image of column '%s' (%s) has %d channels: expected 1, 3 or 4 of a byte each",
                column,
                origin(image),
                channels);
        require(
                (long) height * width <= maxPixels,
                "the image of column '%s' (%s) has %d×%d pixels, more than the limit of %d: scale it down",
                column,
                origin(image),
                width,
                height,
                maxPixels);
        var data = ImageSchema.getData(image);
        require(
                data.length == (long) height * width * channels,
                "the image of column '%s' (%s) has %d bytes: expected %d for %d×%d pixels of %d channels",
                column,
                origin(image),
                data.length,
                (long) height * width * channels,
                width,
                height,
                channels);
        var pixels = new byte[3 * height * width];
        for (int from = 0, to = 0; to < pixels.length; from += channels, to += 3) {
            pixels[to] = data[channels == 1 ? from : from + 2];
            pixels[to + 1] = data[channels == 1 ? from : from + 1];
            pixels[to + 2] = data[from];
        }
        return new RgbImage(width, height, pixels);
    }

    private static String origin(Row image) {
        return image.isNullAt(0) ? "of unknown origin" : image.getString(0);
    }
}
