package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.ViTVariants;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Parameters;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Image size and channels of a live model, changed. */
class ModelChangeTest {
    private static final Offset<Float> ROUNDING = within(1e-4f);

    /**
     * Those whose first layer normalises pixels, or its own weights, over all channels: then the rule
     * holds only nearly.
     */
    private static final List<String> NORMALISED =
            List.of("t2t", "compact_vit", "simple_vit", "compact_cait", "bit", "hybrid");

    static Stream<Variant> models() {
        return SmallModels.all();
    }

    private static Model initialised(Variant variant) {
        var model = variant.create();
        model.initialise(1, Device.CPU);
        // Weights as training leaves them: nothing is zero, so that everything shows.
        Frame.run(() -> {
            try (var off = Gradients.off()) {
                model.parameters().values().stream()
                        .filter(parameter -> parameter.isTrainable())
                        .forEach(parameter -> parameter.value().plusInPlace(Tensor.randn(parameter.shape()), 0.02));
            }
        });
        return model;
    }

    private static boolean sized(Variant variant) {
        return !variant.name().equals("mixer");
    }

    private static boolean rechannelled(Variant variant) {
        return !variant.name().equals("compact_t2t_mini_32");
    }

    @ParameterizedTest
    @MethodSource("models")
    void imageSizeChangesThereAndBack(Variant variant) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var model = initialised(variant);
            var config = model.config();
            int height = config.imageHeight(), width = config.imageWidth();
            if (!sized(variant)) {
                assertThatThrownBy(() -> model.withImage(2 * height, width))
                        .isInstanceOf(VitrailException.class)
                        .hasMessageContaining("mlp_tokens.fc1.weight");
                assertThat(Tensors.finite(model.apply(Tensor.randn(1, 3, height, width))))
                        .isTrue();
                model.close();
                return;
            }
            var larger = model.withImage(2 * height, width + width);
            assertThat(larger.model().config().imageHeight()).isEqualTo(2 * height);
            assertRuns(larger.model());
            var wide = larger.model().withImage(height, 2 * width);
            assertRuns(wide.model());
            var back = wide.model().withImage(height, width);
            assertRuns(back.model());
            back.model().close();
        }
    }

    private static void assertRuns(Model model) {
        var config = model.config();
        var images = Tensor.randn(2, config.channels(), config.imageHeight(), config.imageWidth());
        var logits = model.apply(images);
        assertThat(logits.shape()).containsExactly(2, config.classes());
        assertThat(Tensors.finite(logits)).isTrue();
    }

    @ParameterizedTest
    @MethodSource("models")
    void theSameSizeChangesNothing(Variant variant) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var model = initialised(variant);
            var config = model.config();
            var images = Tensor.randn(2, config.channels(), config.imageHeight(), config.imageWidth());
            var before = model.apply(images).toFloats();
            var same = model.withImage(config.imageHeight(), config.imageWidth());
            assertThat(same.notes()).isEmpty();
            assertThat(same.model().apply(images).toFloats()).containsExactly(before);
            same.model().close();
        }
    }

    /** An image whose channels are equal looks the same to the model before and after, as timm's rule promises. */
    @ParameterizedTest
    @MethodSource("models")
    void greyImagesLookTheSameWithAnyNumberOfChannels(Variant variant) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            for (int channels : new int[] {1, 6, 4}) {
                var model = initialised(variant);
                var config = model.config();
                if (!rechannelled(variant)) {
                    assertThatThrownBy(() -> model.withChannels(channels))
                            .isInstanceOf(VitrailException.class)
                            .hasMessageContaining("of %d:".formatted(channels));
                    model.close();
                    continue;
                }
                var grey = Tensor.randn(2, 1, config.imageHeight(), config.imageWidth());
                var before =
                        model.apply(grey.expand(-1, 3, -1, -1).contiguous()).toFloats();
                var changed = model.withChannels(channels);
                assertThat(changed.notes()).isNotEmpty();
                assertThat(changed.model().config().channels()).isEqualTo(channels);
                var after = changed.model()
                        .apply(grey.expand(-1, channels, -1, -1).contiguous())
                        .toFloats();
                boolean exact = channels != 4 && NORMALISED.stream().noneMatch(variant.name()::startsWith);
                assertThat(after).hasSameSizeAs(before);
                if (exact) {
                    assertThat(after).containsExactly(before, ROUNDING);
                }
                changed.model().close();
            }
        }
    }

    /** From a rectangle, whose sides no checkpoint tells, positions are resampled as the grid lies. */
    @Test
    void positionsOfARectangleAreResampledAsTheyLie() {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var variant = new Variant(
                    "rectangle",
                    ViTVariants.FAMILY,
                    ViTConfig.of(32, 8, 24, 1, 3).withImage(32, 64));
            var model = initialised(variant);
            var table = Parameters.of(model, "pos_embed").value();
            var expected = Positions.resample(table, 1, 4, 8, 8, 4).toFloats();
            var changed = model.withImage(64, 32);
            assertThat(changed.notes()).containsExactly("pos_embed was resampled from [1,33,24] to [1,33,24]");
            assertThat(Parameters.of(changed.model(), "pos_embed").value().toFloats())
                    .containsExactly(expected);
            changed.model().close();
        }
    }

    @Test
    void aFrozenParameterStaysFrozen() {
        try (var frame = Frame.open()) {
            var model = initialised(Catalog.get("swin_mini_32"));
            model.parameters().values().forEach(parameter -> parameter.setTrainable(false));
            var changed = model.withImage(48, 40).model();
            assertThat(changed.parameters().values()).noneMatch(parameter -> parameter.isTrainable());
            changed.close();
        }
    }

    @Test
    void tablesOfManyLayersShareASentence() {
        try (var frame = Frame.open()) {
            var model = initialised(Catalog.get("swin_mini_32"));
            var changed = model.withImage(12, 12);
            assertThat(changed.notes())
                    .containsExactly("6 tensors relative_position_bias_table were resampled, the first of them"
                            + " layers.1.blocks.0.attn.relative_position_bias_table from [49,6] to [25,6]");
            changed.model().close();
        }
    }
}
