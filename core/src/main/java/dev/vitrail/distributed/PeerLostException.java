package dev.vitrail.distributed;

import dev.vitrail.errors.VitrailException;

/**
 * Another process of the group has ended, or does not answer any more, so that the work cannot go on.
 *
 * <p>The command line exits with 3: neither the input nor its use was wrong, and what was saved can be resumed.
 */
public final class PeerLostException extends VitrailException {
    public PeerLostException(String message) {
        super(message);
    }

    public PeerLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
