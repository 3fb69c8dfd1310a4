package dev.vitrail.serve.batching;

import java.nio.FloatBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/**
 * One image on its way through a model.
 *
 * @param image normalized values {@code [C, H, W]}, from the buffer's position to its limit
 * @param deadline when its result is of no use any more, by {@link System#nanoTime}
 * @param cancelled whether its request was given up; asked before the batch runs
 * @param timing gets the times that it waited and ran
 * @param result gets the model's row for it
 */
public record BatchJob(
        FloatBuffer image,
        long deadline,
        BooleanSupplier cancelled,
        Timing timing,
        CompletableFuture<float[]> result,
        long created) {
    public BatchJob(FloatBuffer image, long deadline, BooleanSupplier cancelled, Timing timing) {
        this(image, deadline, cancelled, timing, new CompletableFuture<>(), System.nanoTime());
    }
}
