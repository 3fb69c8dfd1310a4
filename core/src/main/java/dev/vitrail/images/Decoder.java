package dev.vitrail.images;

import java.io.IOException;

/** Turns one file format into pixels. */
@FunctionalInterface
interface Decoder {
    /**
     * Decodes the first picture of the file.
     *
     * @throws java.io.EOFException if the file ends too early
     * @throws IOException if it is damaged, or uses a feature that is not read; the message completes "the file …"
     */
    RgbImage decode(Encoded file) throws IOException;
}
