package dev.vitrail.models.swin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.swin.SwinConfig.Version;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SwinTransformerTest {
    private static SwinConfig small(Version version) {
        return SwinConfig.of(version, 64, 12, List.of(2, 2, 2), List.of(1, 2, 4), 4)
                .withHead(new Head(5, Pool.AVG, 0))
                .withDropPath(0.3);
    }

    @ParameterizedTest
    @CsvSource({"64,64", "80,80", "75,50", "77,501", "16,16", "5,3", "1,1"})
    void takesImagesOfAnySize(int height, int width) {
        for (var version : Version.values()) {
            try (var model = new SwinTransformer(small(version));
                    var frame = Frame.open();
                    var off = Gradients.off()) {
                model.initialise(1, Device.CPU);
                var logits = model.apply(Tensor.randn(2, 3, height, width));
                assertThat(logits.shape()).containsExactly(2, 5);
                assertThat(Tensors.finite(logits)).isTrue();
            }
        }
    }

    /** Built for one size and run at another, a model is the one built for the other if its tables are the same. */
    @Test
    void fitsWindowsToTheImageAgain() {
        try (var frame = Frame.open();
                var off = Gradients.off();
                var model = new SwinTransformer(small(Version.V1));
                var other = new SwinTransformer(small(Version.V1).withImage(new ImageInput(100, 140, 3)))) {
            model.initialise(1, Device.CPU);
            other.initialise(1, Device.CPU);
            var images = Tensor.randn(2, 3, 100, 140);
            assertThat(other.apply(images).toFloats())
                    .containsExactly(model.apply(images).toFloats());
        }
    }

    @Test
    void tellsWhatItPadsAndShrinks() {
        try (var model = new SwinTransformer(
                (SwinConfig) Catalog.get("swin_tiny_patch4_window7_224").config())) {
            assertThat(model.config().adjustments(224, 224)).isEmpty();
            assertThat(model.config().adjustments(300, 200))
                    .containsExactly(
                            "stage 1 pads its map of 75×50 tokens to 77×56 for windows of 7×7",
                            "stage 2 pads its map of 38×25 tokens to 42×28 for windows of 7×7",
                            "stage 3 pads its map of 19×13 tokens to 21×14 for windows of 7×7",
                            "stage 4 has windows of 7×6 tokens instead of 7×7",
                            "stage 4 pads its map of 10×7 tokens to 14×12 for windows of 7×6");
            assertThat(model.config().adjustments(77, 501))
                    .contains("images of 77×501 pixels are padded to 80×504, a multiple of the patch of 4 pixels");
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void trainsWithDropPathAndReachesEveryParameter(Version version) {
        try (var model = new SwinTransformer(small(version).withDropPath(0.1));
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            model.train(true);
            model.apply(Tensor.randn(4, 3, 64, 64)).power(2).sum().backward();
            model.parameters()
                    .forEach((name, parameter) ->
                            assertThat(parameter.value().hasGradient()).as(name).isTrue());
        }
    }

    /** The branches of version 2 end in a normalisation that starts at zero. */
    @Test
    void blocksOfVersion2StartAsTheIdentity() {
        try (var model = new SwinTransformer(small(Version.V2));
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            assertThat(model.parameters().entrySet().stream()
                            .filter(entry -> entry.getKey().matches("layers.*norm[12]\\.weight"))
                            .filter(entry -> Tensors.largest(entry.getValue().value()) == 0)
                            .count())
                    .isEqualTo(12);
        }
    }

    @Test
    void tablesOfAnotherWindowAreResampled() {
        try (var model = new SwinTransformer(small(Version.V1));
                var frame = Frame.open()) {
            var name = "layers.1.blocks.0.attn.relative_position_bias_table";
            assertThat(model.resample(name, Tensor.ones(169, 2), new long[] {49, 2}, Optional.empty()))
                    .hasValueSatisfying(table -> assertThat(table.shape()).containsExactly(49, 2));
            assertThat(model.resample(name, Tensor.ones(169, 3), new long[] {49, 2}, Optional.empty()))
                    .isEmpty();
        }
    }

    @Test
    void readsTorchvisionsNames() {
        var format = Catalog.get("swin_tiny_patch4_window7_224").family().formats().stream()
                .filter(d -> d.name().equals("torchvision"))
                .findFirst()
                .orElseThrow();
        assertThat(List.of(
                                "features.0.0.weight",
                                "features.0.2.bias",
                                "features.1.1.attn.relative_position_bias_table",
                                "features.2.reduction.weight",
                                "features.5.3.mlp.0.weight",
                                "features.7.1.mlp.3.bias",
                                "norm.weight",
                                "head.bias")
                        .stream()
                        .map(format.rename())
                        .map(Optional::orElseThrow)
                        .collect(Collectors.toList()))
                .containsExactly(
                        "patch_embed.proj.weight",
                        "patch_embed.norm.bias",
                        "layers.0.blocks.1.attn.relative_position_bias_table",
                        "layers.1.downsample.reduction.weight",
                        "layers.2.blocks.3.mlp.fc1.weight",
                        "layers.3.blocks.1.mlp.fc2.bias",
                        "norm.weight",
                        "head.fc.bias");
    }

    @Test
    void depthsCountBlocksAndEndWithTheHead() {
        try (var model = Catalog.get("swin_tiny_patch4_window7_224").create()) {
            assertThat(model.layers()).isEqualTo(14);
            assertThat(model.layer("patch_embed.norm.weight")).isZero();
            assertThat(model.layer("layers.0.blocks.0.norm1.weight")).isEqualTo(1);
            assertThat(model.layer("layers.1.downsample.reduction.weight")).isEqualTo(3);
            assertThat(model.layer("layers.3.blocks.1.mlp.fc2.bias")).isEqualTo(12);
            assertThat(model.layer("norm.weight")).isEqualTo(12);
            assertThat(model.layer("head.fc.weight")).isEqualTo(13);
        }
    }

    @Test
    void refusesWhatCannotWork() {
        assertThatThrownBy(() -> SwinConfig.of(Version.V1, 224, 96, List.of(2, 2), List.of(3, 5), 7))
                .isInstanceOf(VitrailException.class)
                .hasMessage(
                        "the 192 channels of stage 2 are not a multiple of its 5 heads: take 4 heads, or a width that"
                                + " is");
        assertThatThrownBy(() -> SwinConfig.of(Version.V1, 224, 96, List.of(2, 2), List.of(3), 7))
                .isInstanceOf(VitrailException.class)
                .hasMessage("1 heads do not go with 2 stages: give one for each");
        assertThatThrownBy(() -> SwinConfig.of(Version.V1, 224, 96, List.of(2, 2), List.of(3, 6), 0))
                .isInstanceOf(VitrailException.class)
                .hasMessage("window sides must be positive, found 0×0 tokens");
    }

    @Test
    void resettingTheClassifierChangesItsRows() {
        try (var model = new SwinTransformer(small(Version.V1));
                var frame = Frame.open();
                var off = Gradients.off()) {
            model.resetClassifier(7);
            model.initialise(1, Device.CPU);
            assertThat(model.apply(Tensor.randn(1, 3, 64, 64)).shape()).containsExactly(1, 7);
        }
    }
}
