package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.NativeHeap;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import dev.vitrail.models.Model;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.train.optim.AdamW;
import dev.vitrail.train.optim.Optimizer;
import dev.vitrail.train.optim.ParameterGroups;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TrainingStepTest {
    /** Operations this small are fastest on one thread, above all where tests run beside each other. */
    @BeforeAll
    static void oneThread() {
        Threads.set(1);
    }

    @AfterAll
    static void allThreads() {
        Threads.set(Runtime.getRuntime().availableProcessors());
    }

    private static double step(Model model, Optimizer optimizer, Tensor images, Tensor target, double rate) {
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            var loss = Losses.crossEntropy(model.apply(images), target, 0);
            loss.backward();
            optimizer.step(rate);
            optimizer.zeroGradients();
            return loss.item();
        }
    }

    @Test
    void oneBatchIsLearnedByHeart() {
        try (var model = ViTConfig.of(16, 4, 32, 2, 4).withClasses(10).create();
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            model.train(true);
            RandomState.seed(2);
            var images = Tensor.randn(16, 3, 16, 16);
            var target = Tensor.of(new long[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5}, 16);
            try (var optimizer = new AdamW(ParameterGroups.byWeightDecay(model, 0.01), AdamW.Settings.DEFAULT)) {
                double first = step(model, optimizer, images, target, 3e-3);
                double last = first;
                for (int i = 0; i < 100; i++) {
                    last = step(model, optimizer, images, target, 3e-3);
                }
                assertThat(first).isGreaterThan(2);
                assertThat(last).isLessThan(0.03);
            }
        }
    }

    /** A step of this model makes about 10 MB of intermediate results: keeping any of them would show at once. */
    @Test
    void aHundredStepsTakeNoMoreMemoryThanTen() {
        Assumptions.assumeTrue(
                NativeHeap.bytesInUse().isPresent(), "this C library does not say how much memory is in use");
        try (var model = ViTConfig.of(24, 4, 48, 2, 4).withClasses(10).create();
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            model.train(true);
            var images = Tensor.randn(16, 3, 24, 24);
            var target = Tensor.of(new long[16], 16);
            try (var optimizer = new AdamW(ParameterGroups.byWeightDecay(model, 0.01), AdamW.Settings.DEFAULT);
                    var ema = new Ema(model)) {
                long before = 0;
                for (int i = 0; i < 110; i++) {
                    if (i == 10) {
                        before = NativeHeap.bytesInUse().orElseThrow();
                    }
                    step(model, optimizer, images, target, 1e-3);
                    ema.update(0.99);
                    ema.during(() -> {});
                }
                long after = NativeHeap.bytesInUse().orElseThrow();
                assertThat((after - before) >> 20).as("growth, MiB").isLessThan(24);
            }
        }
    }
}
