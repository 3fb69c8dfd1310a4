package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;

/**
 * Bytes to parse, of a mapped file or in memory: a reader written against this gives the same verdict on both.
 *
 * <p>A file is mapped in windows of 1 GiB that begin every 512 MiB, so that any stretch of up to 512 MiB lies in one
 * window; a longer stretch gets a mapping of its own. Mappings are released by the garbage collector.
 */
public abstract class ByteSource {
    private static final long STRIDE = 1L << 29;

    private final long size;
    private final String name;

    private ByteSource(long size, String name) {
        this.size = size;
        this.name = name;
    }

    /** The file at {@code path}, as it is now. */
    public static ByteSource of(Path path) {
        VitrailException.require(Files.isRegularFile(path), "%s is not a file; expected a weights file there", path);
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new Mapped(path, channel.size());
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** Bytes in memory; kept, not copied. */
    public static ByteSource of(byte[] bytes, String name) {
        return new InMemory(ByteBuffer.wrap(bytes).asReadOnlyBuffer(), name);
    }

    /** All that {@code in} still gives, held outside the heap; the stream is not closed. */
    public static ByteSource of(InputStream in, String name) {
        try {
            // Memory grows with the bytes that arrive, whatever their header claims.
            var chunks = new ArrayList<byte[]>();
            long total = 0;
            for (byte[] chunk = in.readNBytes(1 << 20); chunk.length > 0; chunk = in.readNBytes(1 << 20)) {
                chunks.add(chunk);
                total += chunk.length;
                VitrailException.require(
                        total <= Integer.MAX_VALUE,
                        "%s is larger than 2 GiB, too large to read from a stream: save it to a file first",
                        name);
            }
            var bytes = ByteBuffer.allocateDirect((int) total);
            chunks.forEach(bytes::put);
            return new InMemory(bytes.flip().asReadOnlyBuffer(), name);
        } catch (IOException e) {
            throw new VitrailException("could not read %s: %s".formatted(name, e.getMessage()), e);
        }
    }

    /** Bytes in all. */
    public final long size() {
        return size;
    }

    /** Name of this source for error messages. */
    public final String name() {
        return name;
    }

    /**
     * {@code length} bytes from {@code offset}: read-only, little-endian, position 0.
     *
     * @throws VitrailException if they are not all there, or are too many for one buffer
     */
    public final ByteBuffer slice(long offset, long length) {
        VitrailException.require(
                offset >= 0 && length >= 0 && offset <= size && length <= size - offset,
                "%s has %d bytes, but %d bytes from %d on are needed: the file is cut short or damaged",
                name,
                size,
                length,
                offset);
        VitrailException.require(
                length <= Integer.MAX_VALUE,
                "%s holds a stretch of %d bytes in one piece; at most 2 GiB are supported",
                name,
                length);
        return read(offset, (int) length).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Like {@link #slice}, and copied where needed so that direct memory begins at a multiple of {@code unit}. */
    public final ByteBuffer aligned(long offset, long length, int unit) {
        var bytes = slice(offset, length);
        if (unit == 1 || !bytes.isDirect() || bytes.alignmentOffset(0, unit) == 0) {
            return bytes;
        }
        var copy = ByteBuffer.allocateDirect(bytes.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        return copy.put(bytes).flip();
    }

    /** Returns whether the results of {@link #slice} are pages of a mapped file. */
    boolean isMapped() {
        return false;
    }

    abstract ByteBuffer read(long offset, int length);

    public static VitrailException unreadable(Path path, IOException e) {
        return new VitrailException("could not read %s: %s".formatted(path, e.getMessage()), e);
    }

    private static final class Mapped extends ByteSource {
        private final Path path;
        private final Map<Long, ByteBuffer> windows = new HashMap<>();

        Mapped(Path path, long size) {
            super(size, path.toString());
            this.path = path;
        }

        @Override
        boolean isMapped() {
            return true;
        }

        @Override
        ByteBuffer read(long offset, int length) {
            if (length > STRIDE) {
                return map(offset, length);
            }
            long start = offset / STRIDE * STRIDE;
            var window = windows.computeIfAbsent(start, at -> map(at, Math.min(2 * STRIDE, size() - at)));
            return window.slice((int) (offset - start), length);
        }

        private ByteBuffer map(long offset, long length) {
            try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
                VitrailException.require(channel.size() == size(), "%s changed while it was read: try again", path);
                return channel.map(FileChannel.MapMode.READ_ONLY, offset, length);
            } catch (IOException e) {
                throw unreadable(path, e);
            }
        }
    }

    private static final class InMemory extends ByteSource {
        private final ByteBuffer bytes;

        InMemory(ByteBuffer bytes, String name) {
            super(bytes.remaining(), name);
            this.bytes = bytes;
        }

        @Override
        ByteBuffer read(long offset, int length) {
            return bytes.slice((int) offset, length);
        }
    }
}
