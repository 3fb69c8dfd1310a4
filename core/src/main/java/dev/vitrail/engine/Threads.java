package dev.vitrail.engine;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import java.util.stream.IntStream;
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
     * Runs works at once on as many threads as the caller has, itself among them, whose operations use one thread each.
     * A thread that has ended one takes the next. Precision ({@link Autocast}) is the caller's; gradients are not
     * recorded.
     *
     * @return their results in order; thrown is the exception of one that failed, when all threads have ended
     */
    public static <T> List<T> sideBySide(List<Supplier<T>> works) {
        var precision = Autocast.present(Device.Type.CPU);
        var next = new AtomicInteger();
        var results = new AtomicReferenceArray<T>(works.size());
        Runnable all = () -> alone(precision, () -> {
            for (int i = next.getAndIncrement(); i < works.size(); i = next.getAndIncrement()) {
                results.set(i, works.get(i).get());
            }
        });
        var others = IntStream.range(1, Math.min(count(), works.size()))
                .mapToObj(i -> CompletableFuture.runAsync(all, WORKERS))
                .toList();
        try {
            all.run();
        } finally {
            others.forEach(other -> other.handle((ended, failure) -> true).join());
        }
        try {
            others.forEach(CompletableFuture::join);
        } catch (CompletionException e) {
            throw unwrapped(e);
        }
        return IntStream.range(0, works.size()).mapToObj(results::get).toList();
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
    private static void alone(Autocast.Setting precision, Runnable work) {
        int before = count(); // By which libtorch gives this thread its number, so that it does not do so later.
        openMpThreads(1);
        try (var off = Gradients.off();
                var autocast = precision.open()) {
            work.run();
        } finally {
            openMpThreads(before);
        }
    }

    private static void openMpThreads(int threads) {
        OpenMp.SET_THREADS.orElseThrow().invokeVoid(new Object[] {threads});
    }
}
