package dev.vitrail.images.decode;

import java.io.IOException;

/**
 * What a sound image file has that is not read; the message completes the words "the file has". Never
 * leaves this package.
 */
final class UnsupportedFeatureException extends IOException {
    UnsupportedFeatureException(String feature) {
        super(feature);
    }
}
