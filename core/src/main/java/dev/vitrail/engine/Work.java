package dev.vitrail.engine;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Counts the multiply–accumulate operations of what a thread runs, as the operations themselves report them. */
public final class Work {
    private static final ThreadLocal<@Nullable Work> CURRENT = new ThreadLocal<>();

    private long multiplyAccumulates;

    private Work() {}

    /** The multiply–accumulates of linear layers, convolutions, matrix products and attention in {@code body}. */
    public static long of(Runnable body) {
        var before = CURRENT.get();
        var counter = new Work();
        CURRENT.set(counter);
        try {
            body.run();
        } finally {
            CURRENT.set(before);
        }
        if (before != null) {
            before.multiplyAccumulates += counter.multiplyAccumulates;
        }
        return counter.multiplyAccumulates;
    }

    /** Runs {@code body} without counting it. */
    public static <T> T uncounted(Supplier<T> body) {
        var before = CURRENT.get();
        CURRENT.remove();
        try {
            return body.get();
        } finally {
            CURRENT.set(before);
        }
    }

    static void count(long operations) {
        var counter = CURRENT.get();
        if (counter != null) {
            counter.multiplyAccumulates += operations;
        }
    }
}
