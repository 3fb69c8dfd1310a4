package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.io.IOException;

/**
 * The alpha of a lossy image (RFC 9649, 2.7.1.2): it is not used, but a file in which it is damaged is a damaged
 * file, as to libwebp.
 */
final class Alpha {
    private static final int HEADER_BYTES = 1;
    private static final int NOT_COMPRESSED = 0;
    private static final int LOSSLESS = 1;

    private Alpha() {}

    static void check(Span chunk, FrameHeader.Size size, Deadline deadline) throws IOException {
        int header = chunk.u8(0);
        int method = header & 3;
        int preprocessing = header >> 4 & 3;
        int reserved = header >> 6 & 3;
        if (method > LOSSLESS || preprocessing > 1 || reserved > 1) {
            throw new WebpException("has alpha of a kind that does not exist");
        }
        var data = chunk.from(HEADER_BYTES);
        if (data.size() == 0) {
            throw new EOFException();
        }
        if (method == NOT_COMPRESSED) {
            data.part(0, size.width() * size.height());
        } else {
            LosslessDecoder.checkAlpha(data, size, deadline);
        }
    }
}
