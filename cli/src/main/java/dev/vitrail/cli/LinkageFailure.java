package dev.vitrail.cli;

import dev.vitrail.engine.NoexecMount;
import dev.vitrail.errors.VitrailException;
import java.util.Optional;
import java.util.stream.Stream;

/** Says which library could not be linked: one in native code, or a class of another version than the one expected. */
final class LinkageFailure {
    private LinkageFailure() {}

    /** The sentence for a person; empty where no library is to blame, but an initializer of a class that failed. */
    static Optional<VitrailException> of(LinkageError failure) {
        var ours = causes(failure).filter(VitrailException.class::isInstance).findFirst();
        if (ours.isPresent()) {
            return ours.map(VitrailException.class::cast);
        }
        if (isNative(failure)) {
            return NoexecMount.failure(failure).or(() -> Optional.of(natives(failure)));
        }
        // Of an initializer the cause tells what it met; the error itself says nothing.
        return causes(failure)
                .filter(cause -> cause instanceof LinkageError && !(cause instanceof ExceptionInInitializerError))
                .reduce((first, last) -> last)
                .map(cause -> new VitrailException(
                        ("%s: a library on the class path is missing or of another version than this command is built"
                                        + " with; run it with the jars that it came with, and no others")
                                .formatted(firstLine(cause.toString())),
                        failure));
    }

    /** Returns whether native code is missing: the link itself, or a class of the bindings that needed it before. */
    private static boolean isNative(LinkageError failure) {
        return causes(failure)
                .anyMatch(cause -> cause instanceof UnsatisfiedLinkError
                        || cause instanceof NoClassDefFoundError
                                && String.valueOf(cause.getMessage())
                                        .matches("Could not initialize class (org\\.bytedeco|com\\.sun\\.jna)\\..*"));
    }

    private static VitrailException natives(LinkageError failure) {
        var unlinked = causes(failure)
                .filter(UnsatisfiedLinkError.class::isInstance)
                .findFirst()
                .orElse(failure);
        return new VitrailException(
                ("the native libraries could not be loaded (%s): is the platform one that they are built for, and the"
                                + " folder ~/.javacpp writable (or another, named with"
                                + " -Dorg.bytedeco.javacpp.cachedir=DIR)?")
                        .formatted(firstLine(String.valueOf(unlinked.getMessage()))),
                failure);
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }

    private static Stream<Throwable> causes(Throwable failure) {
        return Stream.iterate(Optional.of(failure), Optional::isPresent, cause -> cause.map(Throwable::getCause))
                .map(Optional::get);
    }
}
