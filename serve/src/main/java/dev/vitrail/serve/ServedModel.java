package dev.vitrail.serve;

import dev.vitrail.serve.batching.BatchedModel;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One loaded generation of a model. Requests hold it while they use it; one that was replaced is freed when the last of them lets go.
 */
final class ServedModel {
    private final String name;
    private final int version;
    private final BatchedModel model;
    private final int queue;
    private final AtomicInteger admitted = new AtomicInteger();
    private int holders = 1; // the repository

    /** @param queue most images that are decoded, wait or run at once */
    ServedModel(String name, int version, BatchedModel model, int queue) {
        this.name = name;
        this.version = version;
        this.model = model;
        this.queue = queue;
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

    /** Refuses, if there is no room for one image more. */
    void requireRoom() {
        if (admitted.get() >= queue) {
            throw full();
        }
    }

    /**
     * Admits images; {@link #leave} is to follow for each.
     *
     * @throws RequestException if the queue has no room for them
     */
    void admit(int images) {
        if (images > queue) {
            throw new RequestException(
                    Failure.TOO_LARGE,
                    "%d images are more than the %d that the queue of '%s' holds: send less at once"
                            .formatted(images, queue, name));
        }
        if (admitted.addAndGet(images) > queue) {
            admitted.addAndGet(-images);
            throw full();
        }
    }

    void leave(int images) {
        admitted.addAndGet(-images);
    }

    private RequestException full() {
        double seconds = admitted.get() / Math.max(model.imagesPerSecond(), 1);
        return RequestException.overloaded(
                "the queue of '%s' is full (%d images): try again later".formatted(name, queue),
                Math.max(1, (int) Math.ceil(seconds)));
    }
}
