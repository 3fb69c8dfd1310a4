package dev.vitrail.images.decode;

import dev.vitrail.errors.VitrailException;
import java.time.Duration;

/**
 * Options and limits of decoding an image.
 *
 * @param applyExifOrientation turn the image as its EXIF data say; Pillow's {@code open} and timm do not
 * @param maxPixels the most that a header may claim, width times height
 * @param timeLimit how long one image may take; looked at whenever a decoder asks for more bytes
 * @param sixteenBit what becomes of grey levels beyond a byte
 */
public record DecodeOptions(boolean applyExifOrientation, long maxPixels, Duration timeLimit, SixteenBit sixteenBit) {
    /** Pixels beyond which Pillow refuses. */
    public static final int DEFAULT_MAX_PIXELS = 178_956_970;

    /** Pillow's behaviour: no turning, and no more than {@link #DEFAULT_MAX_PIXELS}; a minute. */
    public static final DecodeOptions DEFAULT =
            new DecodeOptions(false, DEFAULT_MAX_PIXELS, Duration.ofMinutes(1), SixteenBit.CLIP);

    public DecodeOptions {
        VitrailException.require(maxPixels > 0, "The pixel limit must be at least 1, found %d.", maxPixels);
        VitrailException.require(
                timeLimit.compareTo(Duration.ZERO) > 0 && timeLimit.compareTo(Duration.ofDays(1)) <= 0,
                "The time limit of an image must be more than nothing and at most a day, found %s.",
                timeLimit);
    }

    /** These options, with the image turned as its EXIF data say, or not. */
    public DecodeOptions withExifOrientation(boolean apply) {
        return new DecodeOptions(apply, maxPixels, timeLimit, sixteenBit);
    }

    /** These options with another limit on width times height. */
    public DecodeOptions withMaxPixels(long pixels) {
        return new DecodeOptions(applyExifOrientation, pixels, timeLimit, sixteenBit);
    }

    /** These options with another time limit. */
    public DecodeOptions withTimeLimit(Duration limit) {
        return new DecodeOptions(applyExifOrientation, maxPixels, limit, sixteenBit);
    }

    /** These options with another treatment of grey levels beyond a byte. */
    public DecodeOptions withSixteenBit(SixteenBit how) {
        return new DecodeOptions(applyExifOrientation, maxPixels, timeLimit, how);
    }
}
