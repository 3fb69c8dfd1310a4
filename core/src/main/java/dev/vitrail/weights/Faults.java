package dev.vitrail.weights;

import dev.vitrail.VitrailException;
import java.util.Locale;

/**
 * What is wrong with one file, said in sentences that all begin alike.
 *
 * @param opening such as "x.zip is not a sound zip archive"; the fault follows after a colon
 */
record Faults(String opening) {
    /** Names inside a hostile file may be as long as the file; a sentence is not. */
    private static final int MAX_CHARACTERS = 500;

    VitrailException of(String fault, Object... values) {
        return new VitrailException(sentence(fault, values));
    }

    VitrailException of(Throwable cause, String fault, Object... values) {
        return new VitrailException(sentence(fault, values), cause);
    }

    /** Throws unless {@code condition} holds. */
    void require(boolean condition, String fault, Object... values) {
        if (!condition) {
            throw of(fault, values);
        }
    }

    private String sentence(String fault, Object... values) {
        // A name may also hold line breaks and terminal controls, which a sentence must not carry to the screen.
        String text = String.format(Locale.ROOT, fault, values).replaceAll("\\p{Cntrl}", "?");
        return opening + ": " + (text.length() > MAX_CHARACTERS ? text.substring(0, MAX_CHARACTERS) + "…" : text);
    }
}
