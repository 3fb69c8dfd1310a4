package dev.vitrail.images.decode;

import java.io.IOException;

/** A defect of an image file; the message completes the words "the file". Never leaves this package. */
final class DamagedImageException extends IOException {
    DamagedImageException(String message) {
        super(message);
    }
}
