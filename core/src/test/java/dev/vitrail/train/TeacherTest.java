package dev.vitrail.train;

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
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.vit.ViTConfig;
import java.util.List;
import org.junit.jupiter.api.Test;

class TeacherTest {
    private static Model convNeXt(int classes) {
        var model = ConvNeXtConfig.of(List.of(1, 1, 1, 1), List.of(8, 8, 8, 8))
                .withClasses(classes)
                .create();
        model.initialise(1, Device.CPU);
        return model;
    }

    @Test
    void aDistillationTokenLearnsFromAnotherFamily() {
        try (var student = ViTConfig.of(32, 8, 16, 1, 2)
                        .withTokens(t -> t.withDistilled(true))
                        .withClasses(5)
                        .create();
                var model = convNeXt(5);
                var frame = Frame.open();
                var on = Gradients.on()) {
            student.initialise(2, Device.CPU);
            student.train(true);
            model.train(true);
            var teacher = new Teacher(model, Losses.Distillation.HARD, 0.5, 1);
            RandomState.seed(3);
            var images = Tensor.randn(3, 3, 32, 32);
            var target = Tensor.of(new long[] {0, 1, 2}, 3);
            var heads = student.trainingLogits(images);
            assertThat(heads).hasSize(2);

            var base = Losses.crossEntropy(heads.get(0), target, 0);
            var loss = teacher.loss(base, heads, images);

            var taught = teacher.logits(images);
            assertThat(taught.requiresGradient()).isFalse();
            assertThat(model.training()).isFalse();
            double expected = 0.5 * base.item()
                    + 0.5
                            * Losses.crossEntropy(heads.get(1), taught.argmax(1), 0)
                                    .item();
            assertThat(loss.item()).isCloseTo(expected, within(1e-6));
            loss.backward();
            assertThat(Fixture.of(student.parameters(), "head_dist.weight")
                            .value()
                            .hasGradient())
                    .isTrue();
            assertThat(model.parameters().values())
                    .noneMatch(parameter -> parameter.value().hasGradient());
        }
    }

    @Test
    void refusesATeacherOfOtherClasses() {
        try (var model = convNeXt(4);
                var frame = Frame.open()) {
            var logits = Tensor.zeros(2, 5);
            assertThatThrownBy(() -> new Teacher(model, Losses.Distillation.HARD, 0.5, 1)
                            .loss(logits.sum(), List.of(logits), Tensor.zeros(2, 3, 32, 32)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("4 classes apart and the student 5");
        }
    }

    @Test
    void weightedClassesCountMore() {
        try (var frame = Frame.open()) {
            var logits = Tensor.of(new float[] {1, 0, 0, 0, 2, 0}, 2, 3);
            var target = Tensor.of(new long[] {0, 2}, 2);
            double first = Math.log(Math.E + 2) - 1, second = Math.log(Math.exp(2) + 2);
            assertThat(Losses.crossEntropy(logits, target, 0, Tensor.of(new float[] {3, 1, 1}, 3))
                            .item())
                    .isCloseTo((3 * first + second) / 4, within(1e-6));
        }
    }
}
