package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Device;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.WeightInit;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * In which order parameters lie, and from which numbers they start, where that was once another than the originals'.
 */
class FirstValuesTest {
    private static double std(Model model, String name) {
        var values =
                Objects.requireNonNull(model.parameters().get(name)).value().toFloats();
        double mean = 0, squares = 0;
        for (float value : values) {
            mean += value / values.length;
        }
        for (float value : values) {
            squares += (value - mean) * (value - mean) / values.length;
        }
        return Math.sqrt(squares);
    }

    /**
     * PyTorch's default is uniform up to 1/√(fan-in): of 3×7×7 inputs a std of 0.0476; He's over 64 outputs is 0.0253.
     */
    @ParameterizedTest
    @CsvSource({
        "vit_tiny_r_s16_p8_224, patch_embed.backbone.conv.weight, 0.0476",
        "vit_small_r26_s32_224, patch_embed.backbone.stem.conv.weight, 0.0253"
    })
    void aStemWithoutStagesStartsAsPyTorchLeavesIt(String variant, String name, double expected) {
        try (var model = Catalog.get(variant).create()) {
            model.initialise(1, Device.CPU, WeightInit.ORIGINAL);
            assertThat(std(model, name)).isCloseTo(expected, within(0.001));
        }
    }

    @Test
    void deitsDistillationTokenComesAfterThePositions() {
        try (var model = Catalog.get("deit_mini_distilled_patch4_32").create()) {
            assertThat(List.copyOf(model.parameters().keySet()).subList(0, 3))
                    .containsExactly("cls_token", "pos_embed", "dist_token");
        }
    }
}
