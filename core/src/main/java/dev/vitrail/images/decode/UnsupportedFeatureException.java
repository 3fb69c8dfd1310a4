package dev.vitrail.images.decode;

import java.io.IOException;

/**
 * A feature of a sound image file that is not read; the message completes the words "the file has". Never leaves this
 * package.
 */
final class UnsupportedFeatureException extends IOException {
    UnsupportedFeatureException(String feature) {
        super(feature);
    }
}
