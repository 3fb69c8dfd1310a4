package dev.vitrail.bench;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.LinearKernel;
import dev.vitrail.engine.PackedWeight;
import dev.vitrail.engine.Products;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import dev.vitrail.engine.WeightGradients;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * GFLOP/s of the ways of computing a linear layer, over the shapes of models: in inference, and in a forward and
 * backward pass with the gradients of input and weight. The ways take turns.
 */
final class ProductTimes {
    private static final int ROUNDS = 9;

    /** Rows, inputs, outputs: ViT-B and ViT-Ti of one and several images, ViT-S, a classifier, miniatures, windows. */
    private static final int[][] SHAPES = {
        {1576, 768, 3072}, {1576, 3072, 768}, {6304, 192, 768}, {6304, 768, 192}, {6304, 192, 576}, {788, 384, 1536},
        {197, 768, 3072}, {197, 192, 768}, {32, 768, 1000}, {8320, 192, 576}, {8320, 64, 256}, {200, 64, 256},
        {100, 192, 768}, {128, 128, 64}
    };

    private ProductTimes() {}

    public static void main(String[] arguments) {
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : ROUNDS;
        System.out.printf(
                "GFLOP/s, %d threads; the engine is set to %s, since %s%n",
                Threads.count(), Products.choice().backend(), Products.choice().reason());
        table("inference", rounds, false);
        table("forward and backward", rounds, true);
    }

    private static void table(String title, int rounds, boolean training) {
        var kernels = new ArrayList<>(List.of(LinearKernel.values()));
        if (training) {
            kernels.remove(LinearKernel.PACKED);
        }
        System.out.printf("%n%-22s", title);
        kernels.forEach(kernel -> System.out.printf(" %12s", kernel));
        System.out.println();
        for (var shape : SHAPES) {
            System.out.printf("%5d × %4d × %4d   ", shape[0], shape[1], shape[2]);
            var times = times(shape, kernels, rounds, training);
            double operations = (training ? 6.0 : 2.0) * shape[0] * shape[1] * shape[2];
            times.forEach(seconds -> System.out.printf(Locale.ROOT, " %12.0f", operations / Medians.of(seconds) / 1e9));
            System.out.println();
        }
    }

    /** Seconds of each way, round by round. */
    private static List<List<Double>> times(int[] shape, List<LinearKernel> kernels, int rounds, boolean training) {
        var times = new ArrayList<List<Double>>();
        kernels.forEach(kernel -> times.add(new ArrayList<>()));
        int rows = shape[0], in = shape[1], out = shape[2];
        // So many that a round takes some 20 ms.
        int calls = (int) Math.max(1, Math.min(500, 1e9 / (2.0 * rows * in * out * (training ? 3 : 1))));
        Frame.run(() -> {
            var x = Tensor.randn(rows, in).requireGradient(training);
            var weight = Tensor.randn(out, in).requireGradient(training);
            var bias = Tensor.randn(out).requireGradient(training);
            var outer = Tensor.randn(rows, out);
            var packed = Optional.of(new PackedWeight());
            for (int round = -2; round < rounds; round++) {
                for (int i = 0; i < kernels.size(); i++) {
                    var kernel = kernels.get(i);
                    long start = System.nanoTime();
                    for (int call = 0; call < calls; call++) {
                        Frame.run(() -> run(kernel, x, weight, bias, packed, outer, training));
                    }
                    if (round >= 0) {
                        times.get(i).add((System.nanoTime() - start) / 1e9 / calls);
                    }
                }
            }
            packed.orElseThrow().release();
        });
        return times;
    }

    private static void run(
            LinearKernel kernel,
            Tensor x,
            Tensor weight,
            Tensor bias,
            Optional<PackedWeight> packed,
            Tensor outer,
            boolean training) {
        if (!training) {
            try (var off = Gradients.off()) {
                Functional.linear(kernel, x, weight, bias, packed);
            }
            return;
        }
        try (var late = WeightGradients.open()) {
            Functional.linear(kernel, x, weight, bias, packed).backward(outer);
            late.compute();
        }
    }
}
