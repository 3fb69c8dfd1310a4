package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The header of a key frame (RFC 6386, 9), with readers for what follows it. */
final class FrameHeader {
    /** Frame tag, start code and size. */
    static final int FIXED_BYTES = 10;

    private static final int START_CODE = 0x2a019d;

    /**
     * A macroblock of a key frame takes more than 1.5 bits of the first partition: each choice of the mode costs at
     * least 0.8.
     */
    private static final int MACROBLOCKS_FOR_TWO_BYTES = 11;

    final int width;
    final int height;
    final Segments segments;
    final FilterStrength.Header filter;
    final List<Quantizer> quantizers;
    final int[] probabilities;

    /** The probability of 255 that a macroblock has coefficients; -1 where all have. */
    final int coded;

    /** The modes of macroblocks. */
    final BooleanDecoder modes;

    /** The coefficients of macroblocks, a row of them in each in turn. */
    final List<BooleanDecoder> partitions;

    private FrameHeader(Span frame, Size size, int firstPartition) throws IOException {
        width = size.width();
        height = size.height();
        modes = new BooleanDecoder(frame.part(FIXED_BYTES, firstPartition));
        modes.flag(); // colour space: there is one
        modes.flag(); // whether clamping may be left out: it changes nothing
        segments = Segments.read(modes);
        filter = FilterStrength.Header.read(modes, segments);
        partitions = partitions(frame.from(FIXED_BYTES + firstPartition), 1 << modes.literal(2));
        quantizers = Quantizer.read(modes, segments);
        modes.flag(); // whether later frames go on with these probabilities: there are none
        probabilities = CoefficientProbabilities.read(modes);
        coded = modes.flag() ? modes.literal(8) : -1;
        if ((long) columns() * rows() > (firstPartition + 2L) / 2 * MACROBLOCKS_FOR_TWO_BYTES) {
            throw new EOFException();
        }
    }

    /**
     * The size of a frame, in pixels.
     *
     * @param width columns
     * @param height rows
     */
    record Size(int width, int height) {}

    /**
     * Reads the size of a frame, and whether it is one that can be shown.
     *
     * @param chunkBytes how long its chunk is said to be
     */
    static Size size(Span frame, long chunkBytes) throws IOException {
        int tag = frame.u24(0);
        if (frame.u24(3) != START_CODE) {
            throw new WebpException("has lossy data that do not begin as an image does");
        }
        if ((tag & 1) != 0) {
            throw new WebpException("begins with a frame that builds on another");
        }
        if ((tag >> 1 & 7) > 3) {
            throw new WebpException(
                    "has a lossy image of version %d, of which there are 0 to 3".formatted(tag >> 1 & 7));
        }
        if ((tag >> 4 & 1) == 0) {
            throw new WebpException("has a lossy image that is not meant to be shown");
        }
        if (tag >> 5 >= chunkBytes) {
            throw new WebpException("has a lossy image whose first part is longer than the whole");
        }
        int width = frame.u16(6) & 0x3fff;
        int height = frame.u16(8) & 0x3fff;
        if (width == 0 || height == 0) {
            throw new WebpException("claims a size of %d×%d pixels".formatted(width, height));
        }
        return new Size(width, height);
    }

    /** Reads the header of a frame. */
    static FrameHeader read(Span frame) throws IOException {
        return new FrameHeader(frame, size(frame, frame.size()), frame.u24(0) >> 5);
    }

    /** Macroblocks side by side. */
    int columns() {
        return (width + 15) >> 4;
    }

    /** Macroblocks one upon another. */
    int rows() {
        return (height + 15) >> 4;
    }

    /** A partition that reaches beyond the end is cut there: only who reads so far misses something. */
    private static List<BooleanDecoder> partitions(Span span, int count) throws EOFException {
        int at = 3 * (count - 1);
        var rest = span.from(at);
        var partitions = new ArrayList<BooleanDecoder>();
        for (int i = 0; i < count - 1; i++) {
            int size = Math.min(span.u24(3 * i), rest.size());
            partitions.add(new BooleanDecoder(rest.part(0, size)));
            rest = rest.from(size);
        }
        if (rest.size() == 0) {
            throw new EOFException();
        }
        partitions.add(new BooleanDecoder(rest));
        return List.copyOf(partitions);
    }
}
