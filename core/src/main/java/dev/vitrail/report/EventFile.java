package dev.vitrail.report;

import dev.vitrail.errors.VitrailException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A file of events that TensorBoard reads: {@code Event} messages (tensorflow/core/util/event.proto) as records of a
 * TFRecord file, each of its length, a checksum of the length, the message, and a checksum of the message.
 */
final class EventFile implements AutoCloseable {
    /** Field numbers of {@code Event}. */
    private static final int WALL_TIME = 1, STEP = 2, FILE_VERSION = 3, SUMMARY = 5, SESSION_LOG = 7;
    /** Field numbers of {@code Summary}, {@code Summary.Value} and {@code SessionLog}. */
    private static final int VALUE = 1, TAG = 1, SIMPLE_VALUE = 2, STATUS = 1;

    private static final int SESSION_START = 1;

    private final Path path;
    private final OutputStream out;

    /** Begins a file. */
    EventFile(Path path) {
        this.path = path;
        try {
            Files.createDirectories(path.toAbsolutePath().getParent());
            out = new BufferedOutputStream(Files.newOutputStream(path, StandardOpenOption.CREATE_NEW));
        } catch (IOException e) {
            throw failure(e);
        }
        write(event().text(FILE_VERSION, "brain.Event:2"));
    }

    /** Says that what other files of this folder hold from {@code step} on was lost, and is made again. */
    void startAt(long step) {
        write(event().int64(STEP, step).message(SESSION_LOG, new ProtocolBuffer().int64(STATUS, SESSION_START)));
    }

    /** Adds numbers, by what TensorBoard calls them. */
    void scalars(long step, Map<String, Double> values) {
        var summary = new ProtocolBuffer();
        values.forEach((tag, value) ->
                summary.message(VALUE, new ProtocolBuffer().text(TAG, tag).float32(SIMPLE_VALUE, value.floatValue())));
        write(event().int64(STEP, step).message(SUMMARY, summary));
    }

    private static ProtocolBuffer event() {
        return new ProtocolBuffer().float64(WALL_TIME, System.currentTimeMillis() / 1e3);
    }

    private void write(ProtocolBuffer event) {
        var message = event.toBytes();
        var length = bytes(Long.BYTES).putLong(message.length).array();
        try {
            out.write(length);
            out.write(bytes(Integer.BYTES).putInt(masked(length)).array());
            out.write(message);
            out.write(bytes(Integer.BYTES).putInt(masked(message)).array());
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Shows what was written to those who read the file meanwhile. */
    void flush() {
        try {
            out.flush();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private static ByteBuffer bytes(int count) {
        return ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A checksum that may itself be checksummed: rotated and shifted (tensorflow/core/lib/hash/crc32c.h). */
    private static int masked(byte[] data) {
        var checksum = new CRC32C();
        checksum.update(data);
        return Integer.rotateRight((int) checksum.getValue(), 15) + 0xa282ead8;
    }

    private VitrailException failure(IOException e) {
        return new VitrailException("cannot write the events file %s: %s".formatted(path, e.getMessage()), e);
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw failure(e);
        }
    }
}
