package dev.vitrail.serve.batching;

/** Receives measurements of the model's thread; implementations must not block. */
public interface BatchListener {
    /**
     * A batch was run.
     *
     * @param lane what ran
     * @param size images
     * @param nanos time of the run
     */
    void ran(String lane, int size, long nanos);
}
