package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.awt.image.Raster;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Iterator;
import javax.imageio.ImageReader;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;

/**
 * JPEG, baseline and progressive, through the JDK's reader (libjpeg).
 *
 * <p>The reader gets the file without its application segments and is asked for raw components: it guesses the colours
 * of a file by rules that are not libjpeg's, chokes on broken profiles, and would convert colours through them. The
 * conversion to RGB is done here, with libjpeg's integers. The transform and the upsampling are the reader's own, equal
 * to those of libjpeg-turbo but for images whose chroma is halved vertically alone (4:4:0, camera images turned without
 * loss): there the JDK's own libjpeg repeats each row, and {@link #smoothRows} makes up for that. JDKs built against
 * the system's libjpeg-turbo need no help, and are told by their rows, which differ.
 */
final class JpegDecoder {
    /** Start of image and an empty JFIF segment, which keeps the reader from guessing. */
    private static final byte[] START = {
        -1, (byte) 0xd8, -1, (byte) 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0
    };

    private static final ImageReaderSpi READER = reader();

    /**
     * Contributions of the chroma levels to red and blue, and to green times 2¹⁶: libjpeg's tables ({@code jdcolor.c}),
     * with its rounding.
     */
    private static final int[] RED_OF_CR = new int[256];

    private static final int[] BLUE_OF_CB = new int[256];
    private static final int[] GREEN_OF_CB = new int[256];
    private static final int[] GREEN_OF_CR = new int[256];

    static {
        for (int level = 0; level < 256; level++) {
            int chroma = level - 128;
            RED_OF_CR[level] = (91881 * chroma + 32768) >> 16;
            BLUE_OF_CB[level] = (116130 * chroma + 32768) >> 16;
            GREEN_OF_CB[level] = -22554 * chroma;
            GREEN_OF_CR[level] = -46802 * chroma + 32768;
        }
    }

    private JpegDecoder() {}

    static RgbImage decode(EncodedImage file) throws IOException {
        var header = JpegHeader.parse(file);
        return new RgbImage(header.width(), header.height(), toRgb(levels(file, header), header));
    }

    /**
     * The components of a JPEG file inside another format, {@code [height, width, components]}; of YCbCr the colours
     * if asked for.
     */
    static byte[] levels(EncodedImage file, JpegHeader header, boolean ycc) throws IOException {
        byte[] levels = levels(file, header);
        for (int i = 0; ycc && i < levels.length; i += 3) {
            yccToRgb(levels, i);
        }
        return levels;
    }

    private static byte[] levels(EncodedImage file, JpegHeader header) throws IOException {
        byte[] levels = components(file, header);
        for (int i = 0; i < header.components(); i++) {
            if (halvedDown(header, i) && repeated(levels, header, i)) {
                smoothRows(levels, header, i);
            }
        }
        return levels;
    }

    /** The components of each pixel, {@code [height, width, components]}, before any conversion of colours. */
    private static byte[] components(EncodedImage file, JpegHeader header) throws IOException {
        int rest = file.size() - header.scan();
        var content = Arrays.copyOf(START, START.length + header.tables().length + rest);
        System.arraycopy(header.tables(), 0, content, START.length, header.tables().length);
        System.arraycopy(file.bytes(), header.scan(), content, content.length - rest, rest);
        var reader = READER.createReaderInstance();
        try (var stream = file.stream(content)) {
            reader.setInput(stream, true, true);
            var raster = raster(reader, stream);
            return Rasters.bytes(raster, header.components());
        } finally {
            reader.dispose();
        }
    }

    /** The reader makes up for missing bytes, or stumbles over them: either way it has asked for more than there is. */
    private static Raster raster(ImageReader reader, MemoryImageStream stream) throws IOException {
        try {
            var raster = reader.readRaster(0, reader.getDefaultReadParam());
            if (!stream.exhausted()) {
                return raster;
            }
        } catch (IOException e) {
            if (!stream.exhausted()) {
                throw e;
            }
        }
        throw new EOFException();
    }

    private static boolean halvedDown(JpegHeader header, int component) {
        int widest = Arrays.stream(header.horizontal()).max().orElseThrow();
        int tallest = Arrays.stream(header.vertical()).max().orElseThrow();
        return header.components() > 1
                && header.horizontal()[component] == widest
                && header.vertical()[component] * 2 == tallest;
    }

    /** Returns whether every row of a component appears twice. */
    private static boolean repeated(byte[] levels, JpegHeader header, int component) {
        int step = header.components();
        int stride = step * header.width();
        for (int y = 0; y + 1 < header.height(); y += 2) {
            for (int at = y * stride + component; at < (y + 1) * stride; at += step) {
                if (levels[at] != levels[at + stride]) {
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * Interpolates a component that has half the rows: each row is three parts the nearer sample and one part the
     * farther, as libjpeg-turbo has it. Rows 2k and 2k + 1 hold the same samples on entry; beyond the edge the
     * edge is repeated.
     */
    private static void smoothRows(byte[] levels, JpegHeader header, int component) {
        int step = header.components();
        int stride = step * header.width();
        int samples = (header.height() + 1) / 2;
        var above = new byte[header.width()];
        var here = new byte[header.width()];
        for (int k = 0; k < samples; k++) {
            int below = Math.min(k + 1, samples - 1) * 2 * stride + component;
            for (int x = 0; x < here.length; x++) {
                here[x] = levels[2 * k * stride + component + x * step];
            }
            byte[] before = k == 0 ? here : above;
            for (int x = 0; x < here.length; x++) {
                int near = 3 * (here[x] & 0xff);
                int after = levels[below + x * step] & 0xff;
                int at = 2 * k * stride + component + x * step;
                levels[at] = (byte) ((near + (before[x] & 0xff) + 1) >> 2);
                if (2 * k + 1 < header.height()) {
                    levels[at + stride] = (byte) ((near + after + 2) >> 2);
                }
            }
            var swap = above;
            above = here;
            here = swap;
        }
    }

    private static byte[] toRgb(byte[] levels, JpegHeader header) {
        return switch (header.colors()) {
            case GREY -> Rasters.greyToRgb(levels);
            case RGB -> levels;
            case YCC -> {
                for (int i = 0; i < levels.length; i += 3) {
                    yccToRgb(levels, i);
                }
                yield levels;
            }
            case YCCK -> {
                for (int i = 0; i < levels.length; i += 4) {
                    yccToRgb(levels, i);
                }
                // Pillow takes every four-component JPEG for one of Adobe's, whose levels are inverted; YCC gave the
                // inverse already.
                yield Rasters.inkToRgb(levels, false);
            }
            case CMYK -> Rasters.inkToRgb(levels, true);
        };
    }

    /** A pixel from YCbCr to RGB in place. */
    private static void yccToRgb(byte[] levels, int at) {
        int y = levels[at] & 0xff;
        int cb = levels[at + 1] & 0xff;
        int cr = levels[at + 2] & 0xff;
        int red = y + RED_OF_CR[cr];
        int green = y + ((GREEN_OF_CB[cb] + GREEN_OF_CR[cr]) >> 16);
        int blue = y + BLUE_OF_CB[cb];
        if (((red | green | blue) & ~0xff) != 0) { // few pixels need it
            red = clip(red);
            green = clip(green);
            blue = clip(blue);
        }
        levels[at] = (byte) red;
        levels[at + 1] = (byte) green;
        levels[at + 2] = (byte) blue;
    }

    private static int clip(int level) {
        return Math.min(Math.max(level, 0), 255);
    }

    private static ImageReaderSpi reader() {
        Iterator<ImageReaderSpi> readers =
                IIORegistry.getDefaultInstance().getServiceProviders(ImageReaderSpi.class, false);
        while (readers.hasNext()) {
            var candidate = readers.next();
            // Others register for JPEG too, and would put this one last.
            if (candidate.getPluginClassName().startsWith("com.sun.imageio.plugins.jpeg.")) {
                return candidate;
            }
        }
        throw new IllegalStateException("this Java runtime has no JPEG reader: it lacks the module java.desktop");
    }
}
