package dev.vitrail.engine;

import java.util.Arrays;
import org.bytedeco.pytorch.global.torch;

/** Peak performance of this machine: the rate of large single-precision matrix products, measured in this process. */
public final class PeakGemm {
    private static final int SIDE = 2048;
    private static final int RUNS = 9;

    private PeakGemm() {}

    /**
     * GFLOP/s of a 2048³ product by the BLAS beside libtorch, with all threads that operations use.
     *
     * <p>The engine itself keeps OpenBLAS at one thread (see {@link Natives}); here it may use all.
     */
    public static double blas() {
        int threads = Threads.count();
        Natives.blasThreads(threads);
        try {
            return measure((a, b) -> torch.mm(a.handle, b.handle));
        } finally {
            Natives.blasThreads(1);
        }
    }

    /** GFLOP/s of a 2048³ product as the engine computes it, by oneDNN. */
    public static double engine() {
        return measure((a, b) -> Functional.linear(a, b, null).handle);
    }

    private interface Product {
        Object of(Tensor a, Tensor b);
    }

    private static double measure(Product product) {
        return Frame.compute(() -> {
            try (var off = Gradients.off()) {
                var a = Tensor.randn(SIDE, SIDE);
                var b = Tensor.randn(SIDE, SIDE);
                var seconds = new double[RUNS];
                Frame.run(() -> product.of(a, b));
                for (int i = 0; i < RUNS; i++) {
                    long start = System.nanoTime();
                    Frame.run(() -> product.of(a, b));
                    seconds[i] = (System.nanoTime() - start) / 1e9;
                }
                Arrays.sort(seconds);
                return 2.0 * SIDE * SIDE * SIDE / seconds[RUNS / 2] / 1e9;
            }
        });
    }
}
