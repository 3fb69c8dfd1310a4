package dev.vitrail.serve.batching;

import java.util.concurrent.atomic.AtomicLong;

/** Times of a request's stages, in nanoseconds: in each, that of its slowest image. Thread-safe. */
public final class Timing {
    private final AtomicLong decode = new AtomicLong(), queue = new AtomicLong(), infer = new AtomicLong();

    /** Notes the time that an image took to decode and prepare. */
    public void decoded(long nanos) {
        decode.accumulateAndGet(nanos, Math::max);
    }

    void queued(long nanos) {
        queue.accumulateAndGet(nanos, Math::max);
    }

    void inferred(long nanos) {
        infer.accumulateAndGet(nanos, Math::max);
    }

    public long decodeNanos() {
        return decode.get();
    }

    public long queueNanos() {
        return queue.get();
    }

    public long inferNanos() {
        return infer.get();
    }
}
