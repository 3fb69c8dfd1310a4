package dev.vitrail.images.decode.webp;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A lossless image (RFC 9649, 3), VP8L; without its header also the alpha of a lossy one. */
final class LosslessDecoder {
    static final int HEADER_BYTES = 5;

    private static final int SIGNATURE = 0x2f;

    /** Predicted pixels that may take no bits, for each byte of the image and for any: to predict them takes time. */
    private static final long FREE_PER_BYTE = 1 << 17;

    private static final long FREE = 1 << 22;

    private LosslessDecoder() {}

    /** Reads the size of an image. */
    static FrameHeader.Size size(Span image) throws IOException {
        if (image.u8(0) != SIGNATURE) {
            throw new WebpException("has lossless data that do not begin as an image does");
        }
        long header = image.u32(1);
        if (header >> 29 != 0) {
            throw new WebpException(
                    "has a lossless image of version %d, of which there is only 0".formatted(header >> 29));
        }
        return new FrameHeader.Size((int) (header & 0x3fff) + 1, (int) (header >> 14 & 0x3fff) + 1);
    }

    /**
     * Decodes an image.
     *
     * @return {@code 3 · width · height} bytes, red, green, blue; alpha is dropped
     */
    static byte[] decode(Span image, Deadline deadline) throws IOException {
        var size = size(image);
        var bits = new BitReader(image);
        bits.read(8);
        bits.read(16);
        bits.read(16);
        var rgb = new Rgb(size);
        decode(image, bits, size, rgb, deadline);
        return rgb.bytes;
    }

    /** Looks whether the alpha of a lossy image can be decoded. */
    static void checkAlpha(Span alpha, FrameHeader.Size size, Deadline deadline) throws IOException {
        decode(alpha, new BitReader(alpha), size, (row, y) -> {}, deadline);
    }

    private static void decode(Span span, BitReader bits, FrameHeader.Size size, Finished sink, Deadline deadline)
            throws IOException {
        var transforms = new ArrayList<LosslessTransform>();
        int seen = 0;
        int width = size.width();
        while (bits.flag()) {
            int type = bits.read(2);
            if ((seen >> type & 1) != 0) {
                throw new WebpException("has a transform twice");
            }
            seen |= 1 << type;
            var transform = LosslessTransform.read(bits, type, width, size.height(), deadline);
            width = transform.writtenWidth(width);
            transforms.add(0, transform);
        }
        var rows = new Rows(List.copyOf(transforms), width, new int[size.width()], sink, deadline);
        // An image of one colour is sound however large it is, and quickly filled; one that is predicted
        // of nothing is not.
        boolean predicted = (seen >> LosslessTransform.PREDICTOR & 1) != 0;
        long free = predicted ? FREE + FREE_PER_BYTE * span.size() : Long.MAX_VALUE;
        ArgbStream.whole(bits, width, size.height(), free, rows, deadline);
    }

    /** Consumer of the rows of the image after its transforms are undone. */
    private interface Finished {
        void take(int[] row, int y);
    }

    /** Undoes the transforms row by row. */
    private static final class Rows implements ArgbRows {
        private final List<LosslessTransform> transforms;
        private final int writtenWidth;
        private final int[] row;
        private final Finished sink;
        private final Deadline deadline;
        private int y;

        Rows(List<LosslessTransform> transforms, int writtenWidth, int[] row, Finished sink, Deadline deadline) {
            this.transforms = transforms;
            this.writtenWidth = writtenWidth;
            this.row = row;
            this.sink = sink;
            this.deadline = deadline;
        }

        @Override
        public void take(int[] pixels, int at, int rows) throws IOException {
            for (int i = 0; i < rows; i++, y++) {
                if ((y & 0xf) == 0) {
                    deadline.check();
                }
                System.arraycopy(pixels, at + i * writtenWidth, row, 0, writtenWidth);
                for (var transform : transforms) {
                    transform.undo(row, y);
                }
                sink.take(row, y);
            }
        }
    }

    /** The colours, in an array that is made when the first of them come. */
    private static final class Rgb implements Finished {
        private final FrameHeader.Size size;
        byte[] bytes = {};

        Rgb(FrameHeader.Size size) {
            this.size = size;
        }

        @Override
        public void take(int[] row, int y) {
            int width = size.width();
            if (bytes.length == 0) {
                bytes = new byte[3 * width * size.height()];
            }
            byte[] target = bytes;
            for (int x = 0, to = 3 * width * y; x < width; x++, to += 3) {
                int pixel = row[x];
                target[to] = (byte) (pixel >> 16);
                target[to + 1] = (byte) (pixel >> 8);
                target[to + 2] = (byte) pixel;
            }
        }
    }
}
