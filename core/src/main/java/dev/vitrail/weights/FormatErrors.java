package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import java.util.Locale;

/**
 * Errors about one file, as sentences that all begin alike.
 *
 * @param opening such as "x.zip is not a sound zip archive"; the fault follows after a colon
 */
public record FormatErrors(String opening) {
    private static final int MAX_CHARACTERS = 500;

    public VitrailException of(String fault, Object... values) {
        return new VitrailException(sentence(fault, values));
    }

    public VitrailException of(Throwable cause, String fault, Object... values) {
        return new VitrailException(sentence(fault, values), cause);
    }

    /** Throws unless {@code condition} holds. */
    public void require(boolean condition, String fault, Object... values) {
        if (!condition) {
            throw of(fault, values);
        }
    }

    /**
     * Text from a file, fit for a sentence: a name in a hostile file may hold line breaks and terminal controls, and be
     * as long as the file.
     */
    public static String printable(String text) {
        String head = text.length() > MAX_CHARACTERS ? text.substring(0, MAX_CHARACTERS) + "…" : text;
        return head.replaceAll("\\p{Cntrl}", "?");
    }

    private String sentence(String fault, Object... values) {
        return opening + ": " + printable(String.format(Locale.ROOT, fault, values));
    }
}
