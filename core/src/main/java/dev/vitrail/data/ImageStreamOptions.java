package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.images.decode.DecodeOptions;

/**
 * Options of an {@link ImageStream}.
 *
 * @param batch items of a batch at most
 * @param decoding of each item
 * @param strict whether an item that cannot be read ends the work with its sentence
 * @param workers threads that decode
 */
public record ImageStreamOptions(int batch, DecodeOptions decoding, boolean strict, int workers) {
    private static final int MOST_WORKERS = 8;

    public ImageStreamOptions {
        require(batch >= 1, "a batch needs at least 1 image, found %d", batch);
        require(workers >= 1, "decoding needs at least 1 thread, found %d", workers);
    }

    /** Options with a thread for each processor, and 8 at most. */
    public ImageStreamOptions(int batch, DecodeOptions decoding, boolean strict) {
        this(
                batch,
                decoding,
                strict,
                Math.min(MOST_WORKERS, Runtime.getRuntime().availableProcessors()));
    }
}
