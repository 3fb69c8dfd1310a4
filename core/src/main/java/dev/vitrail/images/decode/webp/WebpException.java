package dev.vitrail.images.decode.webp;

import java.io.IOException;

/**
 * A defect of a WebP file; the message completes the words "the file". A file that ends too early is an {@link
 * java.io.EOFException} instead.
 */
public final class WebpException extends IOException {
    private final String fault;

    WebpException(String fault) {
        super(fault);
        this.fault = fault;
    }

    /** The message. */
    public String fault() {
        return fault;
    }
}
