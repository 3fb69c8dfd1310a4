package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Autocast;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.train.optim.AdamW;
import dev.vitrail.train.optim.Optimizer;
import dev.vitrail.train.optim.ParameterGroups;
import java.util.List;
import org.junit.jupiter.api.Test;

/** BF16 beside F32 weights, on the CPU. */
class MixedPrecisionTest {
    private static Autocast half() {
        return Autocast.open(Device.Type.CPU, DType.BF16);
    }

    private static DType product(int rows) {
        return Functional.linear(Tensor.ones(rows, 8), Tensor.ones(4, 8), null).dtype();
    }

    @Test
    void productsAreHalfAndSumsAreFull() {
        try (var frame = Frame.open()) {
            try (var half = half()) {
                assertThat(product(2)).isEqualTo(DType.BF16);
                assertThat(product(64)).isEqualTo(DType.BF16);
                var heads = Tensor.ones(1, 2, 8, 4);
                assertThat(Functional.attention(heads, heads, heads, null, 0, 0.5)
                                .dtype())
                        .isEqualTo(DType.BF16);
                var mean = Functional.layerNorm(Tensor.ones(2, 8), Tensor.ones(8), Tensor.zeros(8), 1e-6);
                assertThat(mean.dtype()).isEqualTo(DType.F32);
                try (var inner = half()) {
                    assertThat(product(2)).isEqualTo(DType.BF16);
                }
                assertThat(product(2)).isEqualTo(DType.BF16);
            }
            assertThat(product(2)).isEqualTo(DType.F32);
            assertThat(product(64)).isEqualTo(DType.F32);
        }
    }

    /** The way that is taken while gradients are recorded, against the fused kernel. */
    @Test
    void attentionIsTheSameWithAndWithoutGradients() {
        try (var frame = Frame.open();
                var half = half()) {
            RandomState.seed(3);
            var q = Tensor.randn(2, 3, 9, 8).to(DType.BF16);
            var k = Tensor.randn(2, 3, 7, 8).to(DType.BF16);
            var v = Tensor.randn(2, 3, 7, 8).to(DType.BF16);
            var mask = Tensor.randn(1, 3, 9, 7).to(DType.BF16);
            Tensor fused;
            try (var off = Gradients.off()) {
                fused = Functional.attention(q, k, v, mask, 0, 0.3);
            }
            try (var on = Gradients.on()) {
                var stepwise = Functional.attention(q, k, v, mask, 0, 0.3);
                assertThat(stepwise.dtype()).isEqualTo(DType.BF16);
                assertThat(stepwise.toFloats())
                        .usingComparatorWithPrecision(0.03f)
                        .containsExactly(fused.toFloats());
            }
        }
    }

    private static void assertClose(Model model) {
        model.initialise(1, Device.CPU);
        var classifier = model.classifiers().get(0) + ".weight";
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            RandomState.seed(2);
            var images = Tensor.randn(4, 3, 32, 32);
            var target = Tensor.of(new long[] {0, 1, 2, 3}, 4);
            var full = Losses.crossEntropy(model.apply(images), target, 0);
            full.backward();
            var wanted = Fixture.of(model.parameters(), classifier)
                    .value()
                    .gradient()
                    .copy();
            model.parameters().values().forEach(parameter -> parameter.value().clearGradient());
            Tensor coarse;
            try (var half = half()) {
                coarse = Losses.crossEntropy(model.apply(images), target, 0);
            }
            assertThat(coarse.dtype()).isEqualTo(DType.F32);
            coarse.backward();
            // BF16 has 8 binary digits.
            assertThat(coarse.item()).isCloseTo(full.item(), within(1.0 / 256));
            var found = Fixture.of(model.parameters(), classifier).value().gradient();
            assertThat(found.dtype()).isEqualTo(DType.F32);
            double error = found.minus(wanted).norm(false, 0, 1).item()
                    / wanted.norm(false, 0, 1).item();
            assertThat(error).as("relative error of the classifier's gradient").isLessThan(0.02);
        }
    }

    @Test
    void aVisionTransformerLosesDigitsAlone() {
        try (var model = ViTConfig.of(32, 8, 32, 2, 4).withClasses(10).create()) {
            assertClose(model);
        }
    }

    @Test
    void aSwinTransformerLosesDigitsAlone() {
        try (var model = SwinConfig.of(SwinConfig.Version.V1, 32, 32, List.of(2, 2), List.of(2, 4), 4)
                .withClasses(10)
                .create()) {
            assertClose(model);
        }
    }

    @Test
    void inferenceLosesDigitsAlone() {
        try (var model = ViTConfig.of(32, 8, 32, 2, 4).withClasses(10).create();
                var frame = Frame.open();
                var off = Gradients.off()) {
            model.initialise(1, Device.CPU);
            RandomState.seed(2);
            var images = Tensor.randn(4, 3, 32, 32);
            var wanted = model.apply(images).toFloats();
            try (var half = half()) {
                assertThat(model.apply(images).toFloats())
                        .usingComparatorWithPrecision(0.02f)
                        .containsExactly(wanted);
            }
        }
    }

    @Test
    void learnsABatchByHeart() {
        try (var model = ViTConfig.of(16, 4, 32, 2, 4).withClasses(10).create();
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            model.train(true);
            RandomState.seed(2);
            var images = Tensor.randn(10, 3, 16, 16);
            var target = Tensors.count(10);
            try (var optimizer = new AdamW(ParameterGroups.byWeightDecay(model, 0.01), AdamW.Settings.DEFAULT)) {
                double first = step(model, optimizer, images, target);
                double last = first;
                for (int i = 0; i < 80; i++) {
                    last = step(model, optimizer, images, target);
                }
                assertThat(first).isGreaterThan(2);
                assertThat(last).isLessThan(0.05);
            }
        }
    }

    private static double step(Model model, Optimizer optimizer, Tensor images, Tensor target) {
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            Tensor loss;
            try (var half = half()) {
                loss = Losses.crossEntropy(model.apply(images), target, 0);
            }
            loss.backward();
            optimizer.step(3e-3);
            optimizer.zeroGradients();
            return loss.item();
        }
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> Autocast.open(Device.Type.CPU, DType.F16))
                .isInstanceOf(VitrailException.class)
                .hasMessage(
                        "mixed precision in F16 is not supported on CPU: a CPU computes in BF16, a GPU in BF16 or F16");
    }
}
