package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.FusedConvolution.Addend;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The one pass of inference gives what convolution, normalization, sum and non-linearity give one after another. */
class ConvNormTest {
    /** Layers with statistics and factors that are no identity. */
    private static final class Pair extends Layer {
        final Conv2d conv;
        final BatchNorm2d norm;
        final ConvNorm both;

        Pair(Conv2d.Shape shape) {
            conv = child("conv", new Conv2d(shape));
            norm = child("norm", new BatchNorm2d(shape.out()));
            both = new ConvNorm(conv, norm);
            initialise(3, Device.CPU);
            draw();
        }

        void draw() {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                Parameters.of(norm, "running_mean").value().normalInPlace(0.1, 0.5);
                Parameters.of(norm, "running_var").value().uniformInPlace(0.3, 2);
                Parameters.of(norm, "weight").value().uniformInPlace(-1, 2);
                Parameters.of(norm, "bias").value().normalInPlace(0, 1);
            }
        }

        @Override
        protected Tensor forward(Tensor x) {
            return norm.apply(conv.apply(x));
        }
    }

    private static void assertEqual(Tensor found, Tensor expected) {
        assertThat(found.shape()).isEqualTo(expected.shape());
        assertThat(Tensors.largest(found.minus(expected))).isLessThan(2e-5);
        assertThat(Tensors.largest(expected)).isGreaterThan(0.5);
    }

    @ParameterizedTest
    @CsvSource({"8, 16, 1, 1, 1", "8, 16, 3, 2, 1", "16, 32, 3, 1, 4", "3, 24, 7, 2, 1"})
    void equalsTheLayersOneAfterAnother(int in, int out, int kernel, int stride, int groups) {
        var shape = Conv2d.Shape.square(in, out, kernel, stride, kernel / 2).withGroups(groups);
        for (var convolution : new Conv2d.Shape[] {shape, shape.withoutBias()}) {
            try (var pair = new Pair(convolution);
                    var frame = Frame.open();
                    var off = Gradients.off()) {
                var x = Tensor.randn(2, in, 12, 10).channelsLast();
                var plain = pair.apply(x);
                var shortcut = Tensor.randn(plain.shape()).channelsLast();
                assertEqual(pair.both.apply(x), plain);
                for (var activation : new Activation[] {Activation.RELU, Activation.SILU}) {
                    assertEqual(pair.both.apply(x, activation), activation.applyInPlace(plain.copy()));
                    var sum = activation.applyInPlace(plain.plus(shortcut));
                    var before = shortcut.copy();
                    assertEqual(pair.both.apply(x, new DropPath(0.5), new Addend(shortcut, false), activation), sum);
                    assertThat(Tensors.largest(shortcut.minus(before))).isZero();
                    assertEqual(pair.both.apply(x, new DropPath(0.5), new Addend(before, true), activation), sum);
                }
            }
        }
    }

    @Test
    void followsItsWeightsAndStatistics() {
        try (var pair = new Pair(Conv2d.Shape.square(4, 8, 3, 1, 1));
                var frame = Frame.open();
                var off = Gradients.off()) {
            var x = Tensor.randn(1, 4, 9, 9);
            var before = pair.both.apply(x);
            pair.draw();
            var after = pair.both.apply(x);
            assertThat(Tensors.largest(after.minus(before))).isGreaterThan(0.01);
            assertEqual(after, pair.apply(x));
            Parameters.of(pair.conv, "weight").assign(Tensor.randn(8, 4, 3, 3));
            assertEqual(pair.both.apply(x), pair.apply(x));
            assertEqual(pair.both.apply(Tensor.ones(2, 4, 5, 7)), pair.apply(Tensor.ones(2, 4, 5, 7)));
        }
    }

    @Test
    void trainsByTheStatisticsOfTheBatch() {
        try (var pair = new Pair(Conv2d.Shape.square(4, 8, 3, 1, 1));
                var frame = Frame.open()) {
            pair.train(true);
            pair.both.apply(Tensor.randn(2, 4, 9, 9), Activation.RELU).sum().backward();
            assertThat(Parameters.of(pair.conv, "weight").value().hasGradient()).isTrue();
            assertThat(Parameters.of(pair.norm, "num_batches_tracked").value().itemLong())
                    .isEqualTo(1);
        }
    }
}
