package dev.vitrail.images.decode;

import java.io.IOException;
import javax.imageio.stream.ImageInputStreamImpl;

/**
 * An image stream over an array: it touches no disk, knows whether a reader wanted more than there is, and gives up
 * after a deadline.
 */
final class MemoryImageStream extends ImageInputStreamImpl {
    private final byte[] content;
    private final long deadline;
    private boolean exhausted;

    /** A stream that can be read until {@link System#nanoTime()} passes {@code deadline}. */
    MemoryImageStream(byte[] content, long deadline) {
        this.content = content;
        this.deadline = deadline;
    }

    /** Returns whether somebody read beyond the end. */
    boolean exhausted() {
        return exhausted;
    }

    @Override
    public int read() throws IOException {
        checkClosed();
        bitOffset = 0;
        if (streamPos >= content.length) {
            exhausted = true;
            return -1;
        }
        return content[(int) streamPos++] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int count) throws IOException {
        checkClosed();
        bitOffset = 0;
        if (System.nanoTime() - deadline > 0) {
            throw new DamagedImageException("takes longer to decode than the time limit allows");
        }
        if (count == 0) {
            return 0;
        }
        if (streamPos >= content.length) {
            exhausted = true;
            return -1;
        }
        int taken = (int) Math.min(count, content.length - streamPos);
        System.arraycopy(content, (int) streamPos, target, offset, taken);
        streamPos += taken;
        return taken;
    }

    @Override
    public long length() {
        return content.length;
    }
}
