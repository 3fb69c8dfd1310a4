package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Turns items whose number nobody knows, such as files, into batches, in their order: threads decode ahead of the
 * consumer, into memory that is used again, so that memory does not grow with the number of items. A {@link Loader}
 * does so for a {@link Dataset}, which knows all of them.
 *
 * <p>One thread uses a stream.
 *
 * @param <T> what is decoded
 */
public final class ImageStream<T> implements Iterator<ImageStream.Images<T>>, AutoCloseable {
    /** Batches that are under way while the consumer has one, where items are asked for on a thread of their own. */
    private static final int AHEAD = 2;

    /** Batches begun before the first of them is waited for, where the consumer's thread asks for items. */
    private static final int BEGUN = 2;

    /** Items of the first batch of a stream of files; each batch after it has twice as many until batches are full. */
    private static final int FIRST = 2;

    /** Milliseconds between two checks of a waiting consumer whether it is to stop. */
    private static final long LOOK_MILLIS = 50;

    /** Decodes an item to an image; called from several threads at once. */
    @FunctionalInterface
    public interface Decoder<T> {
        /** @throws VitrailException if the item cannot be read */
        RgbImage decode(T item, DecodeOptions decoding);
    }

    /**
     * A batch.
     *
     * @param items all of them, in order
     * @param faults for each item why it cannot be read; empty where it can
     * @param batch those that can, in order; valid until the next batch is asked for
     */
    public record Images<T>(List<T> items, List<Optional<String>> faults, Batch batch) {}

    /**
     * Memory of batches that streams over the same kind of image take from each other, one after the other: it lies
     * outside the heap, where the collector frees it late. May be used by several streams at once.
     */
    public static final class Memory {
        private final SampleTransform transform;
        private final int batch;
        private final ConcurrentLinkedQueue<BatchMemory> idle = new ConcurrentLinkedQueue<>();

        /** @param batch items of a batch */
        public Memory(SampleTransform transform, int batch) {
            this.transform = transform;
            this.batch = batch;
        }

        /** Bytes that a stream of {@link ImageStream#onCallersThread} uses at most. */
        public long bytesOfStream() {
            return BEGUN * batchBytes(transform, batch);
        }

        /**
         * Runs {@code body} over a batch of one image, prepared on the calling thread.
         *
         * @param body gets a batch that is valid until it returns
         */
        public <R> R with(RgbImage image, Function<Batch, R> body) {
            var memory = take();
            memory.begin(0, 1);
            transform.apply(image, SampleRandom.of(0, 0, 0, 0), memory.pixels(0));
            memory.filled(0, 0, Dataset.NO_LABEL, List.of());
            var result = body.apply(memory.batch());
            give(memory);
            return result;
        }

        private BatchMemory take() {
            var taken = idle.poll();
            return taken == null ? new BatchMemory(batch, transform) : taken;
        }

        private void give(BatchMemory memory) {
            idle.add(memory);
        }
    }

    /** A batch under way: the items, and for each either a fault or the end of its decoding. */
    private record Begun<T>(List<T> items, List<Future<Optional<String>>> decoded, BatchMemory memory) {
        boolean done() {
            return decoded.stream().allMatch(Future::isDone);
        }
    }

    /** Message of the feeding thread: a batch, the end, or what went wrong. */
    private record Handed<T>(Optional<Begun<T>> batch, Optional<Throwable> failure) {}

    private final Iterator<? extends T> source;
    private final Decoder<? super T> decoder;
    private final SampleTransform transform;
    private final ImageStreamOptions options;
    private final ExecutorService workers;
    /**
     * The thread that asks for items; none where the consumer's does, which then has memory that outlives the stream.
     */
    private final @Nullable Thread feeder;

    private final @Nullable Memory shared;
    private final BlockingQueue<BatchMemory> free = new ArrayBlockingQueue<>(AHEAD + 1);
    private final BlockingQueue<Handed<T>> handed = new ArrayBlockingQueue<>(AHEAD + 2);
    private @Nullable Handed<T> next;
    private @Nullable BatchMemory lent;
    private final AtomicInteger cut = new AtomicInteger();
    private boolean ended;
    private volatile boolean stopped;

    /**
     * A stream of files, which are asked for on a thread of their own, as a list may come in slowly. The first batches
     * are small, so that the first results come soon.
     */
    public static ImageStream<ImageListing.Entry> ofFiles(
            Iterator<ImageListing.Entry> files, SampleTransform transform, ImageStreamOptions options) {
        return new ImageStream<>(files, ImageStream::file, transform, options, null);
    }

    /**
     * A stream that asks for items on the thread that asks it for batches, for sources that belong to a thread. While
     * the consumer has a batch, the next one is being decoded.
     *
     * @param memory for the same transform and size of a batch; it has the stream's memory again after {@link #close}
     */
    public static <T> ImageStream<T> onCallersThread(
            Iterator<? extends T> items,
            Decoder<? super T> decoder,
            SampleTransform transform,
            ImageStreamOptions options,
            Memory memory) {
        return new ImageStream<>(items, decoder, transform, options, memory);
    }

    private ImageStream(
            Iterator<? extends T> source,
            Decoder<? super T> decoder,
            SampleTransform transform,
            ImageStreamOptions options,
            @Nullable Memory shared) {
        this.source = source;
        this.decoder = decoder;
        this.transform = transform;
        this.options = options;
        this.shared = shared;
        long bytes = batchBytes(transform, options.batch());
        require(
                bytes <= Integer.MAX_VALUE,
                "a batch of %d images of %d×%d pixels needs %,d MiB, and 2,047 is the most; make it smaller",
                options.batch(),
                transform.height(),
                transform.width(),
                bytes >> 20);
        workers = Executors.newFixedThreadPool(options.workers(), task -> daemon(task, "vitrail-decoder"));
        feeder = shared == null ? daemon(this::feed, "vitrail-stream") : null;
        if (feeder != null) {
            feeder.start();
        }
    }

    private static long batchBytes(SampleTransform transform, int batch) {
        return 4L * transform.channels() * transform.height() * transform.width() * batch;
    }

    private static Thread daemon(Runnable task, String name) {
        var thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    private static RgbImage file(ImageListing.Entry entry, DecodeOptions decoding) {
        if (entry.fault().isPresent()) {
            throw VitrailException.of("%s", entry.fault().get());
        }
        return ImageDecoder.decode(entry.path(), decoding);
    }

    private void feed() {
        try {
            int made = 0;
            for (int wanted = Math.min(FIRST, options.batch());
                    source.hasNext();
                    wanted = Math.min(2 * wanted, options.batch())) {
                // Memory is made as it is first needed: few items need little.
                var memory = made <= AHEAD ? free.poll() : free.take();
                var items = take(wanted);
                if (memory == null) {
                    // A batch that is smaller than it was to be is the last one. Whether another is cannot be asked:
                    // the list may be slow.
                    memory = new BatchMemory(items.size() < wanted ? items.size() : options.batch(), transform);
                    made++;
                }
                handed.put(new Handed<>(Optional.of(begin(items, memory)), Optional.empty()));
            }
            handed.put(new Handed<>(Optional.empty(), Optional.empty()));
        } catch (InterruptedException e) {
            // The stream is closed, and nobody waits.
        } catch (Throwable e) { // whatever it is, the consumer must hear of it instead of waiting for ever
            handed.offer(new Handed<>(Optional.empty(), Optional.of(e)));
        }
    }

    private List<T> take(int most) {
        var items = new ArrayList<T>();
        while (items.size() < most && source.hasNext()) {
            items.add(source.next());
        }
        return items;
    }

    private Begun<T> begin(List<T> items, BatchMemory memory) {
        memory.begin(0, items.size());
        var decoded = new ArrayList<Future<Optional<String>>>();
        for (int i = 0; i < items.size(); i++) {
            int place = i;
            var item = items.get(i);
            decoded.add(workers.submit(() -> decode(item, memory, place)));
        }
        return new Begun<>(items, decoded, memory);
    }

    private Optional<String> decode(T item, BatchMemory memory, int place) {
        try {
            var image = decoder.decode(item, options.decoding());
            if (image.cut()) {
                cut.incrementAndGet();
            }
            transform.apply(image, SampleRandom.of(0, 0, place, place), memory.pixels(place));
            memory.filled(place, place, Dataset.NO_LABEL, List.of());
            return Optional.empty();
        } catch (VitrailException e) {
            if (options.strict()) {
                throw e;
            }
            memory.leftOut(place, List.of());
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /**
     * Returns whether there is another batch; waits until its items are known, and gives back the memory of the
     * batch before it.
     *
     * @throws VitrailException if the items cannot be listed
     */
    @Override
    public boolean hasNext() {
        if (lent != null) {
            release(lent);
            lent = null;
        }
        if (shared != null) {
            beginOnThisThread(shared);
        }
        if (next == null && !ended) {
            next = take();
            next.failure.ifPresent(ImageStream::rethrow);
            ended = next.batch.isEmpty();
        }
        return !ended && !stopped;
    }

    private void release(BatchMemory memory) {
        if (shared == null) {
            free.add(memory);
        } else {
            shared.give(memory);
        }
    }

    /** Begins batches until there are two, or the items are over. */
    private void beginOnThisThread(Memory memory) {
        while (!ended && !stopped && handed.size() + (next == null ? 0 : 1) < BEGUN) {
            var items = take(options.batch());
            if (items.isEmpty()) {
                handed.add(new Handed<>(Optional.empty(), Optional.empty()));
                return;
            }
            handed.add(new Handed<>(Optional.of(begin(items, memory.take())), Optional.empty()));
        }
    }

    private Handed<T> take() {
        try {
            Handed<T> taken = null;
            while (taken == null && !stopped) {
                taken = handed.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            }
            return taken == null ? new Handed<>(Optional.empty(), Optional.empty()) : taken;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for images");
        }
    }

    /**
     * The next batch. It may be one of which no item could be read.
     *
     * @throws VitrailException if an item cannot be read and that is to end the work
     */
    @Override
    public Images<T> next() {
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
        return new Images<>(begun.items, List.copyOf(faults), begun.memory.batch());
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

    /** Number of images of sixteen bits or more cut to white so far ({@link RgbImage#cut}). */
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
        if (feeder != null) {
            feeder.interrupt();
        }
        workers.shutdownNow();
        if (shared != null) {
            giveBack(shared);
        }
    }

    /** Memory that a decoder may still write to is left to the collector. */
    private void giveBack(Memory memory) {
        if (lent != null) {
            memory.give(lent);
            lent = null;
        }
        Stream.concat(Stream.ofNullable(next), handed.stream())
                .flatMap(each -> each.batch.stream())
                .filter(Begun::done)
                .forEach(begun -> memory.give(begun.memory));
        next = null;
        handed.clear();
        ended = true;
    }
}
