package dev.vitrail.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vitrail.data.ImageListing;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.IoReason;
import dev.vitrail.files.PathNames;
import dev.vitrail.parquet.ParquetTable;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.zip.CRC32C;

/**
 * Results of a job that is not finished, in a file beside the one that they are for: {@code found.csv.partial}. They
 * are added batch by batch, and a job that was ended, however it was, goes on after the last whole batch.
 *
 * <p>The file is a line of JSON, which says by what the results were made, and then batches: the number of bytes,
 * their checksum (CRC-32C), and for each image its name, its size in bytes and its result, or that it could not be
 * read. A batch that is not whole can only be the last, and is dropped. The format is the same whatever the results
 * are finally written as.
 */
final class PartialResults implements AutoCloseable {
    private static final String TITLE = "partial results 1";
    private static final int LONGEST_HEADER = 1 << 20;
    /** Nanoseconds between two times that the file is forced to the disk. */
    private static final long FORCE_NANOS = 1_000_000_000;

    /** Message on an interruption whose results are kept. */
    static final String ADVICE = "; go on with the same command and --resume";

    private static final JsonMapper JSON = new JsonMapper();

    /**
     * One image.
     *
     * @param image its name
     * @param size of its file, bytes; −1 where it is not known
     * @param result empty where the image could not be read
     */
    record Entry(String image, long size, Optional<byte[]> result) {}

    private final Path file;
    private final FileChannel channel;
    private long begin;
    private long read;
    private long broken;
    private long forced = System.nanoTime();

    private PartialResults(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** File of partial results. */
    static Path of(Path target) {
        return target.resolveSibling(target.getFileName() + ".partial");
    }

    /**
     * Begins a file, or goes on with one.
     *
     * @param target what the results are for
     * @param made by what they are made; texts and numbers by their names
     * @param resume whether to go on with a file that is there; otherwise it is begun anew
     * @param images are taken that the file has already, and must be those
     * @throws VitrailException if it cannot be written, was made by other things or from other images, or another
     *     process is at it
     */
    static PartialResults open(
            Path target, Map<String, Object> made, boolean resume, Iterator<ImageListing.Entry> images) {
        var file = of(target);
        FileChannel channel;
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new VitrailException("cannot write %s: %s".formatted(file, IoReason.of(e)), e);
        }
        var results = new PartialResults(file, channel);
        try {
            results.lock();
            if (channel.size() > 0 && resume) {
                results.resume(made, images);
            } else {
                if (channel.size() > 0) {
                    System.err.printf(
                            "vitrail: %s of an earlier job is begun anew (--resume would go on with it)%n", file);
                }
                results.begin(made);
            }
            return results;
        } catch (IOException e) {
            results.close();
            throw results.failed(e);
        } catch (RuntimeException e) {
            results.close();
            throw e;
        }
    }

    private void lock() throws IOException {
        try {
            VitrailException.require(
                    channel.tryLock() != null, "%s is being written by another process: wait until it ends", file);
        } catch (OverlappingFileLockException e) {
            throw new VitrailException("%s is being written already".formatted(file), e);
        }
    }

    private void begin(Map<String, Object> made) throws IOException {
        channel.truncate(0);
        var header = new LinkedHashMap<String, Object>();
        header.put("vitrail", TITLE);
        header.putAll(made);
        AtomicFile.writeFully(
                channel, ByteBuffer.wrap((JsonOutput.line(header) + "\n").getBytes(StandardCharsets.UTF_8)));
        begin = channel.position();
    }

    // ---------------------------------------------------------------------------------------------------- going on

    private void resume(Map<String, Object> made, Iterator<ImageListing.Entry> images) throws IOException {
        var in = input(0);
        requireSame(header(in), made);
        long end = begin;
        for (var batch = batch(in); batch.isPresent(); batch = batch(in)) {
            for (var entry : batch.get().entries) {
                requireSame(entry, images);
                count(entry);
            }
            end += batch.get().bytes;
        }
        channel.truncate(end);
        channel.position(end);
    }

    private DataInputStream input(long from) throws IOException {
        return new DataInputStream(new BufferedInputStream(Channels.newInputStream(channel.position(from)), 1 << 16));
    }

    private Map<?, ?> header(DataInputStream in) throws IOException {
        var line = new ByteArrayOutputStream();
        int b = in.read();
        for (; b >= 0 && b != '\n' && line.size() < LONGEST_HEADER; b = in.read()) {
            line.write(b);
        }
        begin = line.size() + 1L;
        try {
            var header = JSON.readValue(line.toByteArray(), Map.class);
            if (b == '\n' && TITLE.equals(header.get("vitrail"))) {
                return header;
            }
        } catch (JsonProcessingException e) {
            // told below
        }
        throw VitrailException.of(
                "%s holds no results to go on with: remove it, or leave out --resume to begin anew", file);
    }

    private void requireSame(Map<?, ?> header, Map<String, Object> made) {
        made.forEach((name, now) -> {
            var before = String.valueOf(header.get(name));
            VitrailException.require(
                    before.equals(String.valueOf(now)),
                    "%s was begun with %s %s, and now it is %s: go on with what it was begun with, or leave out"
                            + " --resume to begin anew",
                    file,
                    name,
                    before,
                    now);
        });
    }

    private void requireSame(Entry entry, Iterator<ImageListing.Entry> images) {
        long number = read + broken + 1;
        VitrailException.require(
                images.hasNext(),
                "%s has the results of %s and more, and now there are only %d images: bring back those that it was"
                        + " begun with, or leave out --resume to begin anew",
                file,
                entry.image,
                number - 1);
        var path = images.next().path();
        var name = PathNames.text(path);
        VitrailException.require(
                name.equals(entry.image),
                "image %d of %s is %s, and now it is %s: name the images that it was begun with, or leave out --resume"
                        + " to begin anew",
                number,
                file,
                entry.image,
                name);
        VitrailException.require(
                entry.size < 0 || size(path) == entry.size,
                "%s has changed since its result was written to %s: leave out --resume to begin anew",
                name,
                file);
    }

    /** The size of a file as results keep it. */
    static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return -1;
        }
    }

    /** @param bytes that it takes in the file */
    private record Batch(List<Entry> entries, long bytes) {}

    /** The next batch, if it is whole. */
    private static Optional<Batch> batch(DataInputStream in) throws IOException {
        var head = in.readNBytes(2 * Integer.BYTES);
        if (head.length < 2 * Integer.BYTES) {
            return Optional.empty();
        }
        var numbers = ByteBuffer.wrap(head);
        int length = numbers.getInt();
        int checksum = numbers.getInt();
        // Not more is set aside than is there: what is read grows with it.
        var content = length < 0 ? new byte[0] : in.readNBytes(length);
        if (content.length != length || checksum(content) != checksum) {
            return Optional.empty();
        }
        var entries = new ArrayList<Entry>();
        var data = ByteBuffer.wrap(content);
        while (data.hasRemaining()) {
            var name = new String(bytes(data), StandardCharsets.UTF_8);
            long size = data.getLong();
            entries.add(new Entry(name, size, data.get() == 0 ? Optional.empty() : Optional.of(bytes(data))));
        }
        return Optional.of(new Batch(entries, 2L * Integer.BYTES + length));
    }

    private static byte[] bytes(ByteBuffer data) {
        var bytes = new byte[data.getInt()];
        data.get(bytes);
        return bytes;
    }

    private static int checksum(byte[] content) {
        var sum = new CRC32C();
        sum.update(content);
        return (int) sum.getValue();
    }

    private void count(Entry entry) {
        if (entry.result.isPresent()) {
            read++;
        } else {
            broken++;
        }
    }

    // ------------------------------------------------------------------------------------------------------ writing

    /**
     * Adds a batch.
     *
     * @throws VitrailException if it cannot be written; the batches before it stay
     */
    void add(List<Entry> entries) {
        var content = new ByteArrayOutputStream();
        var out = new DataOutputStream(content);
        try {
            for (var entry : entries) {
                var name = entry.image.getBytes(StandardCharsets.UTF_8);
                out.writeInt(name.length);
                out.write(name);
                out.writeLong(entry.size);
                out.writeByte(entry.result.isPresent() ? 1 : 0);
                if (entry.result.isPresent()) {
                    out.writeInt(entry.result.get().length);
                    out.write(entry.result.get());
                }
            }
            var bytes = content.toByteArray();
            AtomicFile.writeFully(
                    channel,
                    ByteBuffer.allocate(2 * Integer.BYTES + bytes.length)
                            .putInt(bytes.length)
                            .putInt(checksum(bytes))
                            .put(bytes)
                            .flip());
            if (System.nanoTime() - forced > FORCE_NANOS) {
                channel.force(false);
                forced = System.nanoTime();
            }
        } catch (IOException e) {
            throw failed(e);
        }
        entries.forEach(this::count);
    }

    /**
     * Adds what became of a batch.
     *
     * @param result of a file that could be read, as bytes
     */
    void add(List<Outcome> outcomes, Function<float[], byte[]> result) {
        add(outcomes.stream()
                .map(outcome -> new Entry(
                        PathNames.text(outcome.file()),
                        size(outcome.file()),
                        outcome.fault().isPresent() ? Optional.empty() : Optional.of(result.apply(outcome.result()))))
                .toList());
    }

    /** Does work that adds results; where it fails before there is any, the file goes. */
    void during(Runnable work) {
        try {
            work.run();
        } finally {
            if (read == 0) {
                remove();
            }
        }
    }

    private VitrailException failed(IOException cause) {
        return new VitrailException(
                "could not write %s: %s; the results of %d images are in it: free some space, and go on with --resume"
                        .formatted(file, IoReason.of(cause), read + broken),
                cause);
    }

    // ------------------------------------------------------------------------------------------------------ reading

    /** Images that could be read. */
    long read() {
        return read;
    }

    /** Images that could not. */
    long broken() {
        return broken;
    }

    /** Gives all images in order. */
    void forEach(Consumer<Entry> consumer) {
        try {
            var in = input(begin);
            for (var batch = batch(in); batch.isPresent(); batch = batch(in)) {
                batch.get().entries.forEach(consumer);
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    /**
     * Tables of all images that could be read, so many of them in each, in order.
     *
     * @param table made when it is asked for
     */
    Iterator<ParquetTable> groups(int size, Function<List<Entry>, ParquetTable> table) {
        DataInputStream in;
        try {
            in = input(begin);
        } catch (IOException e) {
            throw unreadable(e);
        }
        return new Iterator<>() {
            private long left = read;

            @Override
            public boolean hasNext() {
                return left > 0;
            }

            @Override
            public ParquetTable next() {
                if (left == 0) {
                    throw new NoSuchElementException();
                }
                var entries = new ArrayList<Entry>();
                try {
                    while (entries.size() < size && left > 0) {
                        for (var entry : batch(in).orElseThrow(EOFException::new).entries) {
                            if (entry.result.isPresent()) {
                                entries.add(entry);
                                left--;
                            }
                        }
                    }
                } catch (IOException e) {
                    throw unreadable(e);
                }
                return table.apply(entries);
            }
        };
    }

    private VitrailException unreadable(IOException cause) {
        return new VitrailException("could not read %s again: %s".formatted(file, IoReason.of(cause)), cause);
    }

    /** Removes the file, once what it is for is written. */
    void remove() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            System.err.printf("vitrail: %s is of no more use and could not be removed: %s%n", file, IoReason.of(e));
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // What was to be on the disk was forced, or is still with the system.
        }
    }
}
