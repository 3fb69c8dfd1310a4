package dev.vitrail.images;

import dev.vitrail.VitrailException;
import java.awt.image.Raster;
import java.io.IOException;
import java.util.ArrayList;
import javax.imageio.ImageReader;
import javax.imageio.event.IIOReadWarningListener;

/** JPEG: three colours and grey by the JDK, four colours as Pillow turns them to three. */
final class Jpeg {
    /** Components of an Adobe file and how they are coded, from its APP14 marker. */
    private static final int TRANSFORM_YCCK = 2;

    private Jpeg() {}

    static RgbImage decode(ImageReader reader, byte[] encoded, String name) throws IOException {
        var fault = new ArrayList<String>();
        IIOReadWarningListener listener = (source, warning) -> {
            // libjpeg fills what is missing with grey and goes on; Pillow refuses such files, and so do we.
            if (warning.contains("remature end")) {
                fault.add(warning);
            }
        };
        reader.addIIOReadWarningListener(listener);
        var image =
                components(encoded) == 4 ? fourColours(reader.readRaster(0, null), encoded) : Pixels.of(reader.read(0));
        VitrailException.require(
                fault.isEmpty(),
                "%s is truncated (%s): fetch it again or leave it out",
                name,
                String.join(", ", fault));
        return image;
    }

    private static RgbImage fourColours(Raster raster, byte[] encoded) {
        int width = raster.getWidth(), height = raster.getHeight();
        boolean coded = transform(encoded) == TRANSFORM_YCCK;
        var pixels = new byte[3 * width * height];
        var row = new int[4 * width];
        for (int y = 0, p = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < 4 * width; x += 4, p += 3) {
                if (coded) {
                    toInk(row, x);
                }
                // Inks are stored inverted, as Adobe does it: 255 is none.
                int white = row[x + 3];
                pixels[p] = (byte) (white - scaled(255 - row[x], white));
                pixels[p + 1] = (byte) (white - scaled(255 - row[x + 1], white));
                pixels[p + 2] = (byte) (white - scaled(255 - row[x + 2], white));
            }
        }
        return new RgbImage(width, height, pixels);
    }

    /** {@code a · b / 255}, rounded as Pillow rounds it. */
    private static int scaled(int a, int b) {
        int product = a * b + 128;
        return ((product >> 8) + product) >> 8;
    }

    /** Luma and chroma to inks, in libjpeg's fixed-point arithmetic (16 fractional bits). */
    private static void toInk(int[] row, int x) {
        int luma = row[x], cb = row[x + 1] - 128, cr = row[x + 2] - 128;
        int red = luma + ((91881 * cr + 32768) >> 16);
        int green = luma + ((-22554 * cb - 46802 * cr + 32768) >> 16);
        int blue = luma + ((116130 * cb + 32768) >> 16);
        row[x] = clamp(255 - red);
        row[x + 1] = clamp(255 - green);
        row[x + 2] = clamp(255 - blue);
    }

    private static int clamp(int level) {
        return Math.max(0, Math.min(255, level));
    }

    /** Number of components that the frame header states; 0 where there is none. */
    private static int components(byte[] encoded) {
        int frame = find(encoded, true);
        return frame > 0 && frame + 9 < encoded.length ? encoded[frame + 9] & 255 : 0;
    }

    /** The colour transform of the Adobe marker; 0 where there is none. */
    private static int transform(byte[] encoded) {
        int adobe = find(encoded, false);
        return adobe > 0 && adobe + 15 < encoded.length ? encoded[adobe + 15] & 255 : 0;
    }

    /** Position of the first frame header, or else of the Adobe marker; −1 where there is none. */
    private static int find(byte[] encoded, boolean frame) {
        int at = 2;
        while (at + 4 <= encoded.length && (encoded[at] & 255) == 0xff) {
            int marker = encoded[at + 1] & 255;
            boolean isFrame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
            if (frame ? isFrame : marker == 0xee) {
                return at;
            }
            if (marker == 0xda) {
                return -1;
            }
            // A fill byte is one byte long; other segments state their length.
            at += marker == 0xff ? 1 : 2 + ((encoded[at + 2] & 255) << 8 | encoded[at + 3] & 255);
        }
        return -1;
    }
}
