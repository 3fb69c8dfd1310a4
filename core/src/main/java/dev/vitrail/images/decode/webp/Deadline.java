package dev.vitrail.images.decode.webp;

/**
 * Time at which decoding is given up.
 *
 * @param nanoTime the time by {@link System#nanoTime()}
 */
record Deadline(long nanoTime) {
    /** Throws once the time has come. */
    void check() throws WebpException {
        if (System.nanoTime() - nanoTime > 0) {
            throw new WebpException("takes longer to decode than the time limit allows");
        }
    }
}
