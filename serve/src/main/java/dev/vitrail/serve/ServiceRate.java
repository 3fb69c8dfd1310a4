package dev.vitrail.serve;

import java.util.concurrent.TimeUnit;

/**
 * Time that a model takes for an image while it has work, decoding included: the time in which its queue held images,
 * divided by the images that left it, both over about the last seconds. An image that finds {@code n} others waits
 * about {@code n} times as long (Little's law). Thread-safe.
 */
final class ServiceRate {
    /** Nanoseconds after which a measurement counts a third (1/e) of a new one. */
    private static final double MEMORY = 5e9;

    private double images;
    private double busy;
    private int waiting;
    /** When the last image left, or the first came. */
    private long since;

    /**
     * @param nanosPerImage expected before there are measurements; counts as one second of them
     */
    ServiceRate(double nanosPerImage) {
        images = TimeUnit.SECONDS.toNanos(1) / nanosPerImage;
        busy = TimeUnit.SECONDS.toNanos(1);
    }

    /** Images come into the queue. */
    synchronized void come(int count, long now) {
        if (waiting == 0) {
            since = now;
        }
        waiting += count;
    }

    /** An image leaves the queue, answered or given up. */
    synchronized void leave(long now) {
        double elapsed = now - since;
        double left = Math.exp(-elapsed / MEMORY);
        busy = busy * left + elapsed;
        images = images * left + 1;
        since = now;
        waiting--;
    }

    /** Expected time of one image, nanoseconds. */
    synchronized double nanosPerImage() {
        return busy / images;
    }
}
