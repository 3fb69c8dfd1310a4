package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class MaskedPatchesTest {
    private static final List<Double> HALF = List.of(0.5, 0.5, 0.5);

    private static MaskedPatches masked(ViTConfig config) {
        var model = new MaskedPatches(config.withClasses(0).create(), HALF, HALF, "the model");
        model.initialise(7, Device.CPU);
        return model;
    }

    private static ViTConfig tiny() {
        return ViTConfig.of(16, 4, 24, 2, 3);
    }

    @Test
    void colorsAreThreeBitsOfEachChannelsMean() {
        try (var model = masked(tiny());
                var frame = Frame.open()) {
            var pixels = new float[3 * 16 * 16];
            // The second patch of the first row: red 1, green 0.3 on the mean of two halves, blue 0; all else is black.
            Arrays.fill(pixels, -1);
            for (int y = 0; y < 4; y++) {
                for (int x = 4; x < 8; x++) {
                    pixels[y * 16 + x] = 1;
                    pixels[256 + y * 16 + x] = 2 * (x < 6 ? 0.1f : 0.5f) - 1;
                }
            }
            var colors = model.colors(Tensor.of(pixels, 1, 3, 16, 16)).toLongs();
            var expected = new long[16];
            expected[1] = 7 * 64 + 2 * 8; // 0.3 · 8 = 2.4
            assertThat(colors).containsExactly(expected);
            assertThat(model.colors()).isEqualTo(512);
        }
    }

    @Test
    void halfOfThePatchesAreAskedForAndEightyTenTenPercentAreMaskedSwappedAndKept() {
        RandomState.seed(3);
        long B = 8, N = 256, D = 4;
        try (var frame = Frame.open()) {
            var corruption = MaskedPatches.Corruption.draw(B, N, Device.CPU);
            assertThat(corruption.places().shape()).containsExactly(B, N / 2);
            var x = Tensors.count(B * N).to(DType.F32).reshape(B, N, 1).expand(-1, -1, D);
            var found = corruption
                    .apply(x, Tensors.full(-1, 1, 1, D))
                    .select(2, D - 1)
                    .toFloats();
            int masked = 0, swapped = 0, same = 0;
            for (int i = 0; i < B * N; i++) {
                if (found[i] == -1) {
                    masked++;
                } else if (found[i] == i) {
                    same++;
                } else {
                    swapped++;
                    assertThat((long) found[i] / N).as("of the same image").isEqualTo(i / N);
                }
            }
            double corrupted = B * N / 2.0;
            assertThat(masked / corrupted).isCloseTo(0.8, within(0.04));
            assertThat(swapped / corrupted).isCloseTo(0.1, within(0.03));
            assertThat((same - corrupted) / corrupted).isCloseTo(0.1, within(0.03));
        }
    }

    @Test
    void theSameRandomNumbersHideTheSamePatches() {
        try (var model = masked(tiny());
                var frame = Frame.open();
                var off = Gradients.off()) {
            var images = Tensor.rand(4, 3, 16, 16);
            RandomState.seed(1);
            var first = model.guess(images).logits().toFloats();
            var next = model.guess(images).logits().toFloats();
            RandomState.seed(1);
            assertThat(model.guess(images).logits().toFloats()).containsExactly(first);
            assertThat(next).isNotEqualTo(first);
        }
    }

    @Test
    void gradientsReachTheMaskTokenAndEveryParameterInside() {
        for (var config : List.of(tiny(), tiny().withHead(Head.of(Pool.AVG)))) {
            try (var model = masked(config);
                    var frame = Frame.open();
                    var on = Gradients.on()) {
                model.guess(Tensor.rand(4, 3, 16, 16)).logits().power(2).sum().backward();
                model.parameters().forEach((name, parameter) -> assertThat(
                                parameter.value().hasGradient())
                        .as(name)
                        .isTrue());
            }
        }
    }

    @Test
    void theModelInsideKeepsItsNames() {
        try (var model = masked(tiny());
                var inside = tiny().withClasses(0).create()) {
            var names = new ArrayList<>(model.parameters().keySet());
            names.removeIf(model::onlyForTraining);
            assertThat(names).containsExactlyElementsOf(inside.parameters().keySet());
            assertThat(model.layer("blocks.1.norm1.weight")).isEqualTo(inside.layer("blocks.1.norm1.weight"));
            assertThat(model.layer("mask_token")).isZero();
            assertThat(model.layer("color_head.weight")).isEqualTo(model.layers() - 1);
        }
    }

    @Test
    void refusesWhatHasNoTokenForEachPatch() {
        var swin = Catalog.get("swin_tiny_patch4_window7_224")
                .config()
                .withClasses(0)
                .create();
        try (swin) {
            assertThatThrownBy(() -> new MaskedPatches(swin, HALF, HALF, "swin_tiny_patch4_window7_224"))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("swin_tiny_patch4_window7_224 cannot learn by masked patches")
                    .hasMessageContaining("choose a ViT");
        }
    }
}
