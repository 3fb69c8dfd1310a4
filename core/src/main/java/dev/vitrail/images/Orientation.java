package dev.vitrail.images;

import com.drew.imaging.ImageMetadataReader;
import com.drew.imaging.ImageProcessingException;
import com.drew.metadata.MetadataException;
import com.drew.metadata.exif.ExifIFD0Directory;
import java.io.ByteArrayInputStream;
import java.io.IOException;

/** Turns a picture as the camera was held (EXIF 2.3, tag 274). */
final class Orientation {
    private static final int UPRIGHT = 1;

    private Orientation() {}

    static RgbImage apply(RgbImage image, byte[] encoded) {
        int orientation = read(encoded);
        return orientation == UPRIGHT ? image : turn(image, orientation);
    }

    private static int read(byte[] encoded) {
        try {
            var directory = ImageMetadataReader.readMetadata(new ByteArrayInputStream(encoded))
                    .getFirstDirectoryOfType(ExifIFD0Directory.class);
            if (directory == null || !directory.containsTag(ExifIFD0Directory.TAG_ORIENTATION)) {
                return UPRIGHT;
            }
            int orientation = directory.getInt(ExifIFD0Directory.TAG_ORIENTATION);
            return orientation >= 1 && orientation <= 8 ? orientation : UPRIGHT;
        } catch (ImageProcessingException | IOException | MetadataException e) {
            // The pixels are sound; a camera's note that cannot be read says nothing.
            return UPRIGHT;
        }
    }

    /** Each of the eight is a mirroring of rows, of columns, and an exchange of both. */
    static RgbImage turn(RgbImage image, int orientation) {
        boolean exchanged = orientation >= 5;
        boolean mirrorX = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        boolean mirrorY = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        int width = exchanged ? image.height() : image.width(), height = exchanged ? image.width() : image.height();
        var from = image.pixels();
        var to = new byte[from.length];
        for (int y = 0, p = 0; y < height; y++) {
            for (int x = 0; x < width; x++, p += 3) {
                int sourceX = exchanged ? y : x, sourceY = exchanged ? x : y;
                int column = mirrorX ? image.width() - 1 - sourceX : sourceX;
                int row = mirrorY ? image.height() - 1 - sourceY : sourceY;
                System.arraycopy(from, 3 * (row * image.width() + column), to, p, 3);
            }
        }
        return new RgbImage(width, height, to);
    }
}
