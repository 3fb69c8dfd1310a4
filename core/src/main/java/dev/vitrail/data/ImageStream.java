package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.ImageDecoder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Turns files whose number nobody knows into batches, in their order: threads decode ahead of the consumer, into memory that is
 * used again, so that memory does not grow with the number of files. A {@link Loader} does so for a {@link Dataset}, which knows all
 * of them.
 *
 * <p>The files are asked for on a thread of their own, as a list may come in slowly. One thread uses a stream.
 */
public final class ImageStream implements Iterator<ImageStream.Images>, AutoCloseable {
    /** Batches that are under way while the consumer has one. */
    private static final int AHEAD = 2;

    private static final int MOST_WORKERS = 8;

    /** So often a consumer that waits looks whether it is to stop. */
    private static final long LOOK_MILLIS = 50;

    /**
     * How to decode.
     *
     * @param batch files of a batch
     * @param decoding of each file
     * @param strict whether a file that cannot be read ends the work with its sentence
     */
    public record Options(int batch, ImageDecoder.Options decoding, boolean strict) {
        public Options {
            require(batch >= 1, "a batch needs at least 1 image, found %d", batch);
        }
    }

    /**
     * A batch.
     *
     * @param files all of them, in order
     * @param faults for each file why it cannot be read; empty where it can
     * @param batch those that can, in order; valid until the next batch is asked for
     */
    public record Images(List<Path> files, List<Optional<String>> faults, Batch batch) {}

    /** A batch under way: the files, and for each either a fault or the end of its decoding. */
    private record Begun(List<Path> files, List<Future<Optional<String>>> decoded, BatchMemory memory) {}

    /** What the feeding thread hands over: a batch, the end, or what went wrong. */
    private record Handed(Optional<Begun> batch, Optional<Throwable> failure) {}

    private final Iterator<ImageListing.Entry> files;
    private final SampleTransform transform;
    private final Options options;
    private final ExecutorService workers;
    private final Thread feeder = new Thread(this::feed, "vitrail-stream");
    private final BlockingQueue<BatchMemory> free = new ArrayBlockingQueue<>(AHEAD + 1);
    private final BlockingQueue<Handed> handed = new ArrayBlockingQueue<>(AHEAD + 2);
    private @Nullable Handed next;
    private @Nullable BatchMemory lent;
    private final AtomicInteger cut = new AtomicInteger();
    private boolean ended;
    private volatile boolean stopped;

    /** @param files are asked for on another thread */
    public ImageStream(Iterator<ImageListing.Entry> files, SampleTransform transform, Options options) {
        this.files = files;
        this.transform = transform;
        this.options = options;
        long bytes = 4L * transform.channels() * transform.height() * transform.width() * options.batch();
        require(
                bytes <= Integer.MAX_VALUE,
                "a batch of %d images of %d×%d pixels needs %,d MiB, and 2,047 is the most; make it smaller",
                options.batch(),
                transform.height(),
                transform.width(),
                bytes >> 20);
        workers = Executors.newFixedThreadPool(
                Math.min(MOST_WORKERS, Runtime.getRuntime().availableProcessors()), task -> {
                    var thread = new Thread(task, "vitrail-decoder");
                    thread.setDaemon(true);
                    return thread;
                });
        feeder.setDaemon(true);
        feeder.start();
    }

    private void feed() {
        try {
            int made = 0;
            while (files.hasNext()) {
                // Memory is made as it is first needed: few files need little.
                var memory = made <= AHEAD ? free.poll() : free.take();
                var entries = new ArrayList<ImageListing.Entry>();
                while (entries.size() < options.batch() && files.hasNext()) {
                    entries.add(files.next());
                }
                if (memory == null) {
                    // A first batch that is not full is the only one. Whether a full one is cannot be asked: the list
                    // may be slow.
                    memory = new BatchMemory(made == 0 ? entries.size() : options.batch(), transform);
                    made++;
                }
                handed.put(new Handed(Optional.of(begin(entries, memory)), Optional.empty()));
            }
            handed.put(new Handed(Optional.empty(), Optional.empty()));
        } catch (InterruptedException e) {
            // The stream is closed, and nobody waits.
        } catch (Throwable e) { // whatever it is, the consumer must hear of it instead of waiting for ever
            handed.offer(new Handed(Optional.empty(), Optional.of(e)));
        }
    }

    private Begun begin(List<ImageListing.Entry> entries, BatchMemory memory) {
        memory.begin(0, entries.size());
        var decoded = new ArrayList<Future<Optional<String>>>();
        for (int i = 0; i < entries.size(); i++) {
            int place = i;
            var entry = entries.get(i);
            decoded.add(workers.submit(() -> decode(entry, memory, place)));
        }
        return new Begun(entries.stream().map(ImageListing.Entry::path).toList(), decoded, memory);
    }

    private Optional<String> decode(ImageListing.Entry entry, BatchMemory memory, int place) {
        var fault = entry.fault();
        if (fault.isEmpty()) {
            try {
                var image = ImageDecoder.decode(entry.path(), options.decoding());
                if (image.cut()) {
                    cut.incrementAndGet();
                }
                transform.apply(image, SampleRandom.of(0, 0, place, place), memory.pixels(place));
                memory.filled(place, place, Dataset.NO_LABEL, List.of());
                return fault;
            } catch (VitrailException e) {
                if (options.strict()) {
                    throw e;
                }
                fault = Optional.of(String.valueOf(e.getMessage()));
            }
        } else if (options.strict()) {
            throw VitrailException.of("%s", fault.get());
        }
        memory.leftOut(place, List.of());
        return fault;
    }

    /**
     * Whether there is another batch; waits until its files are known, and gives back the memory of the batch before it.
     *
     * @throws VitrailException if the files cannot be listed
     */
    @Override
    public boolean hasNext() {
        if (lent != null) {
            free.add(lent);
            lent = null;
        }
        if (next == null && !ended) {
            next = take();
            next.failure.ifPresent(ImageStream::rethrow);
            ended = next.batch.isEmpty();
        }
        return !ended && !stopped;
    }

    private Handed take() {
        try {
            Handed taken = null;
            while (taken == null && !stopped) {
                taken = handed.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            }
            return taken == null ? new Handed(Optional.empty(), Optional.empty()) : taken;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for images");
        }
    }

    /**
     * The next batch. It may be one of which no file could be read.
     *
     * @throws VitrailException if a file cannot be read and that is to end the work
     */
    @Override
    public Images next() {
        if (!hasNext() || next == null) {
            throw new NoSuchElementException();
        }
        var begun = next.batch.orElseThrow();
        next = null;
        lent = begun.memory;
        var faults = new ArrayList<Optional<String>>();
        for (var each : begun.decoded) {
            faults.add(await(each));
        }
        return new Images(begun.files, List.copyOf(faults), begun.memory.batch());
    }

    private static Optional<String> await(Future<Optional<String>> decoded) {
        try {
            return decoded.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for an image");
        } catch (ExecutionException e) {
            rethrow(e.getCause() == null ? e : e.getCause());
            throw new IllegalStateException(e);
        }
    }

    private static void rethrow(Throwable failure) {
        if (failure instanceof VitrailException) {
            throw new VitrailException(String.valueOf(failure.getMessage()), failure);
        }
        if (failure instanceof Error error) {
            throw error;
        }
        throw new IllegalStateException("a worker failed: " + failure, failure);
    }

    /** How many pictures of sixteen bits or more were cut to white so far ({@link RgbImage#cut}). */
    public int cut() {
        return cut.get();
    }

    /** Lets no other batch come after the one that the consumer has. May be called from any thread. */
    public void stop() {
        stopped = true;
    }

    /** Ends the threads; images already begun are finished first, but what the list is read from is not waited for. */
    @Override
    public void close() {
        feeder.interrupt();
        workers.shutdownNow();
    }
}
