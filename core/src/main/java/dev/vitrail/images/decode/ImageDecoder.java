package dev.vitrail.images.decode;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

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
    /**
     * Bytes beyond which the file is not even read, as it cannot be one image within any sensible pixel limit: 1 GiB.
     */
    private static final int MAX_FILE_BYTES = 1 << 30;

    private ImageDecoder() {}

    /** Decodes a file with {@link DecodeOptions#DEFAULT}. */
    public static RgbImage decode(Path file) {
        return decode(file, DecodeOptions.DEFAULT);
    }

    /**
     * Decodes a file.
     *
     * @throws VitrailException if it cannot be read, is no image, is damaged or truncated, or is over a limit
     */
    public static RgbImage decode(Path file, DecodeOptions options) {
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
     * @throws VitrailException as {@link #decode(Path, DecodeOptions)} does
     */
    public static RgbImage decode(InputStream stream, String name, DecodeOptions options) {
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
     * @throws VitrailException as {@link #decode(Path, DecodeOptions)} does
     */
    public static RgbImage decode(byte[] bytes, String name, DecodeOptions options) {
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
