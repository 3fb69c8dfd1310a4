package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.models.zoo.Catalog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What models cost, against the figures that timm publishes. */
class CostTest {
    /**
     * Millions of activations as timm's model cards and its {@code benchmark-infer} results have them, of models whose
     * attention was not fused when they were counted.
     */
    @ParameterizedTest
    @CsvSource({
        "resnet18, 2.48",
        "resnet50, 11.11",
        "convnext_tiny, 13.44",
        "swin_tiny_patch4_window7_224, 17.06",
        "swin_small_patch4_window7_224, 27.47",
        "cait_xxs24_224, 20.29"
    })
    void activationsAreTimms(String name, double millions) {
        try (var model = Catalog.get(name).create()) {
            assertThat(model.cost().activations() / 1e6).isCloseTo(millions, within(0.006));
        }
    }

    /** A ViT-B/16 by hand: 12 blocks of 197 tokens, 768 channels and 12 heads. */
    @Test
    void activationsOfAttentionAreBothProducts() {
        long block = 197 * (3 * 768 + 768 + 3072 + 768) + 12 * 197 * 197 + 197 * 768;
        try (var model = Catalog.get("vit_base_patch16_224").create()) {
            assertThat(model.cost().activations()).isEqualTo(196 * 768 + 12 * block + 1000);
        }
    }

    @Test
    void aLiveModelAndItsShapeCostTheSame() {
        try (var model = Catalog.get("swin_mini_32").create()) {
            var before = model.cost();
            model.initialise(1, dev.vitrail.engine.Device.CPU);
            assertThat(model.cost()).isEqualTo(before);
        }
    }
}
