package dev.vitrail.models.cait;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import org.junit.jupiter.api.Test;

class CaiTTest {
    private static CaiTConfig small() {
        return CaiTConfig.of(32, 8, 24, 3, 3).withHead(new Head(5, Pool.TOKEN, 0));
    }

    @Test
    void layerScaleStartsByDepth() {
        assertThat(CaiTConfig.of(32, 8, 24, 18, 3).layerScale()).isEqualTo(0.1);
        assertThat(CaiTConfig.of(32, 8, 24, 24, 3).layerScale()).isEqualTo(1e-5);
        assertThat(CaiTConfig.of(32, 8, 24, 36, 3).layerScale()).isEqualTo(1e-6);
        try (var model = new CaiT(small());
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            model.parameters().forEach((name, parameter) -> {
                if (name.contains("gamma_")) {
                    assertThat(parameter.value().toFloats()).as(name).containsOnly(0.1f);
                }
            });
        }
    }

    @Test
    void trainsWithDropPathAndReachesEveryParameter() {
        try (var model = new CaiT(small().withDropPath(0.2));
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            model.train(true);
            var logits = model.apply(Tensor.randn(8, 3, 32, 32));
            logits.power(2).sum().backward();
            assertThat(logits.shape()).containsExactly(8, 5);
            model.parameters()
                    .forEach((name, parameter) ->
                            assertThat(parameter.value().hasGradient()).as(name).isTrue());
        }
    }

    /** Inference writes over what training keeps. */
    @Test
    void inferenceComputesWhatTrainingDoes() {
        try (var model = new CaiT(small());
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            var images = Tensor.randn(3, 3, 32, 32);
            var recorded = model.apply(images).toFloats();
            try (var off = Gradients.off()) {
                var plain = model.apply(images).toFloats();
                for (int i = 0; i < plain.length; i++) {
                    assertThat(plain[i]).isCloseTo(recorded[i], within(1e-5f));
                }
            }
        }
    }

    @Test
    void blocksOfClassAttentionCountAsTheLast() {
        try (var model = Catalog.get("cait_xxs24_224").create()) {
            assertThat(model.layers()).isEqualTo(26);
            assertThat(model.layer("pos_embed")).isZero();
            assertThat(model.layer("blocks.23.gamma_1")).isEqualTo(24);
            assertThat(model.layer("blocks_token_only.0.attn.q.weight")).isEqualTo(23);
            assertThat(model.layer("blocks_token_only.1.gamma_1")).isEqualTo(24);
            assertThat(model.layer("norm.weight")).isEqualTo(24);
            assertThat(model.layer("head.weight")).isEqualTo(25);
        }
    }

    @Test
    void refusesWhatCannotWork() {
        assertThatThrownBy(() -> CaiTConfig.of(32, 8, 24, 3, 5))
                .isInstanceOf(VitrailException.class)
                .hasMessage("width 24 is not a multiple of heads 5: take width 25 or 4 heads");
        assertThatThrownBy(() -> CaiTConfig.of(30, 8, 24, 3, 3))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("30");
        try (var model = new CaiT(small());
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            assertThatThrownBy(() -> model.apply(Tensor.randn(1, 3, 40, 32)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessage(
                            "images of 40×32 pixels were given to a model of 32×32: resize them, or build the model for"
                                    + " that size");
        }
    }
}
