package dev.vitrail.engine;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Weight gradients of linear layers on the BLAS, computed after the backward pass instead of in it. libtorch computes
 * such a gradient by one call of the BLAS, on one thread; here all threads share it
 * ({@link BlasProducts#weightGradient}). With two threads a training step's products take about a third less time
 * (measured; see docs/adr/0018).
 *
 * <p>While it is open, a layer's weight is left out of what is recorded, and the input and the result of the layer are
 * kept. Call {@link #compute} after the backward pass. Gradients are added to the weights' as a backward pass does.
 */
public final class WeightGradients implements AutoCloseable {
    private static final ThreadLocal<@Nullable WeightGradients> CURRENT = new ThreadLocal<>();

    /**
     * A product of the forward pass.
     *
     * @param version of the result when it was made: what changes it in place would change its gradient
     */
    private record Product(Tensor x, Tensor weight, Tensor result, long version) {
        void release() {
            x.release();
            result.release();
        }
    }

    /** Hears when gradients are complete, so that what is done with them can begin while others are computed. */
    public interface Listener {
        /**
         * The backward pass is over.
         *
         * @param later weights whose gradients are still to be computed; those of all other parameters are complete
         */
        void computing(List<Tensor> later);

        /** The gradient of a weight is complete. */
        void complete(Tensor weight);
    }

    private final @Nullable WeightGradients outer;
    private final Optional<Listener> listener;
    private final List<Product> products = new ArrayList<>();

    private WeightGradients(@Nullable WeightGradients outer, Optional<Listener> listener) {
        this.outer = outer;
        this.listener = listener;
    }

    /** Begins to put off weight gradients of this thread's forward passes, until closed. */
    public static WeightGradients open() {
        return open(Optional.empty());
    }

    /**
     * Begins to put off weight gradients of this thread's forward passes, until closed; {@link #compute} tells a
     * listener of its progress.
     */
    public static WeightGradients open(Optional<Listener> listener) {
        var opened = new WeightGradients(CURRENT.get(), listener);
        CURRENT.set(opened);
        return opened;
    }

    /** Runs {@code body} with weight gradients in the backward pass, as if none were put off. */
    static Tensor inPlace(Supplier<Tensor> body) {
        var current = CURRENT.get();
        CURRENT.remove();
        try {
            return body.get();
        } finally {
            CURRENT.set(current);
        }
    }

    /** The one that is open on this thread, where it can take the gradient of {@code weight}. */
    static @Nullable WeightGradients taking(Tensor x, Tensor weight, @Nullable Tensor bias) {
        boolean recorded = Gradients.recorded()
                && weight.requiresGradient()
                && weight.handle.is_leaf()
                && (x.requiresGradient() || (bias != null && bias.requiresGradient()));
        return recorded ? CURRENT.get() : null;
    }

    /**
     * Notes a product.
     *
     * @param x {@code [rows, in]}
     * @param weight {@code [out, in]}
     * @param result of any shape that holds {@code [rows, out]}, recorded without the weight
     */
    void add(Tensor x, Tensor weight, Tensor result) {
        result.handle.retain_grad();
        products.add(new Product(x.detach().keep(), weight, result.keep(), result.handle._version()));
    }

    /** Adds the gradients of all weights since the last call. */
    public void compute() {
        // A weight that is used more than once is complete after the first of its products.
        Map<Tensor, Integer> first = new IdentityHashMap<>();
        for (int i = products.size() - 1; i >= 0; i--) {
            first.put(products.get(i).weight, i);
        }
        listener.ifPresent(hears -> hears.computing(List.copyOf(first.keySet())));
        try (var off = Gradients.off()) {
            for (int i = products.size() - 1; i >= 0; i--) {
                var product = products.get(i);
                Frame.run(() -> add(product));
                if (Integer.valueOf(i).equals(first.get(product.weight))) {
                    listener.ifPresent(hears -> hears.complete(product.weight));
                }
            }
        } finally {
            forget();
        }
    }

    private static void add(Product product) {
        if (product.result.handle._version() != product.version) {
            throw new IllegalStateException(
                    "the result of a linear layer was changed in place before its backward pass");
        }
        if (!product.result.hasGradient()) {
            return; // nothing that the loss depends on
        }
        long in = product.weight.size(1), out = product.weight.size(0);
        var gradient =
                BlasProducts.weightGradient(product.result.gradient().reshape(-1, out), product.x.reshape(-1, in));
        product.weight.addGradient(gradient);
    }

    private void forget() {
        products.forEach(Product::release);
        products.clear();
    }

    /** Frees what no call of {@link #compute} has used. */
    @Override
    public void close() {
        forget();
        CURRENT.set(outer);
    }
}
