package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A service that batches what has come in meets an empty list at once. */
final class EmptyListTest {
    @Test
    void noImagesGiveNoResults() {
        var options = LoadOptions.DEFAULT.withClasses(3);
        try (var vitrail = new Vitrail(LoadedModel.load("vit_mini_patch4_gap_32", options))) {
            assertThat(vitrail.logits(List.of())).isEmpty();
            assertThat(vitrail.embed(List.of())).isEmpty();
            assertThatThrownBy(() -> vitrail.observe(List.of(), "blocks.0"))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("no images");
            assertThatThrownBy(() -> vitrail.featureMaps(List.of(), List.of(-1)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("no images");
            var image = new RgbImage(4, 4, new byte[48]);
            assertThat(vitrail.classify(image, 0)).isEmpty();
            assertThatThrownBy(() -> vitrail.classify(image, -1))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("must not be negative, found -1");
        }
    }
}
