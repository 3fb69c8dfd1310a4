package dev.vitrail.serve.batching;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;

/**
 * The images that wait for one output of one model. All state but the runner is guarded by the scheduler's lock.
 *
 * <p>When a batch starts, with {@code n} images waiting, {@code m} being decoded, and {@code best} the size of most
 * images/s within the latency budget:
 *
 * <ul>
 *   <li>at once, if {@code n ≥ best} or {@code m = 0}: nothing is gained by waiting;
 *   <li>else when the oldest image has waited as long as running both together would save, which is
 *       {@code c(n) + c(m) − c(n + m)} of the measured costs {@code c}, and at most the latency budget less
 *       {@code c(n + m)}.
 * </ul>
 */
final class Lane {
    /** Runs a batch of {@code count} images, {@code [count, C, H, W]} floats in native order. */
    @FunctionalInterface
    interface Runner {
        List<float[]> run(ByteBuffer images, int count);
    }

    final String name;
    final BatchCosts costs;
    final int values;
    private final Runner runner;
    private final long budget;

    private final ArrayDeque<BatchJob> waiting = new ArrayDeque<>();
    private int decoding;
    /** Time on the model's thread so far, in nanoseconds, as the scheduler compares lanes by. */
    double used;

    private ByteBuffer memory = ByteBuffer.allocateDirect(0);

    /**
     * @param values floats of an image
     * @param budget most time that a batch may wait and run, nanoseconds
     */
    Lane(String name, int values, int mostImages, long budget, Runner runner) {
        this.name = name;
        this.values = values;
        this.costs = new BatchCosts(mostImages);
        this.budget = budget;
        this.runner = runner;
    }

    // ------------------------------------------------------------------------------------- under the scheduler's lock

    void expect(int images) {
        decoding += images;
    }

    void add(BatchJob job) {
        waiting.add(job);
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    int size() {
        return waiting.size();
    }

    /** Expected time of an image of a batch of the best size, nanoseconds. */
    double nanosPerImage() {
        int best = costs.best(budget);
        return costs.nanos(best) / best;
    }

    /** Nanoseconds until a batch is to start; 0 or less for now. Only for lanes that are not empty. */
    long delay(long now) {
        int best = costs.best(budget);
        int n = waiting.size();
        int m = Math.min(decoding, best - n);
        if (m <= 0) {
            return 0;
        }
        long wait = (long) Math.min(costs.saving(n, m), budget - costs.nanos(n + m));
        return waiting.getFirst().created() + wait - now;
    }

    /** Takes the images of the next batch, without those that are given up or come too late. */
    List<BatchJob> take(long now) {
        int best = costs.best(budget);
        var batch = new ArrayList<BatchJob>(best);
        while (batch.size() < best && !waiting.isEmpty()) {
            var job = waiting.removeFirst();
            if (job.cancelled().getAsBoolean()) {
                job.result().completeExceptionally(new CancellationException("the request was given up"));
            } else if (now + costs.nanos(batch.size() + 1) > job.deadline()) {
                job.result()
                        .completeExceptionally(new DeadlineExceededException(
                                "the deadline passes before the model has run: expected a longer one, or"
                                        + " fewer requests at once"));
            } else {
                batch.add(job);
            }
        }
        return batch;
    }

    /** Takes all that waits. */
    List<BatchJob> clear() {
        var all = List.copyOf(waiting);
        waiting.clear();
        return all;
    }

    // ---------------------------------------------------------------------------------------------- the model's thread

    /** Runs images as one batch; {@code [count, values]} of the result in their order. */
    List<float[]> run(List<BatchJob> jobs) {
        int bytes = Float.BYTES * values;
        if (memory.capacity() < bytes * jobs.size()) {
            memory = ByteBuffer.allocateDirect(bytes * jobs.size()).order(ByteOrder.nativeOrder());
        }
        memory.clear().limit(bytes * jobs.size());
        var floats = memory.asFloatBuffer();
        jobs.forEach(job -> floats.put(job.image().duplicate()));
        return runner.run(memory, jobs.size());
    }
}
