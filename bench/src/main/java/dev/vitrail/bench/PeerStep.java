package dev.vitrail.bench;

/** A training step that can be made again and again: batch in, forward, loss, backward, AdamW. */
interface PeerStep extends AutoCloseable {
    /** One step; gives its loss, as any training loop reads it. */
    double run();

    @Override
    void close();
}
