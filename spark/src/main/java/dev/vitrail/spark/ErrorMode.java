package dev.vitrail.spark;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Treatment of a row whose image cannot be read, by the names that Spark's readers use. */
enum ErrorMode {
    /** The result is null, and an error column holds the sentence. */
    PERMISSIVE,
    /** The row is left out. */
    DROPMALFORMED,
    /** The job fails with the sentence. */
    FAILFAST;

    private static final List<String> NAMES =
            Arrays.stream(values()).map(ErrorMode::name).toList();

    /** A mode by its name, in capitals or not; empty where there is no such mode. */
    static Optional<ErrorMode> find(String name) {
        return Arrays.stream(values())
                .filter(mode -> mode.name().equals(name.toUpperCase(Locale.ROOT)))
                .findFirst();
    }

    /**
     * A mode by its name, in capitals or not.
     *
     * @throws VitrailException if there is no such mode
     */
    static ErrorMode of(String name) {
        return find(name)
                .orElseThrow(() -> VitrailException.of(
                        "mode is '%s': expected %s%s",
                        name,
                        String.join(", ", NAMES),
                        Names.like(name, NAMES)
                                .map(near -> "; did you mean %s?".formatted(near))
                                .orElse("")));
    }
}
