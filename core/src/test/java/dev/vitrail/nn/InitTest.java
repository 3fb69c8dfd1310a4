package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import org.junit.jupiter.api.Test;

/** Initial values by their statistics; those of the originals' functions come from samples of theirs. */
class InitTest {
    /** Samples: enough to know a std to a per cent. */
    private static final long COUNT = 100_000;

    private static void check(Init init, double std, double largest) {
        Frame.run(() -> {
            RandomState.seed(1);
            var values = Tensor.zeros(COUNT);
            init.fill(values);
            assertThat(values.mean().item()).isCloseTo(0, within(5 * std / Math.sqrt(COUNT)));
            assertThat(values.norm(false, 0).item() / Math.sqrt(COUNT)).isCloseTo(std, within(0.01 * std));
            assertThat(Tensors.largest(values)).isBetween(0.97 * largest, 1.0001 * largest);
        });
    }

    @Test
    void aTruncatedNormalIsCutInUnitsNotInDeviations() {
        Frame.run(() -> {
            RandomState.seed(1);
            var values = Tensor.zeros(COUNT);
            Init.truncatedNormal(0.02).fill(values);
            assertThat(values.norm(false, 0).item() / Math.sqrt(COUNT)).isCloseTo(0.02, within(2e-4));
            assertThat(Tensors.largest(values)).isBetween(0.075, 0.12);
        });
        check(Init.truncatedNormal(1), 0.8796, 2);
    }

    @Test
    void aTruncatedNormalOfGivenVarianceIsCutAtTwoDeviations() {
        check(Init.truncatedNormalOfVariance(1.0 / 300), Math.sqrt(1.0 / 300), 0.13127);
    }

    @Test
    void uniformOnesFillTheirRange() {
        check(Init.uniform(0.5), 0.5 / Math.sqrt(3), 0.5);
        check(Init.xavierUniform(192, 576), 0.0510, 0.08839);
        check(Init.fanInUniform(768), 0.020833, 0.036084);
    }

    @Test
    void normalOnesHaveTheirDeviation() {
        Frame.run(() -> {
            RandomState.seed(1);
            var values = Tensor.zeros(COUNT);
            Init.normal(1e-6).fill(values);
            assertThat(values.norm(false, 0).item() / Math.sqrt(COUNT)).isCloseTo(1e-6, within(1e-8));
            Init.heNormalFanOut(200).fill(values);
            assertThat(values.norm(false, 0).item() / Math.sqrt(COUNT)).isCloseTo(0.1, within(1e-3));
        });
    }

    @Test
    void constantOnesAreConstant() {
        Frame.run(() -> {
            var values = Tensor.randn(3);
            Init.constant(-2).fill(values);
            assertThat(values.toFloats()).containsOnly(-2);
            Init.zeros().fill(values);
            assertThat(values.toFloats()).containsOnly(0);
            Init.ones().fill(values);
            assertThat(values.toFloats()).containsOnly(1);
        });
    }
}
