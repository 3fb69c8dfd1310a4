package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.awt.image.Raster;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;

/**
 * PNG of every colour type and depth, through the JDK's reader.
 *
 * <p>The reader is given the header, the palette and the image data only: profiles and texts, which can inflate a
 * thousandfold, never reach it, and transparency does not matter to RGB.
 */
final class PngDecoder {
    private static final int SIGNATURE = 8;
    private static final int HEADER = SIGNATURE + 8;

    /** Deflate cannot do better: 258 bytes from two bits (RFC 1951). */
    private static final int BEST_RATIO = 1032;

    private PngDecoder() {}

    static RgbImage decode(EncodedImage file) throws IOException {
        file.need(0, HEADER + 17);
        if (!file.matches(SIGNATURE + 4, "IHDR") || file.u32Big(SIGNATURE) != 13) {
            throw new DamagedImageException("does not begin with its header");
        }
        file.checkSize(file.u32Big(HEADER), file.u32Big(HEADER + 4));
        int width = (int) file.u32Big(HEADER);
        int height = (int) file.u32Big(HEADER + 4);
        int depth = file.u8(HEADER + 8);
        int type = file.u8(HEADER + 9);
        byte[] content = essential(file, rawBytes(width, height, depth, type));
        var reader = ImageIO.getImageReadersByFormatName("png").next();
        try (var stream = file.stream(content)) {
            reader.setInput(stream, true, true);
            var image = reader.read(0);
            if (type == 0 && depth < 8) {
                return new RgbImage(width, height, Rasters.greyToRgb(widened(image.getRaster(), depth)));
            }
            if (type == 0 && depth == 16) {
                return WideGrey.of(image.getRaster()).image(file.sixteenBit());
            }
            return new RgbImage(width, height, Rasters.toRgb(image));
        } finally {
            reader.dispose();
        }
    }

    /** The EXIF block. */
    static Optional<byte[]> exif(EncodedImage file) throws IOException {
        for (long at = SIGNATURE; at + 12 <= file.size(); at += 12 + file.u32Big((int) at)) {
            int data = (int) at + 8;
            long length = file.u32Big((int) at);
            if (file.matches((int) at + 4, "eXIf") && length <= file.size() - data) {
                return Optional.of(Arrays.copyOfRange(file.bytes(), data, data + (int) length));
            }
        }
        return Optional.empty();
    }

    /**
     * Bytes of the rows before compression, each with the byte of its filter's number; interlacing adds only to that.
     */
    private static long rawBytes(int width, int height, int depth, int type) throws IOException {
        int channels =
                switch (type) {
                    case 0, 3 -> 1;
                    case 4 -> 2;
                    case 2 -> 3;
                    case 6 -> 4;
                    default -> throw new DamagedImageException("has the unknown colour type %d".formatted(type));
                };
        return height * (1 + ((long) width * channels * depth + 7) / 8);
    }

    /** The file with nothing but what decoding needs. */
    private static byte[] essential(EncodedImage file, long rawBytes) throws IOException {
        var content = new ByteArrayOutputStream(file.size());
        content.write(file.bytes(), 0, SIGNATURE);
        long imageBytes = 0;
        int at = SIGNATURE;
        while (at <= file.size() - 8) {
            long length = file.u32Big(at);
            boolean image = file.matches(at + 4, "IDAT");
            if (imageBytes > 0 && !image) {
                break;
            }
            // A file may lack its very last bytes, as long as the reader finds enough in it to fill the image.
            int present = (int) Math.min(length, file.size() - at - 8);
            if (image) {
                imageBytes += present;
                chunk(content, file, at, present);
            } else {
                file.need(at, length + 12);
                if (file.matches(at + 4, "IHDR") || file.matches(at + 4, "PLTE")) {
                    checkSum(file, at, present);
                    chunk(content, file, at, present);
                } else if (file.matches(at + 4, "IEND")) {
                    break;
                }
            }
            at = Math.addExact(at, present + 12);
        }
        if (rawBytes > BEST_RATIO * imageBytes + BEST_RATIO) {
            throw new EOFException();
        }
        content.write(new byte[] {0, 0, 0, 0, 'I', 'E', 'N', 'D', (byte) 0xae, 0x42, 0x60, (byte) 0x82}, 0, 12);
        return content.toByteArray();
    }

    private static void chunk(ByteArrayOutputStream content, EncodedImage file, int at, int length) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            content.write(length >> shift);
        }
        content.write(file.bytes(), at + 4, length + 4);
        content.write(new byte[4], 0, 4); // the reader checks no sums
    }

    private static void checkSum(EncodedImage file, int at, int length) throws IOException {
        var sum = new CRC32();
        sum.update(file.bytes(), at + 4, length + 4);
        if (sum.getValue() != file.u32Big(at + 8 + length)) {
            throw new DamagedImageException("has a wrong check sum in its header or palette");
        }
    }

    /** Grey of 1, 2 or 4 bits, stretched to 0–255. */
    private static byte[] widened(Raster raster, int depth) {
        byte[] levels = Rasters.samples(raster, 1, 0);
        int factor = 255 / ((1 << depth) - 1);
        for (int i = 0; i < levels.length; i++) {
            levels[i] = (byte) (levels[i] * factor);
        }
        return levels;
    }
}
