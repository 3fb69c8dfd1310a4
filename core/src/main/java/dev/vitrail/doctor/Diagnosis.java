package dev.vitrail.doctor;

import java.util.Locale;

/**
 * Something that the {@link RecipeDoctor} has found.
 *
 * @param severity what follows from it
 * @param sentence what was found, with its numbers
 * @param advice what to do about it
 */
public record Diagnosis(Severity severity, String sentence, String advice) {
    /** Severity of a finding. */
    public enum Severity {
        /** It cannot work: training does not begin. */
        REFUSE,
        /** It is known to fail, or to give figures that deceive: training begins all the same. */
        WARN,
        /** Something could not be looked at. */
        NOTE
    }

    static Diagnosis refuse(String advice, String sentence, Object... values) {
        return of(Severity.REFUSE, advice, sentence, values);
    }

    static Diagnosis warn(String advice, String sentence, Object... values) {
        return of(Severity.WARN, advice, sentence, values);
    }

    static Diagnosis note(String advice, String sentence, Object... values) {
        return of(Severity.NOTE, advice, sentence, values);
    }

    private static Diagnosis of(Severity severity, String advice, String sentence, Object... values) {
        return new Diagnosis(severity, String.format(Locale.ROOT, sentence, values), advice);
    }

    /** The finding and the remedy in one sentence. */
    @Override
    public String toString() {
        return sentence + ": " + advice;
    }
}
