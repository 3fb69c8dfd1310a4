package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Weight gradients after the backward pass equal those in it. */
class WeightGradientsTest {
    private int threads;

    @BeforeEach
    void twoThreads() {
        threads = Threads.count();
        Threads.set(2);
    }

    @AfterEach
    void asBefore() {
        Threads.set(threads);
    }

    private static Tensor leaf(long seed, long... shape) {
        var random = new Random(seed);
        long count = 1;
        for (long side : shape) {
            count *= side;
        }
        var values = new float[(int) count];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape).requireGradient(true);
    }

    private static Tensor squared(Tensor x) {
        return x.times(x);
    }

    /** Gradients of the weight, with the products of {@code layers} in the backward pass and after it. */
    private static void assertSame(Tensor x, Tensor weight, BiFunction<Tensor, Tensor, Tensor> layers) {
        squared(layers.apply(x, weight)).mean().backward();
        var expected = weight.gradient().toFloats();
        weight.clearGradient();
        try (var late = WeightGradients.open()) {
            squared(layers.apply(x, weight)).mean().backward();
            late.compute();
        }
        var found = weight.gradient().toFloats();
        for (int i = 0; i < expected.length; i++) {
            assertThat(found[i]).isCloseTo(expected[i], within(1e-5f));
        }
    }

    @Test
    void wideAndNarrowLayersOddRowsAndOddColumns() {
        long[][] shapes = {{256, 96, 192}, {256, 192, 96}, {257, 100, 147}, {333, 65, 301}, {321, 301, 65}};
        for (var shape : shapes) {
            Frame.run(() -> assertSame(
                    leaf(1, shape[0], shape[1]),
                    leaf(2, shape[2], shape[1]),
                    (x, w) -> BlasProducts.linear(x, w, null)));
        }
    }

    @Test
    void tokensOfABatchKeepTheirShape() {
        Frame.run(() ->
                assertSame(leaf(1, 4, 65, 96), leaf(2, 192, 96), (x, w) -> BlasProducts.linear(x, w, leaf(3, 192))));
    }

    @Test
    void aWeightThatIsUsedTwiceGetsTheSum() {
        Frame.run(() -> assertSame(
                leaf(1, 256, 128),
                leaf(2, 128, 128),
                (x, w) -> BlasProducts.linear(BlasProducts.linear(x, w, null).times(0.1), w, null)));
    }

    @Test
    void gradientsAreAddedToThosePresent() {
        Frame.run(() -> {
            var x = leaf(1, 256, 96);
            var weight = leaf(2, 192, 96);
            for (int i = 0; i < 2; i++) {
                try (var late = WeightGradients.open()) {
                    BlasProducts.linear(x, weight, null).sum().backward();
                    late.compute();
                }
            }
            var twice = weight.gradient().toFloats();
            weight.clearGradient();
            BlasProducts.linear(x, weight, null).sum().backward();
            var once = weight.gradient().toFloats();
            for (int i = 0; i < once.length; i++) {
                assertThat(twice[i]).isCloseTo(2 * once[i], within(1e-3f));
            }
        });
    }

    @Test
    void aLayerWithoutAnInputGradientIsRecordedAsAWhole() {
        Frame.run(() -> {
            var x = leaf(1, 256, 96).detach();
            assertSame(x, leaf(2, 192, 96), (input, w) -> BlasProducts.linear(input, w, null));
        });
    }

    @Test
    void aResultThatIsChangedInPlaceIsRefused() {
        Frame.run(() -> {
            try (var late = WeightGradients.open()) {
                var x = leaf(1, 256, 96);
                var y = BlasProducts.linear(x, leaf(2, 192, 96), null).times(1);
                y.sum().backward();
                late.compute();
                var z = BlasProducts.linear(x, leaf(3, 192, 96), null);
                z.plusInPlace(Tensor.ones(256, 192)).sum().backward();
                assertThatThrownBy(late::compute)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("changed in place");
            }
        });
    }

    @Test
    void withoutABackwardPassNothingIsAddedAndNothingKept() {
        Frame.run(() -> {
            var weight = leaf(2, 192, 96);
            try (var late = WeightGradients.open()) {
                BlasProducts.linear(leaf(1, 256, 96), weight, null);
                late.compute();
            }
            assertThat(weight.hasGradient()).isFalse();
        });
    }
}
