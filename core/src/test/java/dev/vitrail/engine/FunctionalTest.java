package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FunctionalTest {
    @BeforeEach
    void seed() {
        RandomState.seed(0);
    }

    private static void assertClose(Tensor actual, Tensor expected, double tolerance) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(Tensors.largest(actual.minus(expected))).isLessThanOrEqualTo(tolerance);
    }

    /** Summed in doubles, one output after the other. */
    private static float[] naiveLinear(Tensor x, Tensor weight, float[] bias) {
        int in = (int) weight.size(1), out = (int) weight.size(0);
        var rows = x.toFloats();
        var w = weight.toFloats();
        var y = new float[rows.length / in * out];
        for (int row = 0; row < rows.length / in; row++) {
            for (int o = 0; o < out; o++) {
                double sum = bias[o];
                for (int i = 0; i < in; i++) {
                    sum += (double) rows[row * in + i] * w[o * in + i];
                }
                y[row * out + o] = (float) sum;
            }
        }
        return y;
    }

    private static void checkLinear(Tensor x, long out) {
        var weight = Tensor.randn(out, x.size(-1));
        var bias = Tensor.randn(out);
        var shape = x.shape();
        shape[shape.length - 1] = out;
        var y = Functional.linear(x, weight, bias);
        assertThat(y.shape()).isEqualTo(shape);
        assertThat(y.toFloats())
                .usingComparatorWithPrecision(1e-5f)
                .containsExactly(naiveLinear(x, weight, bias.toFloats()));
        assertThat(Functional.linear(x, weight, null).toFloats())
                .usingComparatorWithPrecision(1e-5f)
                .containsExactly(naiveLinear(x, weight, new float[(int) out]));
    }

    @Test
    void linearIsTheProductForAnyNumberOfRows() {
        for (int rows = 1; rows <= 40; rows++) {
            for (int in = 1; in <= 5; in++) {
                int r = rows, i = in;
                Frame.run(() -> checkLinear(Tensor.randn(r, i), 3));
            }
        }
    }

    @Test
    void linearTakesAnyDimensionsAndLayout() {
        Frame.run(() -> {
            checkLinear(Tensor.randn(2, 3, 5, 4), 6);
            checkLinear(Tensor.randn(4, 19).transpose(0, 1), 3);
            checkLinear(Tensor.randn(2, 4, 17).transpose(1, 2), 3);
            checkLinear(Tensor.randn(2, 4, 6, 3).permute(0, 2, 3, 1), 5);
            checkLinear(Tensor.randn(2, 30, 8).narrow(1, 3, 20), 5);
            checkLinear(Tensor.randn(2, 30, 8).narrow(2, 1, 4), 5);
            checkLinear(Tensor.randn(1, 1, 4).expand(3, 21, 4), 5);
            checkLinear(Tensor.randn(20, 2, 3).select(1, 1), 1);
            checkLinear(Tensor.randn(5), 2);
            assertThat(Functional.linear(Tensor.zeros(0, 5), Tensor.randn(3, 5), null)
                            .shape())
                    .containsExactly(0, 3);
        });
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 15, 16, 17, 40})
    void linearsGradientsAreThoseOfTheProduct(long rows) {
        Frame.run(() -> {
            var x = Tensor.randn(2, 3, rows).transpose(1, 2).requireGradient(true); // [2, rows, 3]
            var weight = Tensor.randn(4, 3).requireGradient(true);
            var bias = Tensor.randn(4).requireGradient(true);
            var outer = Tensor.randn(2, rows, 4);
            Functional.linear(x, weight, bias).backward(outer);
            var ofX = x.gradient().copy();
            var ofWeight = weight.gradient().copy();
            var ofBias = bias.gradient().copy();
            assertClose(ofX, outer.matmul(weight.detach()), 1e-5);
            var flat = outer.reshape(2 * rows, 4);
            assertClose(ofWeight, flat.transpose(0, 1).matmul(x.detach().reshape(2 * rows, 3)), 1e-4);
            assertClose(ofBias, flat.sum(false, 0), 1e-4);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void attentionIsItsFormula(boolean masked) {
        Frame.run(() -> {
            var q = Tensor.randn(2, 3, 5, 8);
            var k = Tensor.randn(2, 3, 9, 8);
            var v = Tensor.randn(2, 3, 9, 8);
            var mask = masked ? Tensor.randn(1, 3, 5, 9) : null;
            var scores = q.matmul(k.transpose(-2, -1)).times(0.3);
            var weights = Functional.softmax(mask == null ? scores : scores.plus(mask), -1);
            assertClose(Functional.attention(q, k, v, mask, 0, 0.3), weights.matmul(v), 1e-6);
        });
    }

    @Test
    void convolutionIsItsSum() {
        Frame.run(() -> {
            var x = Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 1, 3, 3);
            var weight = Tensor.of(new float[] {1, 10, 100, 1000}, 1, 1, 2, 2);
            var y = Functional.conv2d(x, weight, null, new long[] {2, 1}, new long[] {1, 0}, 1);
            assertThat(y.shape()).containsExactly(1, 1, 2, 2);
            assertThat(y.toFloats()).containsExactly(2100, 3200, 8754, 9865);
        });
    }

    @Test
    void clippingScalesAllGradientsTogether() {
        Frame.run(() -> {
            var a = Tensor.zeros(1).requireGradient(true);
            var b = Tensor.zeros(1).requireGradient(true);
            a.times(3).plus(b.times(4)).sum().backward();
            double before = Functional.clipGradientNorm(List.of(a, b), 1);
            assertThat(before).isCloseTo(5, within(1e-6));
            assertThat(a.gradient().item()).isCloseTo(0.6, within(1e-5));
            assertThat(b.gradient().item()).isCloseTo(0.8, within(1e-5));
        });
    }
}
