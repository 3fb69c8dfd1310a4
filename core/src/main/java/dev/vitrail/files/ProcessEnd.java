package dev.vitrail.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Actions when the process is told to end, one after the other: work under way comes to its own end, and
 * only then are the temporary files removed of writes that did not. Hooks of their own would run at the same time, and
 * take away the file that the work is just writing.
 */
public final class ProcessEnd {
    private static final Set<Runnable> WORK = ConcurrentHashMap.newKeySet();
    private static final Set<Path> UNFINISHED = ConcurrentHashMap.newKeySet();

    static {
        try {
            Runtime.getRuntime().addShutdownHook(new Thread(ProcessEnd::run, "vitrail-end"));
        } catch (IllegalStateException e) {
            // The process is ending already: a file can still be written, and is only not removed if that is cut short.
        }
    }

    private ProcessEnd() {}

    private static void run() {
        try {
            WORK.forEach(Runnable::run);
        } finally {
            UNFINISHED.forEach(ProcessEnd::delete);
        }
    }

    /**
     * Lets work end in order.
     *
     * @param ending is run when the process is told to end, on another thread, and returns once the work is over or
     *     shall not be waited for any longer
     */
    public static void await(Runnable ending) {
        WORK.add(ending);
    }

    /** The work is over. */
    public static void over(Runnable ending) {
        WORK.remove(ending);
    }

    /** A file that is to be removed, unless it is {@link #remove removed} before. */
    static void unfinished(Path file) {
        UNFINISHED.add(file);
    }

    /** Removes a file that was unfinished, where it is still there under that name. */
    static void remove(Path file) {
        delete(file);
        UNFINISHED.remove(file);
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException ignored) {
            // Another failure is already on its way to the caller, or the process is ending.
        }
    }
}
