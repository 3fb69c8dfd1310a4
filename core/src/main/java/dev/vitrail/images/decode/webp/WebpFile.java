package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A WebP file (RFC 9649, 2): its size, and its image or the first frame of its animation.
 *
 * <p>All chunks are looked at, as libwebp does: a file is damaged if the header of a later frame is, or if a chunk
 * reaches beyond the end.
 */
public final class WebpFile {
    private static final int RIFF_BYTES = 12;
    private static final int CHUNK_BYTES = 8;
    private static final int EXTENDED_BYTES = 10;
    private static final int ANIMATION_BYTES = 6;
    private static final int FRAME_BYTES = 16;
    private static final long MAX_CHUNK = 0xffff_fff6L;

    private static final int ANIMATION_FLAG = 0x02;
    private static final int ALPHA_FLAG = 0x10;
    private static final int ALL_FLAGS = 0x3e;

    private final int width;
    private final int height;
    private final Frame first;

    private WebpFile(int width, int height, Frame first) {
        this.width = width;
        this.height = height;
        this.first = first;
    }

    /**
     * A frame.
     *
     * @param size its size, as its own header has it
     * @param lossless whether it is VP8L
     * @param image its data
     * @param alpha the alpha of a lossy frame
     * @param left columns to its left
     * @param top rows above it
     */
    private record Frame(FrameHeader.Size size, boolean lossless, Span image, @Nullable Span alpha, int left, int top) {
        Frame at(int x, int y) {
            return new Frame(size, lossless, image, alpha, x, y);
        }

        Frame withoutAlpha() {
            return new Frame(size, lossless, image, null, left, top);
        }

        boolean fits(int width, int height) {
            return left <= width - size.width() && top <= height - size.height();
        }
    }

    /**
     * Reads the structure of a file, without decoding its image.
     *
     * @throws EOFException if it ends too early
     * @throws WebpException if it is damaged
     */
    public static WebpFile parse(byte[] bytes) throws IOException {
        var all = new Span(bytes, 0, bytes.length);
        long size = all.u32(4);
        if (!named(all, 0, "RIFF") || !named(all, 8, "WEBP")) {
            throw new WebpException("does not begin as a WebP file does");
        }
        if (size < CHUNK_BYTES || size > MAX_CHUNK) {
            throw new WebpException("claims a length of %d bytes".formatted(size));
        }
        if (all.size() < RIFF_BYTES + CHUNK_BYTES || size + CHUNK_BYTES > all.size()) {
            throw new EOFException();
        }
        var chunks = new Chunks(all.part(0, (int) size + CHUNK_BYTES));
        if (chunks.is("VP8X")) {
            return extended(chunks);
        }
        if (!chunks.is("VP8 ") && !chunks.is("VP8L")) {
            throw new WebpException("does not begin with an image");
        }
        var frame = frame(chunks);
        if (frame == null) {
            throw new WebpException("holds no image");
        }
        return new WebpFile(frame.size().width(), frame.size().height(), frame.withoutAlpha());
    }

    /** Columns of the whole, pixels. */
    public int width() {
        return width;
    }

    /** Rows of the whole, pixels. */
    public int height() {
        return height;
    }

    /**
     * Decodes the image; a first frame that covers a part only lies on black.
     *
     * @param deadline the {@link System#nanoTime()} at which to give up
     * @return {@code 3 · width · height} bytes, red, green, blue; alpha is dropped
     * @throws EOFException if the file ends too early
     * @throws WebpException if it is damaged, or the deadline has passed
     */
    public byte[] rgb(long deadline) throws IOException {
        var limit = new Deadline(deadline);
        limit.check();
        var size = first.size();
        byte[] pixels;
        if (first.lossless()) {
            pixels = LosslessDecoder.decode(first.image(), limit);
        } else {
            if (first.alpha() != null) {
                Alpha.check(first.alpha(), size, limit);
            }
            pixels = LossyDecoder.decode(first.image(), limit);
        }
        if (size.width() == width && size.height() == height) {
            return pixels;
        }
        var canvas = new byte[3 * width * height];
        for (int y = 0; y < size.height(); y++) {
            int to = 3 * ((first.top() + y) * width + first.left());
            System.arraycopy(pixels, 3 * size.width() * y, canvas, to, 3 * size.width());
        }
        return canvas;
    }

    private static WebpFile extended(Chunks chunks) throws IOException {
        var header = chunks.data();
        if (header.size() < EXTENDED_BYTES) {
            throw new WebpException("has a header of %d bytes, where 10 are needed".formatted(header.size()));
        }
        int flags = header.u8(0);
        int width = 1 + header.u24(4);
        int height = 1 + header.u24(7);
        boolean animated = (flags & ANIMATION_FLAG) != 0;
        if ((flags & ~ALL_FLAGS) != 0) {
            throw new WebpException("has flags in its header that do not exist");
        }
        chunks.next();
        if (chunks.atEnd()) {
            throw new WebpException("holds no image");
        }
        Frame first = null;
        boolean announced = false;
        while (!chunks.atEnd()) {
            if (chunks.is("ALPH") || chunks.is("VP8 ") || chunks.is("VP8L")) {
                if (announced || animated || first != null) {
                    throw new WebpException("has an image beside its frames");
                }
                first = frame(chunks);
            } else if (chunks.is("ANMF") && announced) {
                var frame = animationFrame(chunks, animated);
                if (frame != null && !frame.fits(width, height)) {
                    throw new WebpException("has a frame that lies outside its canvas");
                }
                first = first == null ? frame : first;
            } else if (chunks.is("VP8X") || chunks.is("ANMF")) {
                throw new WebpException("has its parts in an order that is not allowed");
            } else {
                if (chunks.is("ANIM")) {
                    if (chunks.paddedSize() < ANIMATION_BYTES) {
                        throw new WebpException("has a damaged header of its animation");
                    }
                    announced = true;
                }
                chunks.next();
            }
        }
        if (first == null) {
            throw new WebpException("holds no image");
        }
        if (!animated) {
            if (first.size().width() != width || first.size().height() != height) {
                throw new WebpException("claims %d×%d pixels, and has an image of %d×%d"
                        .formatted(
                                width,
                                height,
                                first.size().width(),
                                first.size().height()));
            }
            first = (flags & ALPHA_FLAG) == 0 ? first.withoutAlpha() : first;
        }
        return new WebpFile(width, height, first);
    }

    /** A frame of an animation; null where it is none, or there is no animation. */
    private static @Nullable Frame animationFrame(Chunks chunks, boolean animated) throws IOException {
        if (chunks.paddedSize() < FRAME_BYTES) {
            throw new WebpException("has a damaged header of a frame");
        }
        var header = chunks.padded();
        int end = chunks.end();
        chunks.enter(FRAME_BYTES);
        if (chunks.atEnd()) {
            throw new WebpException("has a frame without an image");
        }
        var frame = frame(chunks);
        if (chunks.at() > end) {
            throw new WebpException("has a frame whose image reaches beyond it");
        }
        return frame == null || !animated ? null : frame.at(2 * header.u24(0), 2 * header.u24(3));
    }

    /** Alpha and image that begin here, in this order; null where neither does. */
    private static @Nullable Frame frame(Chunks chunks) throws IOException {
        Span alpha = null;
        if (chunks.is("ALPH")) {
            alpha = chunks.data();
            chunks.next();
        }
        boolean lossless = !chunks.atEnd() && chunks.is("VP8L");
        if (chunks.atEnd() || !lossless && !chunks.is("VP8 ")) {
            if (alpha == null) {
                return null;
            }
            throw new WebpException("has alpha without an image");
        }
        if (lossless && alpha != null) {
            throw new WebpException("has alpha beside a lossless image");
        }
        // The byte that pads an odd length belongs to what libwebp decodes.
        var image = chunks.padded();
        if (image.size() < (lossless ? LosslessDecoder.HEADER_BYTES : FrameHeader.FIXED_BYTES)) {
            throw new EOFException();
        }
        var size = lossless
                ? LosslessDecoder.size(image)
                : FrameHeader.size(image, chunks.data().size());
        chunks.next();
        if (!chunks.atEnd() && chunks.is("ALPH")) {
            throw new WebpException("has alpha behind its image");
        }
        return new Frame(size, lossless, image, alpha, 0, 0);
    }

    private static boolean named(Span span, int at, String name) throws EOFException {
        for (int i = 0; i < name.length(); i++) {
            if (span.u8(at + i) != name.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** The chunks of a file, one after another. */
    private static final class Chunks {
        private final Span file;
        private int at = RIFF_BYTES;
        private int size;

        Chunks(Span file) throws IOException {
            this.file = file;
            open();
        }

        private void open() throws IOException {
            if (atEnd()) {
                return;
            }
            if (file.size() - at < CHUNK_BYTES) {
                throw new WebpException("has %d bytes at its end that are no chunk".formatted(file.size() - at));
            }
            long claimed = file.u32(at + 4);
            if (claimed + (claimed & 1) > file.size() - at - CHUNK_BYTES) {
                throw new WebpException("has a chunk of %d bytes that reaches beyond its end".formatted(claimed));
            }
            size = (int) claimed;
        }

        int at() {
            return at;
        }

        boolean atEnd() {
            return at == file.size();
        }

        /** Returns whether the chunk has this name. */
        boolean is(String name) throws EOFException {
            return named(file, at, name);
        }

        Span data() throws EOFException {
            return file.part(at + CHUNK_BYTES, size);
        }

        /** The data with the byte that makes their length even. */
        Span padded() throws EOFException {
            return file.part(at + CHUNK_BYTES, paddedSize());
        }

        int paddedSize() {
            return size + (size & 1);
        }

        /** Offset of the chunk's end. */
        int end() {
            return at + CHUNK_BYTES + paddedSize();
        }

        /** Goes on behind the chunk. */
        void next() throws IOException {
            at = end();
            open();
        }

        /** Goes on within the chunk, behind {@code skipped} bytes of its data. */
        void enter(int skipped) throws IOException {
            at += CHUNK_BYTES + skipped;
            open();
        }
    }
}
