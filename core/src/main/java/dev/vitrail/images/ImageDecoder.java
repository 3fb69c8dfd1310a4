package dev.vitrail.images;

import dev.vitrail.VitrailException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Decodes pictures to the very pixels that Pillow's {@code Image.open(file).convert("RGB")} gives: alpha is dropped, of an
 * animation only the first frame counts, colour profiles are not applied.
 *
 * <p>What a picture is, its first bytes say; its name counts for nothing. Its size is checked before any pixel is decoded, so
 * that a small file cannot ask for much memory, and text and profiles beside the pixels are skipped. Whatever is wrong with a
 * picture, or with the library that reads it, is a {@link VitrailException} with one sentence.
 */
public final class ImageDecoder {
    /**
     * What a decoder accepts and does.
     *
     * @param maxPixels of one picture; more are refused before decoding
     * @param maxSeconds of decoding one picture
     * @param applyOrientation whether the camera's orientation (EXIF) turns the picture; the originals' pipelines do not
     */
    public record Options(long maxPixels, int maxSeconds, boolean applyOrientation) {
        /** Pillow's own limit of 178,956,970 pixels, a minute, and no turning. */
        public static final Options DEFAULT = new Options(178_956_970, 60, false);

        /** The same, with or without turning by the camera's orientation. */
        public Options withOrientation(boolean apply) {
            return new Options(maxPixels, maxSeconds, apply);
        }

        /** The same with another limit of pixels. */
        public Options withMaxPixels(long limit) {
            return new Options(limit, maxSeconds, applyOrientation);
        }
    }

    private static final ScheduledExecutorService WATCH = Executors.newSingleThreadScheduledExecutor(task -> {
        var thread = new Thread(task, "vitrail-decoding-watch");
        thread.setDaemon(true);
        return thread;
    });

    private final Options options;

    public ImageDecoder(Options options) {
        this.options = options;
    }

    /** Decodes a file with the default options. */
    public static RgbImage decode(Path file) {
        return new ImageDecoder(Options.DEFAULT).read(file);
    }

    /** Decodes a file. */
    public RgbImage read(Path file) {
        VitrailException.require(!Files.isDirectory(file), "%s is a folder, not a picture: name a file in it", file);
        try {
            return read(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw new VitrailException(
                    "%s cannot be read (%s): check that it exists and may be read".formatted(file, e.getMessage()), e);
        }
    }

    /** Decodes all that a stream still holds; the caller closes it. */
    public RgbImage read(InputStream stream, String name) {
        try {
            return read(stream.readAllBytes(), name);
        } catch (IOException e) {
            throw new VitrailException("%s cannot be read (%s)".formatted(name, e.getMessage()), e);
        }
    }

    /**
     * Decodes an encoded picture.
     *
     * @param name what errors call it
     */
    public RgbImage read(byte[] encoded, String name) {
        var format = ImageFormat.of(encoded);
        VitrailException.require(
                format != ImageFormat.UNKNOWN,
                "%s is no picture: its %d bytes begin as none of %s does",
                name,
                encoded.length,
                ImageFormat.known());
        var reader = reader(format);
        // The reader checks for the wish to stop at every row.
        var watch = WATCH.schedule(reader::abort, options.maxSeconds, TimeUnit.SECONDS);
        try (ImageInputStream stream = new MemoryCacheImageInputStream(new ByteArrayInputStream(encoded))) {
            reader.setInput(stream, format != ImageFormat.GIF, format != ImageFormat.GIF);
            checkSize(reader, name);
            var image = decode(reader, format, encoded, name);
            return options.applyOrientation ? Orientation.apply(image, encoded) : image;
        } catch (VitrailException e) {
            throw e;
        } catch (IOException | RuntimeException | StackOverflowError | OutOfMemoryError e) {
            // Readers meet crafted files with any of these.
            throw new VitrailException(
                    "%s is a broken %s picture (%s): replace it or leave it out"
                            .formatted(name, format.label(), reason(e)),
                    e);
        } finally {
            watch.cancel(false);
            reader.dispose();
        }
    }

    private static String reason(Throwable failure) {
        var message = failure.getMessage();
        return message == null || message.isBlank()
                ? failure.getClass().getSimpleName()
                : message.lines().findFirst().orElse("");
    }

    private void checkSize(ImageReader reader, String name) throws IOException {
        long width = reader.getWidth(0), height = reader.getHeight(0);
        VitrailException.require(
                width * height <= options.maxPixels,
                "%s claims %d×%d pixels, more than the limit of %d: if it is meant, raise the limit",
                name,
                width,
                height,
                options.maxPixels);
    }

    private static RgbImage decode(ImageReader reader, ImageFormat format, byte[] encoded, String name)
            throws IOException {
        var image =
                switch (format) {
                    case JPEG -> Jpeg.decode(reader, encoded, name);
                    case GIF -> Gif.decode(reader);
                    default -> Pixels.of(reader.read(0));
                };
        return image;
    }

    /** The JDK's own reader where it has one, as it is exact; else the one that a library registered. */
    private static ImageReader reader(ImageFormat format) {
        Iterator<ImageReader> readers =
                ImageIO.getImageReadersByFormatName(format.name().toLowerCase(Locale.ROOT));
        ImageReader chosen = null;
        while (readers.hasNext()) {
            var reader = readers.next();
            if (chosen == null || reader.getClass().getName().startsWith("com.sun.imageio")) {
                chosen = reader;
            }
        }
        if (chosen == null) {
            throw VitrailException.of(
                    "no reader for %s pictures is on the class path: add com.twelvemonkeys.imageio:imageio-%s",
                    format.label(), format.name().toLowerCase(Locale.ROOT));
        }
        return chosen;
    }
}
