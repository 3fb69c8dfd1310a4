package dev.vitrail.engine;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.bytedeco.pytorch.global.torch;

/** Number of threads that one operation may use. */
public final class Threads {
    /** Threads that take up work of {@link #sideBySide} again; idle ones end after a minute. */
    private static final ExecutorService WORKERS = Executors.newCachedThreadPool(work -> {
        var thread = new Thread(work, "vitrail-compute");
        thread.setDaemon(true);
        return thread;
    });

    private Threads() {}

    /** Threads that the process starts with: the property {@code vitrail.threads}, else the machine's cores. */
    static int wanted() {
        var property = System.getProperty("vitrail.threads");
        if (property == null) {
            return Runtime.getRuntime().availableProcessors();
        }
        VitrailException.require(
                property.matches("[1-9]\\d{0,3}"),
                "vitrail.threads is '%s': expected a whole number of threads, 1 or more",
                property);
        return Integer.parseInt(property);
    }

    /** Threads that an operation of the calling thread uses. */
    public static int count() {
        Natives.load();
        return torch.get_num_threads();
    }

    /**
     * Sets the threads of operations that the calling thread starts.
     *
     * <p>One caller with all cores gives the lowest latency; one caller per core with one thread each
     * the most images/s.
     */
    public static void set(int threads) {
        Natives.load();
        torch.set_num_threads(threads);
    }

    /** OpenMP's function that sets a caller's threads, where no other library has a number for the whole process. */
    private static final class OpenMp {
        static final Optional<Function> SET_THREADS = Natives.mklOnClassPath()
                ? Optional.empty()
                : NativeLibraries.openMp()
                        .map(file -> NativeLibrary.getInstance(file.toString()).getFunction("omp_set_num_threads"));
    }

    /** Returns whether work can be divided among threads that compute with one thread each ({@link #sideBySide}). */
    public static boolean canDivide() {
        Natives.load();
        return OpenMp.SET_THREADS.isPresent();
    }

    /**
     * Runs works at once, each on a thread of its own whose operations use one thread: the first on the calling thread.
     * Precision ({@link Autocast}) is the caller's; gradients are not recorded.
     *
     * @param works as many as the caller has threads, or fewer
     * @return their results in order; thrown are the exceptions of the first that failed, when all have ended
     */
    public static <T> List<T> sideBySide(List<Supplier<T>> works) {
        var precision = Autocast.present(Device.Type.CPU);
        var others = new ArrayList<CompletableFuture<T>>();
        for (var work : works.subList(1, works.size())) {
            others.add(CompletableFuture.supplyAsync(() -> alone(work, precision), WORKERS));
        }
        var results = new ArrayList<T>(works.size());
        try {
            results.add(alone(works.get(0), precision));
        } finally {
            others.forEach(other -> other.handle((result, failure) -> true).join());
        }
        try {
            others.forEach(other -> results.add(other.join()));
        } catch (CompletionException e) {
            throw unwrapped(e);
        }
        return results;
    }

    private static RuntimeException unwrapped(CompletionException failure) {
        if (failure.getCause() instanceof Error error) {
            throw error;
        }
        return failure.getCause() instanceof RuntimeException cause ? cause : failure;
    }

    /**
     * Runs work with one thread. The number is set in OpenMP alone, where it is the calling thread's: libtorch would
     * take it as the number of threads that come after as well.
     */
    private static <T> T alone(Supplier<T> work, Autocast.Setting precision) {
        int before = count(); // By which libtorch gives this thread its number, so that it does not do so later.
        openMpThreads(1);
        try (var off = Gradients.off();
                var autocast = precision.open()) {
            return work.get();
        } finally {
            openMpThreads(before);
        }
    }

    private static void openMpThreads(int threads) {
        OpenMp.SET_THREADS.orElseThrow().invokeVoid(new Object[] {threads});
    }
}
