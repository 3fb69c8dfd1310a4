package dev.vitrail.images;

import com.twelvemonkeys.imageio.plugins.bmp.BMPImageReaderSpi;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.spi.ImageReaderSpi;

/** BMP, through TwelveMonkeys: plain, run-length coded or with masks, as Pillow reads it, and not with a JPEG or PNG file inside. */
final class BmpDecoder {
    private static final int HEADER = 14;
    /** The compressions from here on are other files' formats, or Windows CE's. */
    private static final int JPEG = 4;

    private static final ImageReaderSpi READER = new BMPImageReaderSpi();

    private BmpDecoder() {}

    static RgbImage decode(Encoded file) throws IOException {
        boolean old = file.u32Little(HEADER) == 12; // OS/2's header has sizes of two bytes
        long width = old ? file.u16Little(HEADER + 4) : file.u32Little(HEADER + 4);
        long height = old ? file.u16Little(HEADER + 6) : Math.abs((long) (int) file.u32Little(HEADER + 8));
        int depth = file.u16Little(HEADER + (old ? 10 : 14));
        long compression = old ? 0 : file.u32Little(HEADER + 16);
        file.checkSize(width, height);
        if (compression >= JPEG) {
            throw new DamagedImageException(
                    "has the compression %d, of which only 0 to 3 are read".formatted(compression));
        }
        if (compression == 0 || compression == 3) {
            long stride = (width * depth + 31) / 32 * 4;
            file.need(
                    (int) Math.min(file.u32Little(10), Integer.MAX_VALUE),
                    stride * (height - 1) + (width * depth + 7) / 8);
        }
        // The last row's padding may be missing.
        var reader = READER.createReaderInstance();
        try (var stream = file.stream(Arrays.copyOf(file.bytes(), file.size() + 3))) {
            reader.setInput(stream, true, true);
            var image = reader.read(0);
            if (image.getWidth() != width || image.getHeight() != height) {
                throw new DamagedImageException("holds %d×%d pixels, and its header says %d×%d"
                        .formatted(image.getWidth(), image.getHeight(), width, height));
            }
            return new RgbImage(image.getWidth(), image.getHeight(), Rasters.toRgb(image));
        } finally {
            reader.dispose();
        }
    }
}
