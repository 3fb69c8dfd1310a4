package dev.vitrail.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.FunctionPreHook;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;

/**
 * Gradient checkpointing (Chen et al., 2016, <a href="https://arxiv.org/abs/1604.06174">arXiv:1604.06174</a>) of this
 * thread's forward passes, until closed: of each segment only the input is kept, and the backward pass computes the
 * segment once more. Memory for activations becomes that of one segment and the inputs of all; time grows by about a
 * third, one more forward pass.
 *
 * <p>Gradients are the same to the last bit: the second computation draws the random numbers of the first, runs in its
 * precision, and leaves running statistics alone ({@link #repeating}). The backward pass must come before
 * {@link #close}, which frees what no backward pass has.
 *
 * <p>libtorch's binding has no autograd function of one's own. A segment's result is therefore made to depend on its
 * input through an operation that adds nothing, and two hooks of the backward pass do the work: one takes the gradient
 * of the result, repeats the segment and carries the gradient through it, the other gives the gradient of the input
 * back to the pass in place of its own.
 */
public final class Recomputation implements AutoCloseable {
    private static final ThreadLocal<@Nullable Recomputation> CURRENT = new ThreadLocal<>();
    private static final ThreadLocal<Boolean> REPEATING = ThreadLocal.withInitial(() -> false);

    private final @Nullable Recomputation outer;
    private final Set<Segment> pending = ConcurrentHashMap.newKeySet();

    private Recomputation(@Nullable Recomputation outer) {
        this.outer = outer;
    }

    /** Turns recomputation of segments on. */
    public static Recomputation open() {
        var opened = new Recomputation(CURRENT.get());
        CURRENT.set(opened);
        return opened;
    }

    /** Returns whether segments that this thread begins now will be recomputed. */
    public static boolean active() {
        return CURRENT.get() != null && Gradients.recorded();
    }

    /**
     * Returns whether this thread is computing a segment for the second time, so that lasting effects have been had
     * already.
     */
    public static boolean repeating() {
        return REPEATING.get();
    }

    /**
     * Computes a segment, to be computed again in the backward pass if recomputation is {@linkplain #active on}.
     * Segments inside it are parts of it.
     *
     * @param x the only tensor through which gradients flow, besides parameters; the result may have another shape
     */
    public static Tensor segment(Tensor x, UnaryOperator<Tensor> body) {
        var current = CURRENT.get();
        return current == null || !Gradients.recorded() ? body.apply(x) : current.first(x, body);
    }

    private Tensor first(Tensor x, UnaryOperator<Tensor> body) {
        var segment = new Segment(x, body);
        boolean[] recorded = {false};
        CURRENT.remove();
        Tensor result;
        try {
            // Recorded as it will be the second time, as the choice of kernels depends on it; the record
            // dies with the frame.
            result = Frame.of(() -> {
                var y = WeightGradients.inPlace(() -> body.apply(segment.leaf(x)));
                recorded[0] = y.requiresGradient();
                var cut = y.detach();
                return cut.handle.is_alias_of(x.handle) ? cut.copy() : cut;
            });
        } finally {
            CURRENT.set(this);
        }
        if (recorded[0]) {
            segment.tie(x, result);
        }
        return result;
    }

    /** Frees what no backward pass has used. */
    @Override
    public void close() {
        List.copyOf(pending).forEach(Segment::release);
        CURRENT.set(outer);
    }

    /** One segment between its two computations. */
    private final class Segment {
        private final UnaryOperator<Tensor> body;
        private final boolean differentiated;
        private final Autocast.Setting precision;
        private final List<byte[]> random;
        private final Optional<SharedBatch> batch = SharedBatch.current();
        private final Device device;
        private final List<FunctionPreHook> hooks = new ArrayList<>();
        private Optional<Tensor> input = Optional.empty();
        private Optional<Tensor> inputGradient = Optional.empty();

        Segment(Tensor x, UnaryOperator<Tensor> body) {
            this.body = body;
            differentiated = x.requiresGradient();
            device = x.device();
            precision = Autocast.present(device.type());
            random = RandomState.save(device);
        }

        /** The input as the beginning of a record of its own. */
        Tensor leaf(Tensor x) {
            return x.detach().requireGradient(differentiated);
        }

        /** Makes the result depend on the input, and the backward pass come by here. */
        void tie(Tensor x, Tensor result) {
            input = Optional.of(Frame.of(x::detach).keep());
            pending.add(this);
            Frame.run(() -> {
                var gate = differentiated
                        ? new Tensor(x.handle.view_as(x.handle))
                        : Tensor.empty(result.dtype(), device, 0, 1).requireGradient(true);
                if (differentiated) {
                    hook(gate, this::handOver);
                }
                var shape = result.shape();
                shape[0] = 0;
                var nothing = gate.narrow(0, 0, 0).to(result.dtype()).reshape(shape);
                var nowhere = Tensor.empty(DType.I64, device, 0);
                result.handle.index_add_(0, nowhere.handle, nothing.handle);
                hook(result, gradients -> repeat(gradients.get(0)));
            });
        }

        private void hook(Tensor tensor, Consumer<TensorVector> action) {
            var hook = new Hook(action);
            hooks.add(hook); // native code holds it weakly
            tensor.handle.grad_fn().add_pre_hook(hook);
        }

        private void repeat(org.bytedeco.pytorch.Tensor gradient) {
            var before = RandomState.save(device);
            RandomState.restore(device, random);
            REPEATING.set(true);
            try (var frame = Frame.open();
                    var on = Gradients.on();
                    var shared = batch.map(SharedBatch::reopen).orElse(null);
                    var weights = WeightGradients.open()) {
                var leaf = leaf(input.orElseThrow());
                Tensor result;
                try (var autocast = precision.open()) {
                    result = body.apply(leaf);
                }
                result.backward(new Tensor(gradient));
                weights.compute();
                if (differentiated) {
                    inputGradient = Optional.of(leaf.gradient().keep());
                }
            } finally {
                REPEATING.set(false);
                RandomState.restore(device, before);
            }
            if (!differentiated) {
                release();
            }
        }

        /** Replaces the gradient of the gate, which is nothing, by that of the input. */
        private void handOver(TensorVector gradients) {
            gradients.put(0, inputGradient.orElseThrow().handle);
            release();
        }

        void release() {
            pending.remove(this);
            input.ifPresent(Tensor::release);
            input = Optional.empty();
            inputGradient.ifPresent(Tensor::release);
            inputGradient = Optional.empty();
        }
    }

    /** Java's side of a hook; the node of the backward pass owns the native one. */
    private static final class Hook extends FunctionPreHook {
        private final Consumer<TensorVector> action;

        Hook(Consumer<TensorVector> action) {
            this.action = action;
        }

        @Override
        public TensorVector apply(TensorVector gradients) {
            action.accept(gradients);
            return gradients;
        }
    }
}
