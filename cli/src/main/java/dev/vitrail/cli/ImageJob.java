package dev.vitrail.cli;

import dev.vitrail.Vitrail;
import dev.vitrail.data.ImageListing;
import dev.vitrail.data.ImageStreamOptions;
import dev.vitrail.files.ProcessEnd;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Work over many images, batch by batch. Where the process is told to end, the batch under way is finished, what is
 * known is written, and how many images were done is told.
 */
final class ImageJob {
    private static final int PATIENCE_SECONDS = 30;

    private final CountDownLatch over = new CountDownLatch(1);
    private final String advice;
    private final AtomicLong read;
    private final AtomicLong broken;
    private volatile boolean stopped;
    private volatile boolean whole;

    /**
     * @param read images that could be read before
     * @param broken those that could not
     * @param advice how to go on after an interruption; may be empty
     */
    ImageJob(long read, long broken, String advice) {
        this.read = new AtomicLong(read);
        this.broken = new AtomicLong(broken);
        this.advice = advice;
    }

    /**
     * Does the work.
     *
     * @param drawn whether progress may be drawn on a terminal
     * @param batches gets what became of each batch
     * @param end is run after the last batch, also where it is the last because the process is to end
     */
    void run(
            Vitrail vitrail,
            ImageListing files,
            ImageStreamOptions options,
            boolean classified,
            boolean drawn,
            Consumer<List<Outcome>> batches,
            Runnable end) {
        long before = read() + broken();
        try (var inference = new Inference(vitrail, files, options, classified);
                var heartbeat = new Heartbeat(drawn)) {
            Runnable ending = () -> stop(inference);
            ProcessEnd.await(ending);
            try {
                inference.run(outcomes -> {
                    batches.accept(outcomes);
                    long faults = outcomes.stream()
                            .filter(outcome -> outcome.fault().isPresent())
                            .count();
                    broken.addAndGet(faults);
                    read.addAndGet(outcomes.size() - faults);
                    heartbeat.show(read() + broken(), before);
                });
                end.run();
                whole = !stopped;
                DataFaults.tellCut(inference.cut());
                files.leftOut().sentences().forEach(sentence -> System.err.println("vitrail: " + sentence));
            } finally {
                over.countDown();
                ProcessEnd.over(ending);
            }
        }
    }

    private void stop(Inference inference) {
        stopped = true;
        inference.stop();
        boolean inTime;
        try {
            inTime = over.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e); // nobody interrupts this thread
        }
        if (!whole) {
            System.err.printf(
                    "vitrail: %s after %s%s%n",
                    inTime ? "stopped" : "the batch under way did not end in time; stopped",
                    counted(read() + broken()),
                    advice);
        }
    }

    private static String counted(long images) {
        return images == 1 ? "1 image" : images + " images";
    }

    /** Images that could be read so far. */
    long read() {
        return read.get();
    }

    /** Images that could not be. */
    long broken() {
        return broken.get();
    }

    /** Returns whether the process was told to end before the work was done. */
    boolean stopped() {
        return stopped;
    }

    /** Says how many images could not be read, if any. */
    void tellBroken() {
        if (broken() > 0) {
            System.err.printf("vitrail: %d of %d images could not be read%n", broken(), read() + broken());
        }
    }
}
