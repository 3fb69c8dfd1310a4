package dev.vitrail.cli;

import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.SixteenBit;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options of decoding image files. */
final class DecodingOptions {
    @Option(names = "--exif", negatable = true, description = "Apply the EXIF orientation (default: no, as Pillow).")
    private Optional<Boolean> exif = Optional.empty();

    @Option(
            names = "--max-pixels",
            paramLabel = "N",
            description =
                    "Largest number of pixels of an image file (default " + DecodeOptions.DEFAULT_MAX_PIXELS + ").")
    private Optional<Integer> maxPixels = Optional.empty();

    @Option(
            names = "--sixteen-bit",
            paramLabel = "MODE",
            description = "Grey beyond 8 bits: clip (as Pillow), scale the type's range, or the image's"
                    + " (default: clip).")
    private Optional<SixteenBit> sixteenBit = Optional.empty();

    DecodeOptions options() {
        var options = DecodeOptions.DEFAULT.withExifOrientation(exif.orElse(false));
        options = maxPixels.map(options::withMaxPixels).orElse(options);
        return sixteenBit.map(options::withSixteenBit).orElse(options);
    }
}
