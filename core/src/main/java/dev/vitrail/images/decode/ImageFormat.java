package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** The file formats that are read, told apart by their first bytes: a file's name says nothing reliable about it. */
enum ImageFormat {
    JPEG("JPEG"),
    PNG("PNG"),
    GIF("GIF"),
    WEBP("WebP"),
    BMP("BMP"),
    TIFF("TIFF"),
    PNM("PNM");

    private final String title;

    ImageFormat(String title) {
        this.title = title;
    }

    /** The format of a file with these contents. */
    static Optional<ImageFormat> of(byte[] bytes) {
        if (begins(bytes, "\u00ff\u00d8\u00ff")) {
            return Optional.of(JPEG);
        }
        if (begins(bytes, "\u0089PNG\r\n\u001a\n")) {
            return Optional.of(PNG);
        }
        if (begins(bytes, "GIF87a") || begins(bytes, "GIF89a")) {
            return Optional.of(GIF);
        }
        if (begins(bytes, "RIFF") && bytes.length >= 12 && begins(Arrays.copyOfRange(bytes, 8, 12), "WEBP")) {
            return Optional.of(WEBP);
        }
        if (TiffDirectory.begins(bytes)) {
            return Optional.of(TIFF);
        }
        if (PnmDecoder.begins(bytes)) {
            return Optional.of(PNM);
        }
        return begins(bytes, "BM") || BmpDecoder.isHeader(bytes) ? Optional.of(BMP) : Optional.empty();
    }

    String title() {
        return title;
    }

    /**
     * Decodes the first image of a file of this format.
     *
     * @throws java.io.EOFException if the file ends too early
     * @throws IOException if it is damaged, or uses a feature that is not read
     */
    RgbImage decode(EncodedImage file) throws IOException {
        return switch (this) {
            case JPEG -> JpegDecoder.decode(file);
            case PNG -> PngDecoder.decode(file);
            case GIF -> GifDecoder.decode(file);
            case WEBP -> WebpDecoder.decode(file);
            case BMP -> BmpDecoder.decode(file);
            case TIFF -> TiffDecoder.decode(file);
            case PNM -> PnmDecoder.decode(file);
        };
    }

    private static boolean begins(byte[] bytes, String magic) {
        byte[] wanted = magic.getBytes(StandardCharsets.ISO_8859_1);
        return bytes.length >= wanted.length && Arrays.equals(bytes, 0, wanted.length, wanted, 0, wanted.length);
    }
}
