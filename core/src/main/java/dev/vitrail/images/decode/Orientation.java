package dev.vitrail.images.decode;

import com.drew.lang.ByteArrayReader;
import com.drew.metadata.Metadata;
import com.drew.metadata.exif.ExifIFD0Directory;
import com.drew.metadata.exif.ExifReader;
import dev.vitrail.images.RgbImage;
import java.io.IOException;
import java.util.Optional;

/** Orientation of the camera: the eight orientations of EXIF, in the order of their numbers 1 to 8. */
enum Orientation {
    UPRIGHT(false, false, false),
    MIRRORED(false, true, false),
    UPSIDE_DOWN(false, true, true),
    FLIPPED(false, false, true),
    TRANSPOSED(true, false, false),
    TURNED_LEFT(true, false, true),
    TRANSVERSED(true, true, true),
    TURNED_RIGHT(true, true, false);

    /** A larger block is not EXIF: JPEG cannot hold more than 64 KiB, and no camera writes more elsewhere. */
    private static final int MAX_BYTES = 1 << 20;

    private final boolean transposed;
    private final boolean fromRight;
    private final boolean fromBottom;

    /**
     * Upright pixel (x, y) lies at column x and row y of the file, or the other way round, counted from the far side
     * if so said.
     */
    Orientation(boolean transposed, boolean fromRight, boolean fromBottom) {
        this.transposed = transposed;
        this.fromRight = fromRight;
        this.fromBottom = fromBottom;
    }

    /**
     * Orientation by the file's EXIF data, {@link #UPRIGHT} without any. TIFF gives it in its own header, which its
     * decoder obeys.
     */
    static Orientation of(ImageFormat format, EncodedImage file) throws IOException {
        return switch (format) {
            case JPEG -> JpegHeader.parse(file).exif().map(Orientation::ofExif).orElse(UPRIGHT);
            case PNG -> PngDecoder.exif(file).map(Orientation::ofExif).orElse(UPRIGHT);
            case WEBP -> WebpDecoder.exif(file).map(Orientation::ofExif).orElse(UPRIGHT);
            case GIF, BMP, TIFF, PNM -> UPRIGHT;
        };
    }

    /** The orientation with EXIF's number, {@link #UPRIGHT} if there is none such. */
    static Orientation of(int number) {
        return number < 1 || number > values().length ? UPRIGHT : values()[number - 1];
    }

    private static Orientation ofExif(byte[] bytes) {
        if (bytes.length > MAX_BYTES) {
            return UPRIGHT;
        }
        var metadata = new Metadata();
        new ExifReader().extract(new ByteArrayReader(bytes), metadata);
        return Optional.ofNullable(metadata.getFirstDirectoryOfType(ExifIFD0Directory.class))
                .map(directory -> directory.getInteger(ExifIFD0Directory.TAG_ORIENTATION))
                .map(Orientation::of)
                .orElse(UPRIGHT);
    }

    /** The image as the photographer saw it. */
    RgbImage apply(RgbImage image) {
        if (this == UPRIGHT) {
            return image;
        }
        int width = transposed ? image.height() : image.width();
        int height = transposed ? image.width() : image.height();
        var source = image.pixels();
        var pixels = new byte[source.length];
        int to = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int column = transposed ? y : x;
                int row = transposed ? x : y;
                int from = 3
                        * ((fromBottom ? image.height() - 1 - row : row) * image.width()
                                + (fromRight ? image.width() - 1 - column : column));
                pixels[to++] = source[from];
                pixels[to++] = source[from + 1];
                pixels[to++] = source[from + 2];
            }
        }
        return new RgbImage(width, height, pixels, image.cut());
    }
}
