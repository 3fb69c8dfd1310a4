package dev.vitrail.errors;

import java.util.Locale;
import java.util.Objects;

/**
 * Bad input or wrong use: the message is one sentence for a person, saying what was expected, what was found and
 * what to do.
 *
 * <p>The command line prints it without a stack trace and exits with 2. Faults of the program itself
 * are other exceptions.
 */
public class VitrailException extends RuntimeException {
    public VitrailException(String message) {
        super(message);
    }

    public VitrailException(String message, Throwable cause) {
        super(message, cause);
    }

    /** An exception whose message is {@code String.format(Locale.ROOT, message, values)}. */
    public static VitrailException of(String message, Object... values) {
        return new VitrailException(String.format(Locale.ROOT, message, values));
    }

    /** The sentence for a person. */
    @Override
    public String getMessage() {
        return Objects.requireNonNullElse(super.getMessage(), "");
    }

    /** Throws unless {@code condition} holds. */
    public static void require(boolean condition, String message, Object... values) {
        if (!condition) {
            throw of(message, values);
        }
    }
}
