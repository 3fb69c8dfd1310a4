package dev.vitrail.serve.batching;

import dev.vitrail.errors.VitrailException;

/** A request whose deadline passed before its result was there, or would have. */
public final class DeadlineExceededException extends VitrailException {
    public DeadlineExceededException(String message) {
        super(message);
    }
}
