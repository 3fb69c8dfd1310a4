package dev.vitrail.engine;

import dev.vitrail.errors.VitrailException;
import org.bytedeco.pytorch.global.torch;

/** Number of threads that one operation may use. */
public final class Threads {
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
}
