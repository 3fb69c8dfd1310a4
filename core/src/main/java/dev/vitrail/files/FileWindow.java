package dev.vitrail.files;

import dev.vitrail.errors.VitrailException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Reads a file a little at a time, from any place on, and knows where it is: for formats in which small headers lie far
 * apart. What is skipped is not read.
 */
public final class FileWindow extends InputStream {
    private final FileChannel channel;
    private final long size;
    private final byte[] window;
    private long start; // of the window in the file
    private int filled;
    private long position;

    /**
     * @param channel stays the caller's to close
     * @param position where to begin
     * @param ahead bytes that are read at once
     */
    public FileWindow(FileChannel channel, long position, int ahead) throws IOException {
        this.channel = channel;
        this.position = position;
        size = channel.size();
        window = new byte[ahead];
    }

    /** The place of the byte that is read next. */
    public long position() {
        return position;
    }

    /** Bytes of the whole file. */
    public long size() {
        return size;
    }

    @Override
    public int read() throws IOException {
        return fill() ? window[(int) (position++ - start)] & 0xff : -1;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int from = (int) (position - start);
        int count = Math.min(length, filled - from);
        System.arraycopy(window, from, into, offset, count);
        position += count;
        return count;
    }

    @Override
    public long skip(long count) {
        long skipped = Math.max(0, Math.min(count, size - position));
        position += skipped;
        return skipped;
    }

    @Override
    public int available() {
        return (int) Math.min(Integer.MAX_VALUE, Math.max(0, size - position));
    }

    /** Sees to it that the byte at the position is in the window; false at the end of the file. */
    private boolean fill() throws IOException {
        if (position < 0 || position >= size) {
            return false;
        }
        if (position < start || position >= start + filled) {
            filled = Math.max(0, channel.read(ByteBuffer.wrap(window), position));
            start = position;
        }
        return filled > 0;
    }

    /**
     * The {@code length} bytes at {@code position}.
     *
     * @throws EOFException if the file ends before
     */
    public static byte[] bytes(FileChannel channel, long position, int length) throws IOException {
        if (position < 0 || length < 0 || position > channel.size() - length) {
            throw new EOFException(
                    "the file ends at byte %d, before byte %d".formatted(channel.size(), position + length));
        }
        var bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, position + bytes.position()) < 0) {
                throw new EOFException("the file ends before byte " + (position + length));
            }
        }
        return bytes.array();
    }

    /**
     * The {@code length} bytes at {@code position} of a file that is opened for them.
     *
     * @param name what errors call them
     * @throws VitrailException if they are not there any more
     */
    public static byte[] bytes(Path file, long position, int length, String name) {
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return bytes(channel, position, length);
        } catch (IOException e) {
            var reason = Files.exists(file) ? e.getMessage() : "the file is gone";
            throw new VitrailException("%s could not be read (%s)".formatted(name, reason), e);
        }
    }
}
