package dev.vitrail.loading;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.images.CropMode;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.StoredTensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is guessed of a bare weights file by the names of its tensors. */
class BareFileTest {
    private static BareFile of(String architecture, String tensor) {
        var state = new StateDict(List.of(StoredTensor.of(tensor, new float[] {0}, 1)), Map.of(), "file");
        return BareFile.of("file", architecture, Catalog.get(architecture), state);
    }

    @ParameterizedTest
    @CsvSource({
        "vit_base_patch16_224, conv_proj.weight, 256, BILINEAR",
        "vit_large_patch16_224, conv_proj.weight, 242, BILINEAR",
        "vit_base_patch16_384, conv_proj.weight, 384, BICUBIC",
        "swin_tiny_patch4_window7_224, features.0.0.weight, 232, BICUBIC",
        "swin_small_patch4_window7_224, features.0.0.weight, 246, BICUBIC",
        "swin_base_patch4_window7_224, features.0.0.weight, 238, BICUBIC",
        "convnext_tiny, features.0.0.weight, 236, BILINEAR",
        "convnext_large, features.0.0.weight, 232, BILINEAR"
    })
    void torchvisionsFilesBringTorchvisionsPreparation(
            String architecture, String tensor, int resized, Interpolation interpolation) {
        var guess = of(architecture, tensor);
        var input = guess.preprocessing();
        assertThat(guess.note().orElseThrow()).contains("torchvision", "--mean");
        assertThat(input.normalization()).isEqualTo(Normalization.IMAGENET);
        assertThat((int) Math.floor(input.height() / input.cropPct())).isEqualTo(resized);
        assertThat(input.interpolation()).isEqualTo(interpolation);
        assertThat(input.cropMode()).isEqualTo(CropMode.CENTER);
    }

    @Test
    void timmsNamesAreThoseOfTheFirstPublishedWeights() {
        var guess = of("vit_tiny_patch16_224", "patch_embed.proj.weight");
        assertThat(guess.preprocessing().normalization()).isEqualTo(Normalization.INCEPTION);
        assertThat(guess.note().orElseThrow()).contains("vit_tiny_patch16_224.augreg_in21k_ft_in1k");
    }

    @Test
    void aTagSaysIt() {
        var guess = of("vit_base_patch16_224.dino", "patch_embed.proj.weight");
        assertThat(guess.preprocessing().normalization()).isEqualTo(Normalization.IMAGENET);
        assertThat(guess.note()).isEmpty();
    }

    @Test
    void transformersFilesAreNotCut() {
        var input = of("vit_base_patch16_224", "vit.embeddings.patch_embeddings.projection.weight")
                .preprocessing();
        assertThat(input.cropMode()).isEqualTo(CropMode.SQUASH);
        assertThat(input.interpolation()).isEqualTo(Interpolation.BILINEAR);
    }
}
