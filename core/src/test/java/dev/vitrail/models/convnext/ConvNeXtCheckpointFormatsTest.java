package dev.vitrail.models.convnext;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.models.zoo.Catalog;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Other code bases' names for the parameters of a ConvNeXt. */
class ConvNeXtCheckpointFormatsTest {
    @ParameterizedTest
    @CsvSource({
        "features.0.0.weight, stem.0.weight",
        "features.0.1.bias, stem.1.bias",
        "features.1.0.block.0.weight, stages.0.blocks.0.conv_dw.weight",
        "features.1.2.block.2.bias, stages.0.blocks.2.norm.bias",
        "features.1.0.block.3.weight, stages.0.blocks.0.mlp.fc1.weight",
        "features.1.0.layer_scale, stages.0.blocks.0.gamma",
        "features.4.0.weight, stages.2.downsample.0.weight",
        "features.4.1.bias, stages.2.downsample.1.bias",
        "features.7.2.block.5.bias, stages.3.blocks.2.mlp.fc2.bias",
        "classifier.0.weight, head.norm.weight",
        "classifier.2.bias, head.fc.bias"
    })
    void torchvisionsNamesAreUnderstood(String theirs, String ours) {
        var names = Set.of("features.0.0.weight", "features.1.0.layer_scale");
        assertThat(ConvNeXtCheckpointFormats.TORCHVISION.recognises().test(names))
                .isTrue();
        assertThat(ConvNeXtCheckpointFormats.TORCHVISION.rename().apply(theirs)).contains(ours);
        assertThat(names("convnext_tiny")).contains(ours);
    }

    @ParameterizedTest
    @CsvSource({
        "convnext.embeddings.patch_embeddings.weight, stem.0.weight",
        "convnext.embeddings.layernorm.weight, stem.1.weight",
        "convnext.encoder.stages.1.downsampling_layer.0.weight, stages.1.downsample.0.weight",
        "convnext.encoder.stages.0.layers.1.layer_scale_parameter, stages.0.blocks.1.gamma",
        "convnext.encoder.stages.0.layers.1.dwconv.bias, stages.0.blocks.1.conv_dw.bias",
        "convnext.encoder.stages.0.layers.1.layernorm.bias, stages.0.blocks.1.norm.bias",
        "convnext.encoder.stages.0.layers.1.pwconv2.weight, stages.0.blocks.1.mlp.fc2.weight",
        "convnext.layernorm.weight, head.norm.weight",
        "classifier.weight, head.fc.weight"
    })
    void huggingFacesNamesAreUnderstood(String theirs, String ours) {
        var names = Set.of("convnext.encoder.stages.0.layers.0.dwconv.weight");
        assertThat(ConvNeXtCheckpointFormats.HUGGING_FACE.recognises().test(names))
                .isTrue();
        assertThat(ConvNeXtCheckpointFormats.HUGGING_FACE.rename().apply(theirs))
                .contains(ours);
        assertThat(names("convnext_tiny")).contains(ours);
    }

    @ParameterizedTest
    @CsvSource({
        "stem.weight, stem.0.weight",
        "blocks.17.dwconv.weight, stages.0.blocks.17.conv_dw.weight",
        "blocks.3.pwconv1.bias, stages.0.blocks.3.mlp.fc1.bias",
        "norm.bias, head.norm.bias",
        "head.weight, head.fc.weight"
    })
    void isotropicNamesAreUnderstood(String theirs, String ours) {
        var names = Set.of("stem.weight", "blocks.0.dwconv.weight");
        assertThat(ConvNeXtCheckpointFormats.ISOTROPIC.recognises().test(names)).isTrue();
        assertThat(ConvNeXtCheckpointFormats.ISOTROPIC.rename().apply(theirs)).contains(ours);
        assertThat(names("convnext_isotropic_small")).contains(ours);
    }

    @Test
    void v2HasNoLayerScaleAndItsResponsesInTheOfficialNames() {
        var config = (ConvNeXtConfig) Catalog.get("convnextv2_tiny").config();
        assertThat(config.blocks().layerScale()).isEqualTo(OptionalDouble.empty());
        assertThat(ConvNeXtCheckpointFormats.OFFICIAL.rename().apply("stages.1.0.grn.gamma"))
                .contains("stages.1.blocks.0.mlp.grn.weight");
        assertThat(names("convnextv2_tiny")).contains("stages.1.blocks.0.mlp.grn.weight");
    }

    private static Set<String> names(String variant) {
        try (var model = Catalog.get(variant).create()) {
            return new TreeSet<>(model.parameters().keySet());
        }
    }
}
