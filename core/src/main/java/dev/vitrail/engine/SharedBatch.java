package dev.vitrail.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.FunctionPreHook;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;

/**
 * The batch of this thread's forward passes as a part of a larger one, whose other images other processes have.
 *
 * <p>Random numbers that belong to images, such as those of dropout, are drawn for the whole batch in every
 * process, and each keeps those of its images. Where all processes begin with the same state of the random numbers,
 * they keep it, and what an image meets does not depend on how many processes there are. Drawing takes as long as
 * for the whole batch.
 *
 * <p>{@link #sum} adds up over all processes in a way that gradients flow through.
 */
public final class SharedBatch implements AutoCloseable {
    private static final ThreadLocal<@Nullable SharedBatch> CURRENT = new ThreadLocal<>();

    private final long whole;
    private final int[] places;
    private final Optional<Consumer<Tensor>> sum;
    private final @Nullable SharedBatch outer;
    private final List<Hook> hooks = new ArrayList<>();

    private SharedBatch(long whole, int[] places, Optional<Consumer<Tensor>> sum, @Nullable SharedBatch outer) {
        this.whole = whole;
        this.places = places;
        this.sum = sum;
        this.outer = outer;
    }

    /**
     * Takes this thread's batches for parts of larger ones, until closed; the backward pass must come before.
     *
     * @param whole images in the larger batch
     * @param places of this process's images in it, ascending
     * @param sum replaces the elements of a tensor of the CPU by their sums over all processes; empty where statistics
     *     of a batch are to be those of each process's own part
     */
    public static SharedBatch open(int whole, int[] places, Optional<Consumer<Tensor>> sum) {
        return open(new SharedBatch(whole, places.clone(), sum, CURRENT.get()));
    }

    private static SharedBatch open(SharedBatch batch) {
        CURRENT.set(batch);
        return batch;
    }

    /** The shared batch that is open on this thread. */
    static Optional<SharedBatch> current() {
        return Optional.ofNullable(CURRENT.get());
    }

    /** Opens the same again, as for a computation that is made a second time on a thread of its own. */
    SharedBatch reopen() {
        return open(new SharedBatch(whole, places, sum, CURRENT.get()));
    }

    /** Samples of the uniform distribution over [0, 1); the first dimension counts images, or rows of images. */
    public static Tensor rand(long... shape) {
        var current = CURRENT.get();
        return current == null ? Tensor.rand(shape) : current.own(Tensor.rand(current.wholeOf(shape)), shape);
    }

    /** 1 with that probability, else 0, F32; the first dimension counts images, or rows of images. */
    public static Tensor bernoulli(double probability, Device device, long... shape) {
        var current = CURRENT.get();
        return current == null
                ? Tensor.empty(DType.F32, device, shape).bernoulliInPlace(probability)
                : current.own(
                        Tensor.empty(DType.F32, device, current.wholeOf(shape)).bernoulliInPlace(probability), shape);
    }

    private long[] wholeOf(long[] part) {
        if (part.length == 0 || part[0] % places.length != 0) {
            throw new IllegalStateException("random numbers of the shape %s belong to no batch of %d images"
                    .formatted(Arrays.toString(part), places.length));
        }
        var shape = part.clone();
        shape[0] = part[0] / places.length * whole;
        return shape;
    }

    private Tensor own(Tensor drawn, long[] shape) {
        var images = Tensor.of(IntStream.of(places).asLongStream().toArray(), places.length)
                .to(drawn.device());
        return drawn.reshape(whole, -1).indexSelect(0, images).reshape(shape);
    }

    /** Returns whether statistics of batches are those of the whole batch. */
    public static boolean sums() {
        var current = CURRENT.get();
        return current != null && current.sum.isPresent();
    }

    /**
     * Number of values in the whole batch, where this process's images have {@code count}, each as many; exactly the
     * same in all processes.
     */
    public static long inWhole(long count) {
        var current = CURRENT.get();
        return current == null ? count : count / current.places.length * current.whole;
    }

    /**
     * The sums over all processes; where recorded, the gradient is the sum of the gradients in all processes, since
     * the result of each depends on the values of all. All processes must come by here in the same order, in the
     * backward pass too.
     *
     * @param x F32, a few numbers
     */
    public static Tensor sum(Tensor x) {
        var current = CURRENT.get();
        if (current == null || current.sum.isEmpty()) {
            return x;
        }
        var reduce = current.sum.get();
        return Frame.of(() -> {
            var total = current.reduced(x.detach(), reduce);
            if (!x.requiresGradient() || !Gradients.recorded()) {
                return total;
            }
            // x carries the gradient, and adds exactly nothing to the value, which so is the same in all processes.
            var result = total.plus(x.minus(x.detach()));
            var hook = new Hook(gradients -> {
                var gradient = new Tensor(gradients.get(0));
                gradients.put(0, current.reduced(gradient, reduce).handle);
            });
            current.hooks.add(hook); // native code holds it weakly
            result.handle.grad_fn().add_pre_hook(hook);
            return result;
        });
    }

    private Tensor reduced(Tensor x, Consumer<Tensor> reduce) {
        var plain = x.to(Device.CPU).contiguous().copy();
        reduce.accept(plain);
        return plain.to(x.device());
    }

    @Override
    public void close() {
        CURRENT.set(outer);
    }

    private static final class Hook extends FunctionPreHook {
        private final Consumer<TensorVector> action;

        Hook(Consumer<TensorVector> action) {
            this.action = action;
        }

        @Override
        public TensorVector apply(TensorVector gradients) {
            Frame.run(() -> action.accept(gradients));
            return gradients;
        }
    }
}
