package dev.vitrail.engine;

import dev.vitrail.errors.VitrailException;
import java.util.Optional;
import java.util.stream.Stream;

/** Recognizes native libraries that were refused because the file system they are unpacked to is mounted noexec. */
public final class NoexecMount {
    private NoexecMount() {}

    /**
     * Returns the error to report; empty if the failure and its causes have another reason.
     *
     * @param failure of loading or linking a native library
     */
    public static Optional<VitrailException> failure(Throwable failure) {
        return Stream.iterate(Optional.of(failure), Optional::isPresent, cause -> cause.map(Throwable::getCause))
                .map(Optional::get)
                .map(String::valueOf)
                .filter(NoexecMount::isRefusal)
                .findFirst()
                .map(message -> new VitrailException(
                        ("the native libraries cannot be run from where they are unpacked (%s), as that file system"
                                        + " allows no programs (noexec): name folders that do with"
                                        + " -Dorg.bytedeco.javacpp.cachedir=DIR and -Djna.tmpdir=DIR")
                                .formatted(System.getProperty("org.bytedeco.javacpp.cachedir", "~/.javacpp/cache")),
                        failure));
    }

    /** The messages of the loaders of glibc and musl, and of Apple's. */
    private static boolean isRefusal(String message) {
        return message.contains("failed to map segment") || message.contains("Operation not permitted");
    }
}
