package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.Tensor;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The weights of a model that only predicts are in memory once, and there again for whoever asks. */
class KeptOnceTest {
    private static final int ROWS = 197;

    @ParameterizedTest
    @CsvSource({"192, 768", "768, 192", "100, 1000", "193, 517", "1, 6000", "6000, 1", "127, 129"})
    void weightsComeBackBitForBit(int in, int out) {
        try (var layer = new Linear(in, out)) {
            layer.initialise(3, Device.CPU);
            var before = bytes(layer);
            layer.keepWeightsOnce();
            var first = applied(layer, in);
            assertThat(bytes(layer)).isEqualTo(before);
            assertThat(applied(layer, in)).isEqualTo(first);
        }
    }

    @Test
    void convolutionsAsLinearLayersKeepTheirShape() {
        try (var layer = new Pointwise(96, 384, true)) {
            layer.initialise(3, Device.CPU);
            var before = bytes(layer);
            layer.keepWeightsOnce();
            var first = applied(layer, 96);
            assertThat(parameter(layer, "weight").shape()).containsExactly(384, 96, 1, 1);
            assertThat(bytes(layer)).isEqualTo(before);
            assertThat(applied(layer, 96)).isEqualTo(first);
        }
    }

    @Test
    void aPredictingModelGivesWhatItGaveWithBothForms() {
        try (var both = new Linear(192, 768);
                var once = new Linear(192, 768)) {
            both.initialise(5, Device.CPU);
            once.initialise(5, Device.CPU);
            once.keepWeightsOnce();
            assertThat(applied(once, 192)).isEqualTo(applied(both, 192));
            assertThat(applied(once, 192)).isEqualTo(applied(both, 192));
        }
    }

    @Test
    void whatWasPredictedWithCanBeTrained() {
        try (var layer = new Linear(192, 768)) {
            layer.initialise(5, Device.CPU);
            layer.keepWeightsOnce();
            applied(layer, 192);
            var weight = parameter(layer, "weight");
            try (var frame = Frame.open()) {
                layer.apply(Tensor.ones(ROWS, 192)).sum().backward();
                assertThat(weight.value().gradient().shape()).containsExactly(768, 192);
            }
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                weight.assign(Tensor.zeros(768, 192));
                parameter(layer, "bias").assign(Tensor.ones(768));
            }
            assertThat(applied(layer, 192)).containsOnly(1);
        }
    }

    @Test
    void aPredictionTakesNoMoreMemoryThanTheWeightsDid() {
        int side = 4096;
        long mib = 4L * side * side >> 20;
        try (var layer = new Linear(side, side)) {
            layer.initialise(5, Device.CPU);
            layer.keepWeightsOnce();
            long before = resident();
            applied(layer, side);
            assertThat(resident() - before).isLessThan(mib / 2);
        }
    }

    private static long resident() {
        return NativeMemory.residentBytes().orElse(0) >> 20;
    }

    private static float[] applied(Module layer, int in) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var x = Tensor.of(ramp(ROWS * in), ROWS, in);
            return ((Layer) layer).apply(x).toFloats();
        }
    }

    private static float[] ramp(int count) {
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (i % 17 - 8) / 8f;
        }
        return values;
    }

    private static byte[] bytes(Module layer) {
        return parameter(layer, "weight").value().toBytes();
    }

    private static Parameter parameter(Module layer, String name) {
        return Objects.requireNonNull(layer.parameters().get(name), name);
    }
}
