package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.models.Model;
import dev.vitrail.models.vit.ViTConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Inference keeps weights in a layout of its own; it must never be that of weights that have changed since. */
class PackedWeightsTest {
    private static Model model() {
        var model = ViTConfig.of(32, 4, 128, 2, 4).withClasses(10).create();
        model.initialise(0, Device.CPU);
        model.train(false);
        return model;
    }

    private static Tensor images() {
        RandomState.seed(1);
        return Tensor.randn(4, 3, 32, 32);
    }

    /** With gradients recorded, the weights themselves are read. */
    private static void assertUpToDate(Model model, Tensor images) {
        Tensor expected;
        try (var on = Gradients.on()) {
            expected = model.apply(images).detach();
        }
        try (var off = Gradients.off()) {
            assertThat(Tensors.largest(model.apply(images).minus(expected)))
                    .isLessThan(2e-5 * (1 + Tensors.largest(expected)));
        }
    }

    /** 65 tokens an image: the 195 rows of three are filled up, those of the others are not. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void anyNumberOfRowsGivesWhatTheWeightsGive(long count) {
        try (var model = model();
                var frame = Frame.open()) {
            var images = images().narrow(0, 0, count);
            assertUpToDate(model, images);
            try (var off = Gradients.off()) {
                assertThat(model.apply(images).shape()).containsExactly(count, 10);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(OptimizerType.class)
    void inferenceSeesWhatAnOptimiserDid(OptimizerType kind) {
        var config = TrainingConfig.of("any", "any", 1).with(TrainingOptions.OPTIMIZER, kind);
        try (var model = model();
                var optimizer = Optimizers.of(config, model);
                var frame = Frame.open()) {
            var images = images();
            assertUpToDate(model, images);
            for (int step = 0; step < 2; step++) {
                try (var on = Gradients.on()) {
                    Losses.crossEntropy(model.apply(images), Tensor.of(new long[] {0, 1, 2, 3}, 4), 0)
                            .backward();
                }
                optimizer.step(0.1);
                optimizer.zeroGradients();
                assertUpToDate(model, images);
            }
        }
    }

    @Test
    void inferenceSeesNewValuesInTheSamePlaceAndInAnother() {
        try (var model = model();
                var frame = Frame.open()) {
            var images = images();
            assertUpToDate(model, images);
            try (var off = Gradients.off()) {
                model.parameters()
                        .values()
                        .forEach(parameter -> parameter.value().timesInPlace(1.5));
            }
            assertUpToDate(model, images);
            model.parameters()
                    .values()
                    .forEach(parameter -> Frame.run(
                            () -> parameter.assign(parameter.value().detach().times(0.5))));
            assertUpToDate(model, images);
        }
    }
}
