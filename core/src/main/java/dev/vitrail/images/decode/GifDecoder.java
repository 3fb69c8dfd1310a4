package dev.vitrail.images.decode;

import dev.vitrail.images.Region;
import dev.vitrail.images.RgbImage;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;

/**
 * The first frame of a GIF, through the JDK's reader, on the logical screen that the file declares.
 *
 * <p>The reader is given that frame and nothing else, so neither extensions nor later frames cost anything.
 */
final class GifDecoder {
    private static final int SCREEN = 13;

    private GifDecoder() {}

    static RgbImage decode(EncodedImage file) throws IOException {
        int palette = paletteBytes(file.u8(10));
        int at = SCREEN + palette;
        int transparent = 0;
        for (; file.u8(at) != ','; ) {
            if (file.u8(at) == ';') {
                throw new DamagedImageException("holds no image");
            }
            if (file.u8(at) != '!') {
                at++; // Pillow skips what it does not know
                continue;
            }
            if (file.u8(at + 1) == 0xf9 && file.u8(at + 2) >= 4 && (file.u8(at + 3) & 1) != 0) {
                transparent = file.u8(at + 6);
            }
            at = afterBlocks(file, at + 2);
        }
        var frame = new Region(
                file.u16Little(at + 1),
                file.u16Little(at + 3),
                Math.max(file.u16Little(at + 5), 1),
                Math.max(file.u16Little(at + 7), 1));
        int width = Math.max(file.u16Little(6), frame.left() + frame.width());
        int height = Math.max(file.u16Little(8), frame.top() + frame.height());
        file.checkSize(width, height);
        int data = at + 10 + paletteBytes(file.u8(at + 9));
        int end = afterBlocks(file, data + 1);
        var content = new ByteArrayOutputStream();
        content.write(file.bytes(), 0, SCREEN + palette);
        content.write(file.bytes(), at, end - at);
        content.write(';');
        // A code of twelve bits stands for 4096 pixels at most.
        if ((long) frame.width() * frame.height() > 8L * 4096 / 3 * (end - data)) {
            throw new EOFException();
        }
        return onScreen(file, content.toByteArray(), frame, width, height, transparent);
    }

    private static RgbImage onScreen(
            EncodedImage file, byte[] content, Region frame, int width, int height, int background) throws IOException {
        var reader = ImageIO.getImageReadersByFormatName("gif").next();
        try (var stream = file.stream(content)) {
            reader.setInput(stream, true, true);
            var image = reader.read(0);
            byte[] indices = Rasters.bytes(image.getRaster(), 1);
            var screen = new byte[width * height];
            if (background != 0) {
                Arrays.fill(screen, (byte) background);
            }
            for (int y = 0; y < frame.height(); y++) {
                System.arraycopy(
                        indices, y * frame.width(), screen, (frame.top() + y) * width + frame.left(), frame.width());
            }
            return new RgbImage(width, height, Rasters.paletteToRgb(screen, (IndexColorModel) image.getColorModel()));
        } finally {
            reader.dispose();
        }
    }

    private static int paletteBytes(int flags) {
        return (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
    }

    /** End of a chain of sub-blocks: the offset of the byte after its terminator. */
    private static int afterBlocks(EncodedImage file, int at) throws IOException {
        int next = at;
        while (file.u8(next) != 0) {
            next += 1 + file.u8(next);
        }
        return next + 1;
    }
}
