package dev.vitrail.images.decode;

import com.twelvemonkeys.imageio.plugins.tiff.TIFFImageReaderSpi;
import java.awt.image.DataBufferByte;
import java.awt.image.MultiPixelPackedSampleModel;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import javax.imageio.spi.ImageReaderSpi;

/**
 * Strips and tiles that are compressed as a fax (ITU-T T.4 and T.6), through TwelveMonkeys, which gets a file of
 * one strip alone.
 */
final class TiffFax {
    private static final int T4_OPTIONS = 292;
    private static final int T6_OPTIONS = 293;

    private static final ImageReaderSpi READER = new TIFFImageReaderSpi();

    private TiffFax() {}

    /** The strip's bits, rows of whole bytes, a black pixel 1. */
    static byte[] expand(
            EncodedImage file, TiffDirectory directory, TiffCompression compression, byte[] data, int width, int rows)
            throws IOException {
        int[] entries = {
            256,
            width,
            257,
            rows,
            258,
            1,
            259,
            compression.number(),
            262,
            1,
            273,
            0,
            277,
            1,
            278,
            rows,
            279,
            data.length,
            T4_OPTIONS,
            (int) directory.value(T4_OPTIONS, 0),
            T6_OPTIONS,
            (int) directory.value(T6_OPTIONS, 0)
        };
        int count = entries.length / 2;
        int start = 8 + 2 + 12 * count + 4;
        var tiff = ByteBuffer.allocate(start + data.length).order(ByteOrder.LITTLE_ENDIAN);
        tiff.put((byte) 'I').put((byte) 'I').putShort((short) 42).putInt(8).putShort((short) count);
        for (int i = 0; i < entries.length; i += 2) {
            int value = entries[i] == 273 ? start : entries[i + 1];
            tiff.putShort((short) entries[i]).putShort((short) 4).putInt(1).putInt(value);
        }
        tiff.putInt(0).put(data);
        var reader = READER.createReaderInstance();
        try (var stream = file.stream(tiff.array())) {
            reader.setInput(stream, true, true);
            var raster = reader.readRaster(0, reader.getDefaultReadParam());
            int stride = (width + 7) / 8;
            if (raster.getWidth() != width || raster.getHeight() != rows) {
                throw new EOFException();
            }
            if (raster.getDataBuffer() instanceof DataBufferByte buffer
                    && raster.getSampleModel() instanceof MultiPixelPackedSampleModel model
                    && model.getScanlineStride() == stride
                    && buffer.getData().length == stride * rows) {
                return buffer.getData();
            }
            var packed = new byte[Math.multiplyExact(stride, rows)];
            var row = new int[width];
            for (int y = 0; y < rows; y++) {
                raster.getSamples(0, y, width, 1, 0, row);
                for (int x = 0; x < width; x++) {
                    packed[y * stride + x / 8] |= (byte) (row[x] << (7 - x % 8));
                }
            }
            return packed;
        } finally {
            reader.dispose();
        }
    }
}
