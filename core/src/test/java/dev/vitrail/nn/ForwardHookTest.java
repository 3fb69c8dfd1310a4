package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.zoo.Catalog;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class ForwardHookTest {
    private static Model model() {
        var model = Catalog.get("vit_mini_patch4_32").create();
        model.initialise(1, Device.CPU);
        model.train(false);
        return model;
    }

    private static Tensor images() {
        RandomState.seed(3);
        return Tensor.randn(2, 3, 32, 32);
    }

    @Test
    void gradientsOfAttentionWeightsAreTheSlopesOfTheLogit() {
        try (var model = model();
                var frame = Frame.open()) {
            var images = images();
            var name = model.attentions().get(1);
            float[] slopes;
            float[] weights;
            try (var on = Gradients.on();
                    var hook = ForwardHook.of(model, name::equals)) {
                var logits = model.apply(images.copy().requireGradient(true));
                weights = hook.activation(name).detach().toFloats();
                slopes = Gradients.of(logits.select(1, 4).sum(), List.of(hook.activation(name)))
                        .get(0)
                        .toFloats();
                assertThat(model.parameters().values())
                        .noneMatch(parameter -> parameter.value().hasGradient());
            }
            // The layer's output is linear in one weight of one head: the values of its key,
            // through the output projection.
            int at = 0;
            for (int i = 0; i < slopes.length; i++) {
                at = Math.abs(slopes[i]) > Math.abs(slopes[at]) ? i : at;
            }
            assertThat(Math.abs(slopes[at])).isGreaterThan(0);
            double step = 0.05;
            assertThat((logit(model, images, name, at, weights, step) - logit(model, images, name, at, weights, -step))
                            / (2 * step))
                    .isCloseTo(slopes[at], within(0.02 * Math.abs(slopes[at])));
        }
    }

    /**
     * The summed logit of class 4 when one weight of an attention layer is moved, by putting the layer's output
     * in its place.
     */
    private static double logit(Model model, Tensor images, String name, int at, float[] weights, double step) {
        return Frame.compute(() -> {
            var layer = name.substring(0, name.length() - ".attn_drop".length());
            var moved = weights.clone();
            moved[at] += (float) step;
            try (var off = Gradients.off()) {
                Tensor output;
                try (var hook = ForwardHook.of(model, wanted -> wanted.equals(layer + ".qkv") || wanted.equals(name))) {
                    model.apply(images);
                    var shape = hook.activation(name).shape();
                    long B = shape[0], h = shape[1], N = shape[2];
                    var qkv = hook.activation(layer + ".qkv");
                    long d = qkv.size(2) / (3 * h);
                    var values = qkv.reshape(B, N, 3, h, d)
                            .permute(2, 0, 3, 1, 4)
                            .select(0, 2)
                            .contiguous();
                    var mixed = Tensor.of(moved, shape).matmul(values);
                    var projection = model.parameters();
                    output = mixed.transpose(1, 2)
                            .reshape(B, N, h * d)
                            .matmul(Objects.requireNonNull(projection.get(layer + ".proj.weight"))
                                    .value()
                                    .transpose(0, 1))
                            .plus(Objects.requireNonNull(projection.get(layer + ".proj.bias"))
                                    .value());
                }
                try (var hook = ForwardHook.replacing(model, Map.of(layer, output), any -> false)) {
                    return model.apply(images).select(1, 4).sum().item();
                }
            }
        });
    }

    @Test
    void aHookedModelWithoutWishesGivesTheSameBits() {
        try (var model = model();
                var frame = Frame.open();
                var off = Gradients.off()) {
            var images = images();
            var plain = model.extractFeatures(images).toFloats();
            try (var hook = ForwardHook.of(model, name -> false)) {
                assertThat(model.extractFeatures(images).toFloats()).isEqualTo(plain);
            }
        }
    }

    @Test
    void aReplacedBlockDoesNotRunAndItsSuccessorGetsTheReplacement() {
        try (var model = model();
                var frame = Frame.open();
                var off = Gradients.off()) {
            var images = images();
            var blocks = model.blocks();
            var first = blocks.get(0);
            var second = blocks.get(1);
            var x = model.observe(images, first).output(first).times(2);
            try (var hook = ForwardHook.replacing(model, Map.of(first, x), name -> !name.isEmpty())) {
                model.apply(images);
                assertThat(hook.activation(second + ".input").toFloats()).isEqualTo(x.toFloats());
                assertThat(hook.activations()).doesNotContainKey(first + ".norm1");
            }
        }
    }

    @Test
    void aGradientOfWhatWasNotRecordedIsRefused() {
        Frame.run(() -> assertThatThrownBy(() -> Gradients.of(Tensor.zeros(1), List.of(Tensor.zeros(1))))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("Gradients.on()"));
    }
}
