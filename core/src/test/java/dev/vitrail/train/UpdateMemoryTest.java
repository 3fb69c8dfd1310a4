package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.NativeHeap;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import dev.vitrail.models.Model;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.train.optim.GradientClipping;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What happens to weights and gradients after the backward pass leaves nothing behind in native memory. */
class UpdateMemoryTest {
    private static final int CALLS = 500;
    /** Bytes: two for a call, less than the smallest block of memory. */
    private static final long LIMIT = 1000;
    /** What leaks does so in every round; the just-in-time compiler takes memory in some of them. */
    private static final int ROUNDS = 20;

    private final int threads = Threads.count();

    @BeforeEach
    void oneThread() {
        Threads.set(1); // on a busy machine, handing over such small work takes longer than the work
    }

    @AfterEach
    void allThreads() {
        Threads.set(threads);
    }

    /** Gives a small model with gradients to {@code body}. */
    private static void withGradients(Consumer<Model> body) {
        try (var model = ViTConfig.of(16, 8, 16, 1, 2).withClasses(3).create();
                var frame = Frame.open()) {
            model.initialise(0, Device.CPU);
            RandomState.seed(1);
            try (var on = Gradients.on()) {
                Losses.crossEntropy(model.apply(Tensor.randn(2, 3, 16, 16)), Tensor.of(new long[] {0, 2}, 2), 0)
                        .backward();
            }
            body.accept(model);
        }
    }

    private static long bytesInUse() {
        var bytes = NativeHeap.bytesInUse();
        assumeTrue(bytes.isPresent(), "this C library does not say how much memory is in use");
        return bytes.orElseThrow();
    }

    private static void assertLeavesNothing(Runnable call) {
        long least = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS && least >= LIMIT; round++) {
            long before = bytesInUse();
            for (int i = 0; i < CALLS; i++) {
                call.run();
            }
            least = Math.min(least, bytesInUse() - before);
        }
        assertThat(least).isLessThan(LIMIT);
    }

    @ParameterizedTest
    @EnumSource(OptimizerType.class)
    void ofOptimisers(OptimizerType kind) {
        var config = TrainingConfig.of("any", "any", 1).with(TrainingOptions.OPTIMIZER, kind);
        withGradients(model -> {
            try (var optimizer = Optimizers.of(config, model)) {
                assertLeavesNothing(() -> optimizer.step(1e-6));
            }
        });
    }

    @Test
    void ofTheRunningMean() {
        withGradients(model -> {
            try (var mean = new Ema(model)) {
                assertLeavesNothing(() -> mean.update(0.999));
            }
        });
    }

    @Test
    void ofClipping() {
        withGradients(model -> {
            assertLeavesNothing(() -> new GradientClipping.Norm(1).apply(model));
            assertLeavesNothing(() -> new GradientClipping.Value(1).apply(model));
            assertLeavesNothing(() -> GradientClipping.Adaptive.of(0.01).apply(model));
        });
    }
}
