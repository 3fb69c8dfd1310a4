package dev.vitrail.serve.batching;

import dev.vitrail.errors.NotFiniteException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Runs the batches of all models, one at a time with all cores, on a thread of its own.
 *
 * <p>Models share the machine by time: of the lanes whose batch may start, the one that has used least of the thread
 * goes next, whatever its batches cost. A lane that was idle starts level with the others, so that idleness is no
 * credit. A small model is so delayed by one batch of a large one at most.
 */
public final class BatchScheduler implements AutoCloseable {
    private record Task<T>(Supplier<T> work, CompletableFuture<T> result) {
        void run() {
            try {
                result.complete(work.get());
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
            }
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<Lane> lanes = new ArrayList<>();
    private final List<Task<?>> tasks = new ArrayList<>();
    private final BatchListener listener;
    private final Thread thread;
    /** Time used by the lane that ran last, from which idle lanes start. */
    private double level;

    private boolean closed;

    public BatchScheduler(BatchListener listener) {
        this.listener = listener;
        thread = new Thread(this::loop, "vitrail-model");
        thread.setDaemon(true);
        thread.start();
    }

    /** Runs work on the model's thread, between batches. */
    <T> CompletableFuture<T> between(Supplier<T> work) {
        var result = new CompletableFuture<T>();
        locked(() -> {
            if (closed) {
                result.completeExceptionally(stopped());
            } else {
                tasks.add(new Task<>(work, result));
            }
        });
        return result;
    }

    /** Runs work of a lane on the model's thread, between batches, and charges the lane for it. */
    <T> CompletableFuture<T> between(Lane lane, Supplier<T> work) {
        return between(() -> {
            long begin = System.nanoTime();
            try {
                return work.get();
            } finally {
                charge(lane, System.nanoTime() - begin);
            }
        });
    }

    void add(Lane lane) {
        locked(() -> lanes.add(lane));
    }

    /** Removes a lane; what waits in it is given up. */
    void remove(Lane lane) {
        var left = new ArrayList<BatchJob>();
        locked(() -> {
            lanes.remove(lane);
            left.addAll(lane.clear());
        });
        left.forEach(job -> job.result().completeExceptionally(stopped()));
    }

    /** Notes that images are being decoded for a lane: positive as they begin, negative as they end. */
    void expect(Lane lane, int images) {
        locked(() -> lane.expect(images));
    }

    double nanosPerImage(Lane lane) {
        return lock(lane::nanosPerImage);
    }

    void submit(Lane lane, BatchJob job) {
        boolean accepted = lock(() -> {
            if (closed || !lanes.contains(lane)) {
                return false;
            }
            if (lane.isEmpty()) {
                lane.used = Math.max(lane.used, level);
            }
            lane.add(job);
            return true;
        });
        if (!accepted) {
            job.result().completeExceptionally(stopped());
        }
    }

    private static CancellationException stopped() {
        return new CancellationException("the model was unloaded");
    }

    private <T> T lock(Supplier<T> body) {
        lock.lock();
        try {
            return body.get();
        } finally {
            changed.signalAll();
            lock.unlock();
        }
    }

    private void locked(Runnable body) {
        lock(() -> {
            body.run();
            return true;
        });
    }

    // ---------------------------------------------------------------------------------------------- the model's thread

    private record Batch(Lane lane, List<BatchJob> jobs) {}

    private void loop() {
        while (true) {
            Optional<Batch> batch;
            List<Task<?>> due;
            lock.lock();
            try {
                batch = next();
                due = List.copyOf(tasks);
                tasks.clear();
                if (batch.isEmpty() && due.isEmpty()) {
                    if (closed) {
                        return;
                    }
                    continue;
                }
            } catch (InterruptedException e) {
                return;
            } finally {
                lock.unlock();
            }
            due.forEach(Task::run);
            batch.ifPresent(this::run);
        }
    }

    /** Waits for a batch or a task; empty where a task came, or the end. */
    private Optional<Batch> next() throws InterruptedException {
        while (true) {
            long now = System.nanoTime();
            var busy = lanes.stream().filter(lane -> !lane.isEmpty()).toList();
            var ready = busy.stream()
                    .filter(lane -> closed || lane.delay(now) <= 0)
                    .min(Comparator.comparingDouble(lane -> lane.used));
            if (ready.isPresent()) {
                var lane = ready.get();
                level = lane.used;
                return Optional.of(new Batch(lane, lane.take(now)));
            }
            if (closed || !tasks.isEmpty()) {
                return Optional.empty();
            }
            var wait = busy.stream().mapToLong(lane -> lane.delay(now)).min();
            if (wait.isPresent()) {
                changed.awaitNanos(wait.getAsLong());
            } else {
                changed.await();
            }
        }
    }

    private void run(Batch batch) {
        var jobs = batch.jobs();
        if (jobs.isEmpty()) {
            return;
        }
        var lane = batch.lane();
        long begin = System.nanoTime();
        jobs.forEach(job -> job.timing().queued(begin - job.created()));
        try {
            var rows = lane.run(jobs);
            long nanos = System.nanoTime() - begin;
            measured(lane, jobs.size(), nanos);
            for (int i = 0; i < jobs.size(); i++) {
                jobs.get(i).timing().inferred(nanos);
                jobs.get(i).result().complete(rows.get(i));
            }
        } catch (NotFiniteException e) {
            charge(lane, System.nanoTime() - begin);
            if (jobs.size() == 1) {
                jobs.get(0).result().completeExceptionally(e);
            } else { // one image must not spoil the results of those beside it
                jobs.forEach(job -> run(new Batch(lane, List.of(job))));
            }
        } catch (RuntimeException | Error e) {
            charge(lane, System.nanoTime() - begin);
            jobs.forEach(job -> job.result().completeExceptionally(e));
        }
    }

    void measured(Lane lane, int size, long nanos) {
        locked(() -> {
            lane.costs.add(size, nanos);
            lane.used += nanos;
        });
        listener.ran(lane.name, size, nanos);
    }

    private void charge(Lane lane, long nanos) {
        locked(() -> lane.used += nanos);
    }

    /** Runs what waits, and ends. */
    @Override
    public void close() {
        locked(() -> closed = true);
        try {
            thread.join();
        } catch (InterruptedException e) {
            thread.interrupt();
            Thread.currentThread().interrupt();
        }
    }
}
