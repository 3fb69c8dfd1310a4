package dev.vitrail.images.decode;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Reads JPEG, PNG, GIF, WebP, BMP, TIFF and PNM into RGB, as Pillow's {@code Image.open(file).convert("RGB")} does.
 *
 * <p>That means: the first frame; alpha dropped, not composited; colour profiles ignored; CMYK converted without one;
 * 16-bit grey clipped to 255 unless {@link SixteenBit} says otherwise; a truncated file refused; EXIF orientation left
 * alone unless asked for (but TIFF's own applied). Equal bytes.
 *
 * <p>The files are not trusted. The size is checked in the header before anything is allocated, metadata and colour
 * profiles are cut out before a decoder sees them, and whatever a decoder does with crafted data becomes one
 * {@link VitrailException} of one sentence.
 */
public final class ImageDecoder {
    /** Beyond this the file is not even read, as it cannot be one image within any sensible pixel limit: 1 GiB. */
    private static final int MAX_FILE_BYTES = 1 << 30;

    private ImageDecoder() {}

    /**
     * Options of decoding, and its limits.
     *
     * @param applyExifOrientation turn the image as its EXIF data say; Pillow's {@code open} and timm do not
     * @param maxPixels the most that a header may claim, width times height
     * @param timeLimit how long one image may take; looked at whenever a decoder asks for more bytes
     * @param sixteenBit what becomes of grey levels beyond a byte
     */
    public record Options(boolean applyExifOrientation, long maxPixels, Duration timeLimit, SixteenBit sixteenBit) {
        /** Pixels beyond which Pillow refuses. */
        public static final int DEFAULT_MAX_PIXELS = 178_956_970;

        /** Pillow's behaviour: no turning, and no more than {@link #DEFAULT_MAX_PIXELS}; a minute. */
        public static final Options DEFAULT =
                new Options(false, DEFAULT_MAX_PIXELS, Duration.ofMinutes(1), SixteenBit.CLIP);

        public Options {
            VitrailException.require(maxPixels > 0, "The pixel limit must be at least 1, found %d.", maxPixels);
            VitrailException.require(
                    timeLimit.compareTo(Duration.ZERO) > 0 && timeLimit.compareTo(Duration.ofDays(1)) <= 0,
                    "The time limit of an image must be more than nothing and at most a day, found %s.",
                    timeLimit);
        }

        /** These options, with the image turned as its EXIF data say, or not. */
        public Options withExifOrientation(boolean apply) {
            return new Options(apply, maxPixels, timeLimit, sixteenBit);
        }

        /** These options with another limit on width times height. */
        public Options withMaxPixels(long pixels) {
            return new Options(applyExifOrientation, pixels, timeLimit, sixteenBit);
        }

        /** These options with another time limit. */
        public Options withTimeLimit(Duration limit) {
            return new Options(applyExifOrientation, maxPixels, limit, sixteenBit);
        }

        /** These options with another treatment of grey levels beyond a byte. */
        public Options withSixteenBit(SixteenBit how) {
            return new Options(applyExifOrientation, maxPixels, timeLimit, how);
        }
    }

    /** Decodes a file with {@link Options#DEFAULT}. */
    public static RgbImage decode(Path file) {
        return decode(file, Options.DEFAULT);
    }

    /**
     * Decodes a file.
     *
     * @throws VitrailException if it cannot be read, is no image, is damaged or truncated, or is over a limit
     */
    public static RgbImage decode(Path file, Options options) {
        VitrailException.require(
                !Files.isDirectory(file), "%s is a folder, where an image file was expected; name a file in it.", file);
        VitrailException.require(
                Files.exists(file), "%s does not exist, where an image file was expected; check the path.", file);
        try (var stream = Files.newInputStream(file)) {
            return decode(stream, file.toString(), options);
        } catch (IOException e) {
            throw new VitrailException(
                    "%s could not be read (%s); check that it may be.".formatted(file, reason(e)), e);
        }
    }

    /**
     * Decodes all that a stream has; it is left open.
     *
     * @param name what errors call the image
     * @throws VitrailException as {@link #decode(Path, Options)} does
     */
    public static RgbImage decode(InputStream stream, String name, Options options) {
        byte[] bytes;
        try {
            bytes = stream.readNBytes(MAX_FILE_BYTES);
            VitrailException.require(
                    bytes.length < MAX_FILE_BYTES || stream.read() < 0,
                    "%s is larger than the %d bytes that an image file may have; scale the image down.",
                    name,
                    MAX_FILE_BYTES);
        } catch (IOException e) {
            throw new VitrailException(
                    "%s could not be read (%s); check that it may be.".formatted(name, reason(e)), e);
        } catch (OutOfMemoryError e) {
            throw new VitrailException(
                    "%s does not fit into memory; scale the image down or give the JVM more heap.".formatted(name), e);
        }
        return decode(bytes, name, options);
    }

    /**
     * Decodes the contents of a file.
     *
     * @param name what errors call the image
     * @throws VitrailException as {@link #decode(Path, Options)} does
     */
    public static RgbImage decode(byte[] bytes, String name, Options options) {
        var format = ImageFormat.of(bytes).orElseThrow(() -> unread(bytes, name));
        try {
            var file = new EncodedImage(name, bytes, options);
            var image = format.decode(file);
            return options.applyExifOrientation() ? Orientation.of(format, file).apply(image) : image;
        } catch (VitrailException e) {
            throw e;
        } catch (UnsupportedFeatureException e) {
            throw new VitrailException(
                    ("%s, a %s file, has %s, which is not read: convert it to PNG, or to eight-bit RGB of its own"
                                    + " format.")
                            .formatted(name, format.title(), e.getMessage()),
                    e);
        } catch (DamagedImageException e) {
            throw new VitrailException(
                    "%s, a %s file, %s; replace or remove it.".formatted(name, format.title(), e.getMessage()), e);
        } catch (OutOfMemoryError e) {
            throw new VitrailException(
                    ("%s, a %s file, needs more memory than there is; scale it down, lower the pixel limit, or give the"
                                    + " JVM more heap.")
                            .formatted(name, format.title()),
                    e);
        } catch (IOException | RuntimeException | StackOverflowError e) {
            if (endsEarly(e)) {
                throw new VitrailException(
                        ("%s is truncated: a %s file that ends after %d bytes, before its image does; fetch it again or"
                                        + " remove it.")
                                .formatted(name, format.title(), bytes.length),
                        e);
            }
            // Decoders answer crafted files with whatever comes to hand: array indices, null pointers, deep recursion.
            throw new VitrailException(
                    "%s, a %s file, is damaged (%s); replace or remove it.".formatted(name, format.title(), reason(e)),
                    e);
        }
    }

    private static VitrailException unread(byte[] bytes, String name) {
        return ForeignFormat.of(bytes)
                .map(format -> VitrailException.of(
                        "%s is a file of the format %s, which is not read: expected a JPEG, PNG, GIF, WebP, BMP, TIFF"
                                + " or PNM file; convert it to one of these, or remove it.",
                        name, format))
                .orElseGet(() -> VitrailException.of(
                        "%s is not an image: expected a JPEG, PNG, GIF, WebP, BMP, TIFF or PNM file, found %s; replace"
                                + " or remove it.",
                        name, describe(bytes)));
    }

    private static boolean endsEarly(Throwable e) {
        return e instanceof EOFException || (e.getCause() != null && endsEarly(e.getCause()));
    }

    private static String reason(Throwable e) {
        String message = e.getMessage();
        String kind = e.getClass().getSimpleName();
        return message == null || message.isBlank()
                ? kind
                : message.lines().findFirst().orElse(kind);
    }

    private static String describe(byte[] bytes) {
        if (bytes.length == 0) {
            return "an empty file";
        }
        int shown = Math.min(bytes.length, 16);
        var start = new String(bytes, 0, shown, StandardCharsets.US_ASCII);
        boolean text = start.chars().allMatch(c -> (c >= ' ' && c < 127) || c == '\n' || c == '\r' || c == '\t');
        return text
                ? "text that begins with \"%s\"".formatted(start.strip().replaceAll("\\s+", " "))
                : "%d bytes of an unknown kind".formatted(bytes.length);
    }
}
