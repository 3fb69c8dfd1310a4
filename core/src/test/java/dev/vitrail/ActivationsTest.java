package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a user of the first API sees of a model's activations. */
class ActivationsTest {
    private static Vitrail load(String name) {
        return new Vitrail(LoadedModel.load(name, LoadOptions.DEFAULT.withSeed(1)));
    }

    @Test
    void showsAttentionOfAnImage() {
        var images = List.of(
                StainedGlass.of(Split.VALIDATION).image(0),
                StainedGlass.of(Split.VALIDATION).image(1));
        try (var vitrail = load("vit_mini_patch4_32")) {
            var activations = vitrail.observe(images, "blocks.*.attn.attn_drop");
            var last = activations.output(vitrail.loaded().model().attentions().get(0));
            int heads = Math.toIntExact(last.shape().get(1)),
                    tokens = Math.toIntExact(last.shape().get(3));
            assertThat(last.shape()).containsExactly(2L, (long) heads, (long) tokens, (long) tokens);
            double sum = 0;
            for (int token = 0; token < tokens; token++) {
                sum += last.at(1, heads - 1, 0, token);
            }
            assertThat(sum).isCloseTo(1, within(1e-5));
            assertThat(activations.logits().shape()).containsExactly(2L, 10L);
            assertThat(activations.logits().at(1, 3))
                    .isCloseTo(vitrail.logits(images).get(1)[3], within(1e-5f));
            assertThatThrownBy(() -> last.at(0, heads, 0, 0))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("found " + heads);
        }
    }

    @Test
    void givesFeatureMapsByStage() {
        var images = List.of(StainedGlass.of(Split.VALIDATION).image(0));
        try (var vitrail = load("convnext_mini_32")) {
            var maps = vitrail.featureMaps(images, List.of(0, -1));
            assertThat(maps).hasSize(2);
            maps.forEach((info, map) -> assertThat(map.shape())
                    .containsExactly(1L, (long) info.channels(), 32L / info.strideHeight(), 32L / info.strideWidth()));
        }
    }
}
