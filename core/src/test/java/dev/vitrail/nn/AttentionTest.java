package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import org.junit.jupiter.api.Test;

class AttentionTest {
    private static Attention attention() {
        var init = Init.truncatedNormal(0.2);
        var attention = new Attention(new Attention.Config(12, 3, true, 1e-6, 0.5, 0, 0, init, init));
        attention.initialise(1, Device.CPU);
        return attention;
    }

    private static void assertClose(Tensor actual, Tensor expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(Tensors.largest(actual.minus(expected))).isLessThan(1e-6);
    }

    @Test
    void stepByStepEqualsTheFusedKernel() {
        try (var attention = attention();
                var frame = Frame.open();
                var off = Gradients.off()) {
            var x = Tensor.randn(2, 7, 12);
            var fused = attention.apply(x);
            try (var hook = ForwardHook.of(attention, name -> true)) {
                assertClose(attention.apply(x), fused);
                var weights = hook.activation("attn_drop");
                assertThat(weights.shape()).containsExactly(2, 3, 7, 7);
                assertClose(weights.sum(false, -1), Tensor.ones(2, 3, 7));
            }
        }
    }

    @Test
    void gradientsAreTheSameBothWays() {
        try (var attention = attention();
                var frame = Frame.open()) {
            var x = Tensor.randn(2, 7, 12);
            var outer = Tensor.randn(2, 7, 12);
            var weight = Parameters.of(attention, "qkv.weight").value();
            attention.apply(x).backward(outer);
            var fused = weight.gradient().copy();
            weight.clearGradient();
            try (var hook = ForwardHook.of(attention, name -> true)) {
                attention.apply(x).backward(outer);
            }
            assertThat(Tensors.largest(weight.gradient().minus(fused)))
                    .isLessThan(1e-5 * Tensors.largest(fused) + 1e-6);
        }
    }

    @Test
    void aMaskIsAddedBothWays() {
        try (var attention = attention();
                var frame = Frame.open();
                var off = Gradients.off()) {
            RandomState.seed(2);
            var q = Tensor.randn(2, 3, 5, 4);
            var mask = Tensor.zeros(1, 1, 5, 5).plus(Tensor.randn(1, 3, 5, 5));
            var fused = Attention.attention(attention, q, q, q, mask, 0, 0.5);
            try (var hook = ForwardHook.of(attention, name -> true)) {
                assertClose(Attention.attention(attention, q, q, q, mask, 0, 0.5), fused);
            }
        }
    }

    @Test
    void theFirstTokensAloneAreThoseOfAll() {
        try (var attention = attention();
                var frame = Frame.open();
                var off = Gradients.off()) {
            var x = Tensor.randn(2, 20, 12);
            assertClose(attention.applyToFirst(x, 2), attention.apply(x).narrow(1, 0, 2));
        }
    }
}
