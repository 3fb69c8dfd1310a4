package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Names in the order of their code points, however many: those that are too many for the heap are sorted in parts,
 * which lie in temporary files until they are merged.
 */
final class SortedNames implements AutoCloseable {
    /** Names that are held in memory. */
    private static final int HELD = 1 << 17;

    private final int most;
    private final List<SeekableByteChannel> runs = new ArrayList<>();
    private List<String> held = new ArrayList<>();

    SortedNames() {
        this(HELD);
    }

    /** @param most names that are held in memory */
    SortedNames(int most) {
        this.most = most;
    }

    /** Adds a name; not once they are being read. */
    void add(String name) {
        held.add(name);
        if (held.size() == most) {
            spill();
        }
    }

    private void spill() {
        held.sort(ImageFiles.BY_CODE_POINT);
        try {
            var file = Files.createTempFile("vitrail-names-", ".tmp");
            // On Unix the name goes at once, so that nothing is left of it however the process ends.
            var channel = Files.newByteChannel(
                    file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE);
            runs.add(channel);
            var out = new DataOutputStream(new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16));
            for (var name : held) {
                var bytes = name.getBytes(StandardCharsets.UTF_8);
                out.writeInt(bytes.length);
                out.write(bytes);
            }
            out.flush();
            channel.position(0);
        } catch (IOException e) {
            throw failed(e);
        }
        held = new ArrayList<>();
    }

    private static VitrailException failed(IOException cause) {
        return new VitrailException(
                ("the names of a large folder could not be sorted in the folder for temporary files, %s (%s): free some"
                                        + " space")
                                .formatted(System.getProperty("java.io.tmpdir"), cause.getMessage())
                        + ", or name another with -Djava.io.tmpdir=DIR",
                cause);
    }

    /** All names in order; to be asked for once. */
    Iterator<String> sorted() {
        if (runs.isEmpty()) {
            held.sort(ImageFiles.BY_CODE_POINT);
            return held.iterator();
        }
        spill();
        var queue = new PriorityQueue<>(Comparator.comparing(Run::first, ImageFiles.BY_CODE_POINT));
        for (var channel : runs) {
            var run = new Run(channel);
            if (run.advance()) {
                queue.add(run);
            }
        }
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return !queue.isEmpty();
            }

            @Override
            public String next() {
                var run = queue.poll();
                if (run == null) {
                    throw new NoSuchElementException();
                }
                var name = run.first();
                if (run.advance()) {
                    queue.add(run);
                }
                return name;
            }
        };
    }

    /** Names of one temporary file. */
    private static final class Run {
        private final DataInputStream in;
        private @Nullable String first;

        Run(SeekableByteChannel channel) {
            in = new DataInputStream(new BufferedInputStream(Channels.newInputStream(channel), 1 << 15));
        }

        String first() {
            if (first == null) {
                throw new IllegalStateException("the run is at its end");
            }
            return first;
        }

        boolean advance() {
            try {
                first = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
                return true;
            } catch (EOFException e) {
                first = null;
                return false;
            } catch (IOException e) {
                throw failed(e);
            }
        }
    }

    @Override
    public void close() {
        for (var channel : runs) {
            try {
                channel.close();
            } catch (IOException ignored) {
                // nothing of it is wanted any more
            }
        }
    }
}
