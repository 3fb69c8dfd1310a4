package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.webp.WebpException;
import dev.vitrail.images.decode.webp.WebpFile;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/** WebP, lossy and lossless, by a decoder of our own: equal to libwebp's to the byte (docs/adr/0012-webp.md). */
final class WebpDecoder {
    private static final int FIRST_CHUNK = 12;

    private WebpDecoder() {}

    static RgbImage decode(EncodedImage file) throws IOException {
        try {
            var image = WebpFile.parse(file.bytes());
            file.checkSize(image.width(), image.height());
            return new RgbImage(image.width(), image.height(), image.rgb(file.deadline()));
        } catch (WebpException e) {
            throw new DamagedImageException(e.fault());
        }
    }

    /** The EXIF block. */
    static Optional<byte[]> exif(EncodedImage file) throws IOException {
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
}
