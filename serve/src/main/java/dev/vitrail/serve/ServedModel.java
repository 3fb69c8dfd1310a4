package dev.vitrail.serve;

import dev.vitrail.serve.batching.BatchedModel;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One loaded generation of a model. Requests hold it while they use it; one that was replaced is freed when the last of
 * them lets go.
 */
final class ServedModel {
    /** Share of a request's time that waiting and running may take by the estimate, which is no promise. */
    private static final double SHARE = 0.5;

    private final String name;
    private final int version;
    private final BatchedModel model;
    private final int queue;
    private final AtomicInteger admitted = new AtomicInteger();
    private final ServiceRate rate;
    private int holders = 1; // the repository

    /** @param queue most images that are decoded, wait or run at once */
    ServedModel(String name, int version, BatchedModel model, int queue) {
        this.name = name;
        this.version = version;
        this.model = model;
        this.queue = queue;
        rate = new ServiceRate(model.nanosPerImage());
    }

    String name() {
        return name;
    }

    String version() {
        return Integer.toString(version);
    }

    BatchedModel model() {
        return model;
    }

    /** Takes hold of the model; false if it was freed in the meantime. */
    synchronized boolean hold() {
        if (holders == 0) {
            return false;
        }
        holders++;
        return true;
    }

    /** Lets go of the model. */
    void release() {
        boolean last;
        synchronized (this) {
            last = --holders == 0;
        }
        if (last) {
            model.close();
        }
    }

    /** Images that are decoded, wait or run. */
    int admitted() {
        return admitted.get();
    }

    /** Refuses where there is no room for one image more, or it would take too long. */
    void requireRoom(long within) {
        int all = admitted.get();
        if (isFull(all + 1, 1, within)) {
            throw full(all);
        }
    }

    /**
     * Admits images; {@link #leave} is to follow for each.
     *
     * @param within nanoseconds in which they are wanted
     * @throws RequestException if the queue has no room for them, or they would take too long
     */
    void admit(int images, long within) {
        if (images > queue) {
            throw new RequestException(
                    Failure.TOO_LARGE,
                    "%d images are more than the %d that the queue of '%s' holds: send less at once"
                            .formatted(images, queue, name));
        }
        int all = admitted.addAndGet(images);
        if (isFull(all, images, within)) {
            admitted.addAndGet(-images);
            throw full(all);
        }
        rate.come(images, System.nanoTime());
    }

    /**
     * Returns whether a queue is too long. Images that would be late are refused at once: they would be decoded for
     * nothing, and delay those behind them until these were late too.
     */
    private boolean isFull(int all, int images, long within) {
        return all > queue || (all > images && all * rate.nanosPerImage() > SHARE * within);
    }

    /** An image is done, or given up. */
    void leave() {
        admitted.decrementAndGet();
        rate.leave(System.nanoTime());
    }

    private RequestException full(int all) {
        double seconds = all * rate.nanosPerImage() / 1e9;
        return RequestException.overloaded(
                "the queue of '%s' is full (%d images are in progress): try again later".formatted(name, all),
                Math.max(1, (int) Math.ceil(seconds)));
    }
}
