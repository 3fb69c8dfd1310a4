package dev.vitrail.engine;

import java.util.EnumMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Counts what a thread computes, as the operations themselves report it. */
public final class FlopCounter {
    private static final ThreadLocal<@Nullable FlopCounter> CURRENT = new ThreadLocal<>();

    /**
     * The cost of linear layers, convolutions, matrix products and attention.
     *
     * @param multiplyAccumulates a product and its addition count as one
     * @param activations elements of their results, as fvcore counts them; attention is two products, by the keys and
     *     by the values, also where one fused kernel computes both (timm's figures of models with fused attention
     *     leave these out)
     * @param linear multiply–accumulates of linear layers by the way in which they were computed
     */
    public record Count(long multiplyAccumulates, long activations, Map<LinearKernel, Long> linear) {
        public Count {
            linear = Map.copyOf(linear);
        }

        private Count plus(Count other) {
            var sum = new EnumMap<LinearKernel, Long>(LinearKernel.class);
            sum.putAll(linear);
            other.linear.forEach((kernel, count) -> sum.merge(kernel, count, Long::sum));
            return new Count(multiplyAccumulates + other.multiplyAccumulates, activations + other.activations, sum);
        }
    }

    private Count total = new Count(0, 0, Map.of());

    private FlopCounter() {}

    /** Counts the operations of {@code body}. */
    public static Count of(Runnable body) {
        var before = CURRENT.get();
        var counter = new FlopCounter();
        CURRENT.set(counter);
        try {
            body.run();
        } finally {
            CURRENT.set(before);
        }
        if (before != null) {
            before.total = before.total.plus(counter.total);
        }
        return counter.total;
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

    static void count(long multiplyAccumulates, long activations) {
        count(multiplyAccumulates, activations, Map.of());
    }

    /** Counts a linear layer. */
    static void count(LinearKernel kernel, long multiplyAccumulates, long activations) {
        if (CURRENT.get() != null) {
            count(multiplyAccumulates, activations, Map.of(kernel, multiplyAccumulates));
        }
    }

    private static void count(long multiplyAccumulates, long activations, Map<LinearKernel, Long> linear) {
        var counter = CURRENT.get();
        if (counter != null) {
            counter.total = counter.total.plus(new Count(multiplyAccumulates, activations, linear));
        }
    }
}
