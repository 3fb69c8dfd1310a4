package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The batches of one epoch, in order, from {@link Loader#epoch}.
 *
 * <p>Workers claim a few positions of the epoch's order at a time. They may run ahead of the consumer by as many
 * batches as there is memory for, then they wait.
 */
public final class Batches implements Iterator<Batch>, AutoCloseable {
    /** Positions that a worker claims at once; few, so that the last batch of an epoch is shared by all. */
    private static final int MOST_CLAIMED = 8;

    private final SampleReader reader;
    private final int epoch;
    private final int[] order;
    private final int[] positions; // of the order, those that are this process's
    private final LoaderOptions options;
    private final int batchSize; // of those
    private final int batchCount;
    private final int workerCount;
    private final BatchMemory[] ring; // batch b lies in ring[b % ring.length]
    private final List<Thread> workers = new ArrayList<>();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition memoryFree = lock.newCondition();
    private final Condition batchComplete = lock.newCondition();
    // Guarded by the lock:
    private int nextPosition; // the first that no worker has claimed
    private int nextBatch; // the first that the consumer has not taken
    private int freed; // batches below this one have been given back
    private boolean closed;

    // The consumer's alone:
    private @Nullable Batch ready;
    private long waitedNanos;

    /**
     * @param count batches of the epoch
     * @param first the batch to begin with
     * @param order of the images
     * @param positions of the order that are loaded, batch after batch
     */
    Batches(
            SampleReader reader,
            LoaderOptions options,
            int count,
            int epoch,
            int first,
            int[] order,
            int[] positions,
            BatchMemory[] ring) {
        this.reader = reader;
        this.epoch = epoch;
        this.order = order;
        this.positions = positions;
        this.options = options;
        // Of a last batch that is not full, a process may have nothing.
        this.batchSize = Math.max(1, options.share().places(options.batch()).length);
        this.batchCount = Math.min(count, (positions.length + batchSize - 1) / batchSize);
        this.workerCount = options.workers();
        this.ring = ring.clone();
        this.nextPosition = first * batchSize;
        this.nextBatch = first;
        this.freed = first;
        for (int i = 0; i < workerCount; i++) {
            Thread worker = new Thread(this::work, "vitrail-loader-" + (i + 1));
            worker.setDaemon(true);
            worker.start();
            workers.add(worker);
        }
    }

    /**
     * Returns whether there is another batch; waits until it is there. The memory of the batch before it is given back.
     *
     * @throws VitrailException if an image of it is broken and that is to stop the run, or if no image at all
     *     can be read
     */
    @Override
    public boolean hasNext() {
        while (ready == null && nextBatch < batchCount) {
            Batch batch = await();
            // A batch of which nothing could be read is none.
            ready = batch.size() > 0 ? batch : null;
        }
        return ready != null;
    }

    /** The next batch, valid until the one after it is asked for. */
    @Override
    public Batch next() {
        if (!hasNext() || ready == null) {
            throw new NoSuchElementException("epoch %d has no more batches".formatted(epoch));
        }
        Batch batch = ready;
        ready = null;
        return batch;
    }

    /** Time that the consumer has waited for batches, which faster loading could gain. */
    public Duration waited() {
        return Duration.ofNanos(waitedNanos);
    }

    /** Ends the workers, after the images they are at. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            memoryFree.signalAll();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        for (Thread worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private Batch await() {
        BatchMemory memory = ring[nextBatch % ring.length];
        long start = System.nanoTime();
        lock.lock();
        try {
            freed = nextBatch;
            memoryFree.signalAll();
            while (!closed && !(isBegun(nextBatch) && memory.complete())) {
                batchComplete.await();
            }
            if (closed) {
                throw new IllegalStateException("the loader is closed, or another epoch was begun");
            }
            nextBatch++;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for batch %d".formatted(nextBatch));
        } finally {
            lock.unlock();
            waitedNanos += System.nanoTime() - start;
        }
        rethrow(memory.failure());
        reader.tell(memory.broken());
        return memory.batch();
    }

    private boolean isBegun(int batch) {
        return (long) batch * batchSize < nextPosition;
    }

    private void rethrow(@Nullable Throwable failure) {
        if (failure == null) {
            return;
        }
        close();
        if (failure instanceof VitrailException) {
            throw new VitrailException(String.valueOf(failure.getMessage()), failure);
        }
        throw new IllegalStateException("a worker failed: " + failure, failure);
    }

    /**
     * Some positions of one batch.
     *
     * @param position the first
     */
    private record Claim(BatchMemory memory, int position, int count) {}

    private void work() {
        for (Claim claim = claim(); claim != null; claim = claim()) {
            int first = claim.position % batchSize;
            int failed = -1;
            Throwable cause = null;
            for (int i = 0; i < claim.count && cause == null; i++) {
                try {
                    reader.fill(claim.memory, first + i, epoch, order, positions[claim.position + i]);
                } catch (Throwable e) { // whatever it is, the consumer must hear of it instead of waiting for ever
                    failed = first + i;
                    cause = e;
                }
            }
            finish(claim, failed, cause);
        }
    }

    private @Nullable Claim claim() {
        lock.lock();
        try {
            int batch = nextPosition / batchSize;
            while (!closed && batch < batchCount && batch >= (long) freed + ring.length) {
                memoryFree.awaitUninterruptibly();
                batch = nextPosition / batchSize;
            }
            if (closed || batch >= batchCount) {
                return null;
            }
            int place = nextPosition % batchSize;
            int size = Math.min(batchSize, positions.length - batch * batchSize);
            BatchMemory memory = ring[batch % ring.length];
            if (place == 0) {
                int whole = Math.min(options.batch(), order.length - batch * options.batch());
                memory.begin(batch, size, whole, options.share().places(whole));
            }
            int share = Math.max(1, Math.min(MOST_CLAIMED, size / (4 * workerCount)));
            int count = Math.min(share, size - place);
            Claim claim = new Claim(memory, nextPosition, count);
            nextPosition += count;
            return claim;
        } finally {
            lock.unlock();
        }
    }

    private void finish(Claim claim, int failed, @Nullable Throwable cause) {
        lock.lock();
        try {
            if (cause != null) {
                claim.memory.fail(failed, cause);
            }
            claim.memory.done(claim.count);
            if (claim.memory.complete()) {
                batchComplete.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }
}
