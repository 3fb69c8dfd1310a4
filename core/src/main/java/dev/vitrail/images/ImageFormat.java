package dev.vitrail.images;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The formats that can be decoded, told apart by their first bytes. */
enum ImageFormat {
    JPEG("JPEG"),
    PNG("PNG"),
    GIF("GIF"),
    WEBP("WebP"),
    BMP("BMP"),
    TIFF("TIFF"),
    UNKNOWN("unknown");

    private final String label;

    ImageFormat(String label) {
        this.label = label;
    }

    /** The format's name as people write it. */
    String label() {
        return label;
    }

    static String known() {
        return Arrays.stream(values())
                .filter(format -> format != UNKNOWN)
                .map(ImageFormat::label)
                .collect(Collectors.joining(", "));
    }

    static ImageFormat of(byte[] bytes) {
        if (begins(bytes, 0xff, 0xd8, 0xff)) {
            return JPEG;
        }
        if (begins(bytes, 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n')) {
            return PNG;
        }
        if (begins(bytes, 'G', 'I', 'F', '8')) {
            return GIF;
        }
        if (begins(bytes, 'R', 'I', 'F', 'F')
                && bytes.length > 12
                && bytes[8] == 'W'
                && bytes[9] == 'E'
                && bytes[10] == 'B') {
            return WEBP;
        }
        if (begins(bytes, 'B', 'M')) {
            return BMP;
        }
        boolean tiff = begins(bytes, 'I', 'I', 42, 0) || begins(bytes, 'M', 'M', 0, 42);
        return tiff ? TIFF : UNKNOWN;
    }

    private static boolean begins(byte[] bytes, int... magic) {
        if (bytes.length < magic.length) {
            return false;
        }
        for (int i = 0; i < magic.length; i++) {
            if ((bytes[i] & 255) != magic[i]) {
                return false;
            }
        }
        return true;
    }
}
