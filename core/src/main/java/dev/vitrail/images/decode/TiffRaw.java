package dev.vitrail.images.decode;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/** Cameras' raw files in TIFF's clothes: their first page is a small preview, which must not be taken for the image. */
final class TiffRaw {
    private static final int SUBFILE = 254;
    private static final int MAKER = 271;
    private static final int SUB_DIRECTORIES = 330;
    private static final int DNG_VERSION = 50706;
    private static final int LONGEST_MAKER = 64;

    private static final List<String> MAKERS = List.of(
            "nikon",
            "canon",
            "sony",
            "pentax",
            "ricoh",
            "samsung",
            "hasselblad",
            "kodak",
            "leica",
            "panasonic",
            "olympus",
            "phase one",
            "mamiya",
            "epson",
            "leaf");

    private TiffRaw() {}

    static void refuse(EncodedImage file, TiffDirectory directory) throws IOException {
        boolean canon = file.matches(8, "CR\2");
        boolean preview = (directory.value(SUBFILE, 0) & 1) != 0 && directory.has(SUB_DIRECTORIES);
        if (canon || (preview && (directory.has(DNG_VERSION) || isCamera(maker(directory))))) {
            throw new UnsupportedFeatureException("a camera's raw data (%s) beside a small preview"
                    .formatted(canon ? "CR2" : directory.has(DNG_VERSION) ? "DNG" : maker(directory)));
        }
    }

    private static boolean isCamera(String maker) {
        return MAKERS.stream().anyMatch(maker.toLowerCase(Locale.ROOT)::startsWith);
    }

    private static String maker(TiffDirectory directory) throws IOException {
        if (directory.count(MAKER) == 0 || directory.count(MAKER) > LONGEST_MAKER) {
            return "";
        }
        return new String(directory.bytes(MAKER), StandardCharsets.US_ASCII)
                .replaceAll("[^ -~]", "")
                .strip();
    }
}
