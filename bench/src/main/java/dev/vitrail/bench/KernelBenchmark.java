package dev.vitrail.bench;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Operations of a ViT-Tiny block, for 16 images of 197 tokens, without gradients. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class KernelBenchmark {
    private static final int IMAGES = 16, TOKENS = 197, WIDTH = 192, HEADS = 3;

    private final Tensor square = random(1024, 1024);
    private final Tensor tokens = random(IMAGES, TOKENS, WIDTH);
    private final Tensor hidden = random(IMAGES, TOKENS, 4 * WIDTH);
    private final Tensor weight = random(4 * WIDTH, WIDTH);
    private final Tensor vector = random(WIDTH);
    private final Tensor heads = random(IMAGES, HEADS, TOKENS, WIDTH / HEADS);

    private static Tensor random(long... shape) {
        return Frame.compute(() -> Tensor.randn(shape).keep());
    }

    /** A product of two matrices of 1024×1024 by the engine's fastest path: 2.1 GFLOP. */
    @Benchmark
    public long matmul() {
        return run(() -> Functional.linear(square, square, null));
    }

    /** A MLP's first layer, 192 → 768: 0.9 GFLOP. */
    @Benchmark
    public long linear() {
        return run(() -> Functional.linear(tokens, weight, null));
    }

    @Benchmark
    public long attention() {
        return run(() -> Functional.attention(heads, heads, heads, null, 0, 0.125));
    }

    @Benchmark
    public long layerNorm() {
        return run(() -> Functional.layerNorm(tokens, vector, vector, 1e-6));
    }

    @Benchmark
    public long gelu() {
        return run(() -> Functional.gelu(hidden));
    }

    /** The number of values, so that there is something to return. */
    private static long run(Supplier<Tensor> operation) {
        try (var off = Gradients.off()) {
            return Frame.compute(() -> operation.get().count());
        }
    }
}
