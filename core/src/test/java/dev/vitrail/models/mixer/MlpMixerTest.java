package dev.vitrail.models.mixer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.nn.Pool;
import org.junit.jupiter.api.Test;

final class MlpMixerTest {
    private static final MlpMixer.Config SMALL =
            new MlpMixer.Config(new ImageInput(12, 20, 2), 4, 16, 2, 0.5, 4, new Head(3, Pool.AVG, 0.1), 0.1, 0.5);

    @Test
    void trainsOnRectangles() {
        try (var model = new MlpMixer(SMALL);
                var frame = Frame.open()) {
            model.initialise(5, Device.CPU);
            model.train(true);
            var logits = model.apply(Tensor.randn(2, 2, 12, 20));
            assertThat(logits.shape()).containsExactly(2, 3);
            Functional.crossEntropy(logits, Tensor.of(new long[] {0, 2}, 2), 0).backward();
            model.parameters()
                    .forEach((name, parameter) ->
                            assertThat(parameter.value().hasGradient()).as(name).isTrue());
        }
    }

    @Test
    void refusesWhatCannotWork() {
        assertThatThrownBy(() -> SMALL.withImage(12, 21)).hasMessageContaining("20 and 24");
        try (var model = new MlpMixer(SMALL);
                var frame = Frame.open()) {
            assertThatThrownBy(() -> model.apply(Tensor.randn(1, 2, 12, 12))).hasMessageContaining("12×20");
        }
    }

    @Test
    void groupsParametersByDepth() {
        try (var model = new MlpMixer(SMALL)) {
            assertThat(model.layer("stem.proj.weight")).isZero();
            assertThat(model.layer("blocks.1.mlp_tokens.fc1.weight")).isEqualTo(2);
            assertThat(model.layer("norm.weight")).isEqualTo(2);
            assertThat(model.layer("head.weight")).isEqualTo(3);
        }
    }
}
