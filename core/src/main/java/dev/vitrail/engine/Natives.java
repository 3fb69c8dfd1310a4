package dev.vitrail.engine;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import dev.vitrail.errors.VitrailException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads libtorch once, with the settings that decide its speed already in place.
 *
 * <p>Every large matrix product goes to oneDNN, which is part of libtorch and shares its OpenMP threads; the BLAS
 * beside it (OpenBLAS, or MKL where that is on the class path) is left with small products inside attention. Therefore
 * OpenBLAS is held to one thread, so that its pool never competes with OpenMP's, and OpenMP's threads wait awake for a
 * moment between parallel regions instead of sleeping at once: waking them costs more than a layer of a small model.
 * All of these are environment variables that the natives read when they load, so they are set from inside the process,
 * just before. A variable that the user has set wins.
 *
 * <p>System properties: {@code vitrail.threads} (computing threads, default the machine's cores),
 * {@code vitrail.wait} ({@code adaptive}, the default: as long as {@code brief} while the cores are ours, else short,
 * see {@link Waiting}; {@code brief}; {@code active} to spin without end, for a machine that does nothing else;
 * {@code passive} to sleep at once).
 */
final class Natives {
    private static final Logger LOG = LoggerFactory.getLogger(Natives.class);

    /** glibc's {@code mallopt} parameters (malloc.h). */
    private static final int M_TRIM_THRESHOLD = -1;

    private static final int M_TOP_PAD = -2;
    private static final int M_MMAP_THRESHOLD = -3;

    /**
     * Turns that an idle OpenMP thread waits for work before it sleeps: longer than the gaps between the operations of
     * a model, some 25 ms at most, so that a process at rest uses nothing.
     */
    private static final String BRIEF_SPIN = "1000000";

    private static volatile boolean loaded;

    /**
     * True while this thread, which holds the lock, loads the natives; its operations meanwhile do not load them again.
     */
    private static boolean loading;

    /** Failure of loading on the thread that {@link Startup} began, until somebody needs the natives and is told. */
    private static @Nullable Throwable failedEarly;

    private Natives() {}

    /** Loads the natives on the first call; afterwards it costs one volatile read. */
    static void load() {
        if (!loaded) {
            loadOnce(Products::verify);
        }
    }

    /** @param verification checks the products once the natives are up */
    private static void loadOnce(Runnable verification) {
        // Two class loaders of one process hold different copies of this class: the lock is one that both see.
        synchronized (NativeLibraries.processLock()) {
            if (loaded || loading) {
                return;
            }
            tellEarlyFailure();
            loading = true;
            try {
                start(verification);
                loaded = true;
            } finally {
                loading = false;
            }
        }
    }

    /**
     * Loads them before anybody needs them, and verifies the products while others go on; a failure is told to the
     * first who needs the one or the other.
     */
    static void loadEarly() {
        synchronized (NativeLibraries.processLock()) {
            try {
                loadOnce(Products::deferVerification);
            } catch (RuntimeException | Error e) {
                failedEarly = e;
            }
        }
        Products.verifyAhead();
    }

    private static void tellEarlyFailure() {
        var failure = failedEarly;
        failedEarly = null;
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }

    private static void start(Runnable verification) {
        requireSoundCollector(Runtime.version(), Natives::collectsByG1);
        // A pointer is freed by its frame or by hand, never by the collector: that is twice as
        // fast for small operations.
        System.setProperty("org.bytedeco.javacpp.nopointergc", "true");
        // JavaCPP would stop the process for collections when resident memory passes four heaps; tensors are
        // not on the heap.
        setDefault("org.bytedeco.javacpp.maxBytes", "0");
        setDefault("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        boolean mkl = mklOnClassPath();
        NativeLibraries.requireJna();
        prepareEnvironment(mkl);
        if (mkl) {
            setDefault("org.bytedeco.openblas.load", "mkl_rt");
            // The cache links libopenblas.so to what was loaded first, so each BLAS has a folder of its own.
            setDefault(
                    "org.bytedeco.javacpp.cachedir",
                    Path.of(System.getProperty("user.home"), ".javacpp", "cache-mkl")
                            .toString());
        }
        try {
            NativeLibraries.open(mkl);
            if (!Startup.isProcessOurs() || !NativeLibraries.bind()) {
                Loader.load(torch.class);
            }
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
            throw missing(e);
        }
        NativeLibraries.loaded();
        torch.set_num_threads(Threads.wanted());
        NativeMessages.quieten();
        if (waitAdapts()) {
            NativeLibraries.openMp().ifPresent(openMp -> Waiting.adapt(openMp, Threads.wanted()));
        }
        leaveWithoutDestructors();
        // Handlers run last to first, and libtorch goes on adding destructors as it works: this one comes
        // after all of them.
        Runtime.getRuntime().addShutdownHook(new Thread(Natives::leaveWithoutDestructors, "vitrail-exit"));
        verification.run();
        LOG.debug("libtorch is up with {} and {} threads", mkl ? "MKL" : "OpenBLAS", Threads.wanted());
    }

    /**
     * Refuses the builds of Java 25 before 25.0.3, whose collector G1 may move an array while native code holds it
     * (JDK-8377811): numbers would come out wrong and nobody would know.
     */
    static void requireSoundCollector(Runtime.Version java, BooleanSupplier collectsByG1) {
        // Asking for the collector costs a start some 50 ms, so that it is asked last.
        VitrailException.require(
                java.feature() != 25 || java.interim() > 0 || java.update() >= 3 || !collectsByG1.getAsBoolean(),
                "Java %s corrupts arrays that native code uses (JDK-8377811): take 25.0.3 or newer, or another"
                        + " collector with -XX:+UseSerialGC",
                java);
    }

    private static boolean collectsByG1() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .anyMatch(collector -> collector.getName().startsWith("G1"));
    }

    /**
     * Lets the process end by {@code _exit} instead of by way of the C++ destructors. However a JVM ends, it calls C's
     * {@code exit}, which takes libtorch's globals apart while threads of Java still compute with them: told to end in
     * the middle of its work, a process would now and then die of a segmentation fault instead. The handler is glibc's
     * {@code on_exit}, which hands the status on; elsewhere nothing is done. Java's own shutdown is complete by then.
     */
    private static void leaveWithoutDestructors() {
        if (Platform.isLinux() && has("on_exit")) {
            var leave = NativeLibrary.getProcess().getFunction("_exit");
            Native.load(Platform.C_LIBRARY_NAME, Posix.class).on_exit(leave, Pointer.NULL);
        }
    }

    /** Returns whether the engine decides how idle threads wait: no property or environment variable sets it. */
    private static boolean waitAdapts() {
        return "adaptive".equals(System.getProperty("vitrail.wait", "adaptive"))
                && System.getenv("GOMP_SPINCOUNT") == null
                && System.getenv("OMP_WAIT_POLICY") == null;
    }

    static boolean mklOnClassPath() {
        return Natives.class.getResource("/org/bytedeco/mkl/" + Loader.getPlatform() + "/libmkl_rt.so.2") != null;
    }

    private static void prepareEnvironment(boolean mkl) {
        var variables = new HashMap<>(Map.of("OPENBLAS_NUM_THREADS", "1", "MKL_THREADING_LAYER", "GNU"));
        variables.putAll(Products.prepare());
        variables.put("TORCH_CPP_LOG_LEVEL", "ERROR");
        switch (System.getProperty("vitrail.wait", "adaptive")) {
            case "adaptive", "brief" -> variables.put("GOMP_SPINCOUNT", BRIEF_SPIN);
            case "active" -> variables.put("OMP_WAIT_POLICY", "active");
            case "passive" -> variables.put("OMP_WAIT_POLICY", "passive");
            default ->
                throw VitrailException.of(
                        "vitrail.wait is '%s': expected adaptive, brief, active or passive",
                        System.getProperty("vitrail.wait"));
        }
        try {
            if (Platform.isWindows()) {
                var runtime = Native.load("ucrtbase", Windows.class);
                variables.forEach((name, value) -> {
                    if (System.getenv(name) == null) {
                        runtime._putenv_s(name, value);
                    }
                });
                return;
            }
            var c = Native.load(Platform.C_LIBRARY_NAME, Posix.class);
            variables.forEach((name, value) -> c.setenv(name, value, 0));
            if (Platform.isLinux() && has("mallopt")) {
                // glibc would give every large activation back to the kernel and fault it in again at the next layer.
                if (System.getenv("MALLOC_MMAP_THRESHOLD_") == null) {
                    c.mallopt(M_MMAP_THRESHOLD, 1 << 30);
                }
                if (System.getenv("MALLOC_TRIM_THRESHOLD_") == null) {
                    c.mallopt(M_TRIM_THRESHOLD, Integer.MAX_VALUE);
                }
                if (System.getenv("MALLOC_TOP_PAD_") == null) {
                    c.mallopt(M_TOP_PAD, 256 << 20);
                }
            }
        } catch (UnsatisfiedLinkError e) {
            LOG.warn("threads and memory keep the system's own settings, which may be slower: {}", e.getMessage());
        }
    }

    /** Returns whether the C library has a function; only glibc has them all. */
    static boolean has(String function) {
        try {
            NativeLibrary.getProcess().getFunction(function);
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    private static VitrailException missing(Throwable cause) {
        return NoexecMount.failure(cause)
                .orElseGet(() -> new VitrailException(
                        String.format(
                                Locale.ROOT,
                                "no native libraries for the platform %1$s were found: add the classifier %1$s of"
                                        + " org.bytedeco:pytorch, org.bytedeco:javacpp and org.bytedeco:openblas to the"
                                        + " class path (the loader said: %2$s)",
                                Loader.getPlatform(),
                                cause.getMessage()),
                        cause));
    }

    /** Threads of the BLAS beside libtorch, for measuring it; the engine itself keeps it at one. */
    static void blasThreads(int threads) {
        // By the library's own path: where the process is ours, JavaCPP loads no other binding.
        NativeLibraries.openBlas()
                .ifPresentOrElse(
                        path -> NativeLibrary.getInstance(path.toString())
                                .getFunction("openblas_set_num_threads")
                                .invokeVoid(new Object[] {threads}),
                        () -> openblas_nolapack.blas_set_num_threads(threads));
    }

    private interface Posix extends Library {
        int setenv(String name, String value, int overwrite);

        int mallopt(int parameter, int value);

        int on_exit(Pointer function, Pointer argument);
    }

    private interface Windows extends Library {
        int _putenv_s(String name, String value);
    }
}
