package dev.vitrail.images;

import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import javax.imageio.spi.ImageReaderSpi;

/**
 * WebP through TwelveMonkeys: lossless exactly; lossy about one level of 255 from libwebp in photographs, as it smooths neither colours nor
 * all block edges in the way that libwebp does.
 *
 * <p>Only the image data of the first frame reach the reader.
 */
final class WebpDecoder {
    private static final int FIRST_CHUNK = 12;
    private static final ImageReaderSpi READER = new WebPImageReaderSpi();

    private WebpDecoder() {}

    static RgbImage decode(Encoded file) throws IOException {
        int canvas = 0;
        int canvasHeight = 0;
        long at = FIRST_CHUNK;
        while (at < file.size()) {
            int chunk = (int) at;
            long length = file.u32Little(chunk + 4);
            if (file.matches(chunk, "VP8X")) {
                canvas = file.u24Little(chunk + 12) + 1;
                canvasHeight = file.u24Little(chunk + 15) + 1;
                file.checkSize(canvas, canvasHeight);
            } else if (file.matches(chunk, "VP8 ") || file.matches(chunk, "VP8L")) {
                return frame(file, chunk, length);
            } else if (file.matches(chunk, "ANMF")) {
                return onCanvas(file, chunk + 8, chunk + 8 + length, canvas, canvasHeight);
            }
            at += 8 + length + (length & 1);
        }
        throw new EOFException();
    }

    /** The EXIF block. */
    static Optional<byte[]> exif(Encoded file) throws IOException {
        for (long at = FIRST_CHUNK; at + 8 <= file.size(); ) {
            int data = (int) at + 8;
            long length = file.u32Little((int) at + 4);
            if (file.matches((int) at, "EXIF") && length <= file.size() - data) {
                int skipped = file.matches(data, "Exif\0\0") ? 6 : 0;
                return Optional.of(Arrays.copyOfRange(file.bytes(), data + skipped, data + (int) length));
            }
            at += 8 + length + (length & 1);
        }
        return Optional.empty();
    }

    /** The first frame of an animation, on an empty (black) canvas. */
    private static RgbImage onCanvas(Encoded file, int frame, long end, int width, int height) throws IOException {
        int left = 2 * file.u24Little(frame);
        int top = 2 * file.u24Little(frame + 3);
        for (long at = frame + 16L; at < end; ) {
            int chunk = (int) at;
            long length = file.u32Little(chunk + 4);
            if (file.matches(chunk, "VP8 ") || file.matches(chunk, "VP8L")) {
                var image = frame(file, chunk, length);
                if (left > width - image.width() || top > height - image.height()) {
                    throw new DamagedImageException("has a frame that lies outside its canvas");
                }
                var pixels = new byte[3 * width * height];
                for (int y = 0; y < image.height(); y++) {
                    int to = 3 * ((top + y) * width + left);
                    System.arraycopy(image.pixels(), 3 * y * image.width(), pixels, to, 3 * image.width());
                }
                return new RgbImage(width, height, pixels);
            }
            at += 8 + length + (length & 1);
        }
        throw new EOFException();
    }

    private static RgbImage frame(Encoded file, int chunk, long length) throws IOException {
        file.need(chunk, 8 + length);
        if (file.matches(chunk, "VP8L")) {
            long header = file.u32Little(chunk + 9);
            file.checkSize((header & 0x3fff) + 1, ((header >> 14) & 0x3fff) + 1);
        } else {
            file.checkSize(file.u16Little(chunk + 14) & 0x3fff, file.u16Little(chunk + 16) & 0x3fff);
        }
        int padded = (int) (length + (length & 1));
        var content = new byte[20 + padded];
        System.arraycopy(file.bytes(), 0, content, 0, FIRST_CHUNK);
        System.arraycopy(file.bytes(), chunk, content, FIRST_CHUNK, 8 + (int) length);
        for (int i = 0; i < 4; i++) {
            content[4 + i] = (byte) ((content.length - 8) >> (8 * i));
        }
        var reader = READER.createReaderInstance();
        try (var stream = file.stream(content)) {
            reader.setInput(stream, true, true);
            var image = reader.read(0);
            return new RgbImage(image.getWidth(), image.getHeight(), Rasters.toRgb(image));
        } finally {
            reader.dispose();
        }
    }
}
