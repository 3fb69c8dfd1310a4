package dev.vitrail.eval;

import dev.vitrail.data.Batch;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Runs a model over batches without gradients. */
public final class Inference {
    /** Images that a thread must have for itself to be faster than all threads together (ADR 27). */
    private static final int LEAST_PART = 4;

    private Inference() {}

    /**
     * Runs a model over a batch.
     *
     * @param body gets the images, {@code [N, C, H, W]} on the model's device; what it returns holds no tensor
     */
    public static <T> T of(Model model, Batch batch, Function<Tensor, T> body) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            return body.apply(batch.images(model.device()));
        }
    }

    /**
     * Runs a model over a batch, on a CPU divided among the threads where there are four images and more for each: they
     * then wait for each other once in a batch, not after every operation.
     *
     * @param body gets some of the images, {@code [n, C, H, W]}, and returns {@code [n, …]}
     * @return the results of all images in their order, {@code [N, …]}
     */
    public static float[] floats(Model model, Batch batch, UnaryOperator<Tensor> body) {
        int parts = parts(model, batch.size());
        if (parts == 1) {
            return of(model, batch, images -> body.apply(images).toFloats());
        }
        var results = Threads.sideBySide(IntStream.range(0, parts)
                .<Supplier<float[]>>mapToObj(part -> () -> {
                    int from = bound(batch, part, parts), to = bound(batch, part + 1, parts);
                    return Frame.compute(
                            () -> body.apply(batch.images(Device.CPU, from, to)).toFloats());
                })
                .toList());
        int each = results.get(0).length / bound(batch, 1, parts);
        var all = new float[each * batch.size()];
        for (int part = 0; part < parts; part++) {
            var values = results.get(part);
            System.arraycopy(values, 0, all, each * bound(batch, part, parts), values.length);
        }
        return all;
    }

    /**
     * As many parts for each thread, so that all end together; small ones, so that a thread that was held up leaves the
     * last ones to the others.
     */
    private static int parts(Model model, int images) {
        int threads = Threads.count(), each = images / (LEAST_PART * threads);
        boolean divided = threads > 1
                && each > 0
                && model.device().type() == Device.Type.CPU
                && model.computesByThread()
                && !ForwardHook.active()
                && Threads.canDivide();
        return divided ? each * threads : 1;
    }

    /** First image of a part; parts differ by one image at most. */
    private static int bound(Batch batch, int part, int parts) {
        return (int) ((long) batch.size() * part / parts);
    }

    /** The vectors before the classifier, {@code [N, D]}; of class and distillation token the mean. */
    public static Tensor vectors(Model model, Tensor images) {
        var pooled = model.embed(images);
        return pooled.dims() == 3 ? pooled.mean(false, 1) : pooled;
    }
}
