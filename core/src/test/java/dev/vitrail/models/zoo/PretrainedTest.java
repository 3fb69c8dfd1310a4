package dev.vitrail.models.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.FlopCounter;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PretrainedTest {
    @Test
    void knowsWhereWeightsAreAndWhatTheyExpect() {
        var weights =
                Pretrained.find("vit_tiny_patch16_224.augreg_in21k_ft_in1k").orElseThrow();
        assertThat(weights.hubId()).contains("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k");
        assertThat(weights.url().orElseThrow()).endsWith(".npz");
        assertThat(weights.input())
                .isEqualTo(new Pretrained.Input(
                        3, 224, 224, 0.9, "center", "bicubic", List.of(0.5, 0.5, 0.5), List.of(0.5, 0.5, 0.5)));
        assertThat(weights.classes()).isEqualTo(1000);
        assertThat(weights.firstConvolution()).isEqualTo("patch_embed.proj");
        assertThat(weights.classifiers()).containsExactly("head");
        assertThat(weights.licence()).contains("apache-2.0");
        assertThat(weights.gmacs()).hasValue(1.2536832);
        assertThat(weights.accuracy()).contains(new Pretrained.Accuracy(75.452, 92.858, 224, 0.9));
    }

    @Test
    void theFirstTagIsTheDefault() {
        assertThat(Pretrained.find("vit_base_patch16_224").orElseThrow().tag()).isEqualTo("augreg2_in21k_ft_in1k");
        assertThat(Pretrained.of("vit_base_patch16_224"))
                .extracting(Pretrained::tag)
                .hasSizeGreaterThan(5)
                .contains("orig_in21k", "dino", "mae");
    }

    @Test
    void weightsWithoutAHubOrWithTwoClassifiersAreRecordedAsTheyAre() {
        assertThat(Pretrained.find("vit_huge_patch14_gap_224.in1k_ijepa")
                        .orElseThrow()
                        .hubId())
                .isEmpty();
        assertThat(Pretrained.find("deit_tiny_distilled_patch16_224")
                        .orElseThrow()
                        .classifiers())
                .containsExactly("head", "head_dist");
        assertThat(Pretrained.find("vit_base_patch16_clip_quickgelu_224.openai")
                        .orElseThrow()
                        .hubId())
                .contains("timm/vit_base_patch16_clip_224.openai");
    }

    @Test
    void whatIsNotThereIsEmpty() {
        assertThat(Pretrained.find("vit_base_patch16_224.nothing")).isEmpty();
        assertThat(Pretrained.of("vit_mini_patch4_32")).isEmpty();
    }

    @Test
    void everyRecordIsWhole() {
        var names = new HashSet<String>();
        assertThat(Pretrained.all()).hasSize(392).allSatisfy(weights -> {
            assertThat(names.add(weights.name())).isTrue();
            assertThat(weights.hubId().or(weights::url)).isPresent();
            assertThat(weights.input().mean()).hasSize(weights.input().channels());
            assertThat(weights.input().std()).hasSize(weights.input().channels());
            assertThat(weights.input().cropMode()).isIn("center", "squash");
            assertThat(weights.input().interpolation()).isIn("bicubic", "bilinear");
        });
    }

    /** Miniatures are ours, and vit-pytorch says nothing of its images. */
    @Test
    void everyVariantOfAPaperSaysWhatImagesItExpects() {
        assertThat(Catalog.variants())
                .filteredOn(variant -> variant.config().imageHeight() > 48)
                .filteredOn(variant -> !variant.name().startsWith("compact_")
                        && !variant.name().startsWith("simple_vit_"))
                .hasSizeGreaterThan(190)
                .allSatisfy(variant -> {
                    var input = Pretrained.input(variant.name()).orElseThrow();
                    assertThat(input.cropShare()).isBetween(0.8, 1.0);
                    assertThat(input.mean()).hasSize(input.channels());
                });
        assertThat(Pretrained.input("vit_mini_patch4_32")).isEmpty();
    }

    @Test
    void variantsWithoutWeightsExpectTheImagesOfTheirAuthors() {
        var mean = List.of(0.485, 0.456, 0.406);
        var std = List.of(0.229, 0.224, 0.225);
        assertThat(Pretrained.input("t2t_vit_14_384"))
                .contains(new Pretrained.Input(3, 384, 384, 0.9, "center", "bicubic", mean, std));
        assertThat(Pretrained.input("convnextv2_small"))
                .contains(new Pretrained.Input(3, 224, 224, 0.875, "center", "bicubic", mean, std));
        assertThat(Pretrained.input("vit_base_patch16_plus_240").orElseThrow().cropShare())
                .isEqualTo(0.95);
    }

    /** Where there are weights, they say it. */
    @Test
    void imagesAreOfTheVariantsSize() {
        for (var variant : Catalog.variants()) {
            if (Pretrained.of(variant.name()).isEmpty()) {
                Pretrained.input(variant.name()).ifPresent(input -> {
                    assertThat(input.height())
                            .as(variant.name())
                            .isEqualTo(variant.config().imageHeight());
                    assertThat(input.width())
                            .as(variant.name())
                            .isEqualTo(variant.config().imageWidth());
                });
            }
        }
    }

    /** The names in the records are those of our models, so that a loader can replace stems and classifiers by them. */
    @Test
    void recordsNameTheLayersOfOurModels() {
        for (var variant : Catalog.variants()) {
            for (var weights : Pretrained.of(variant.name())) {
                try (var model = weights.configured(variant).create()) {
                    assertThat(model.firstConv()).as(weights.name()).isEqualTo(weights.firstConvolution());
                    assertThat(model.classifiers()).as(weights.name()).isEqualTo(weights.classifiers());
                }
            }
        }
    }

    /** Counted figures are of the model that these weights make, its classifier included. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "vit_base_patch16_224.augreg_in21k",
                "vit_base_patch16_clip_224.openai",
                "vit_base_patch16_224.dino"
            })
    void countsTheWorkOfTheModelItself(String name) {
        try (var model = Catalog.get(name).create();
                var frame = Frame.open()) {
            var image = Tensor.empty(DType.F32, Device.META, 1, 3, 224, 224);
            assertThat(Pretrained.find(name).orElseThrow().multiplyAccumulates())
                    .hasValue(FlopCounter.of(() -> model.apply(image)).multiplyAccumulates());
        }
    }

    @Test
    void aTaggedNameHasTheClassesAndSizeOfItsWeights() {
        var plain = Catalog.get("vit_base_patch16_224").config();
        assertThat(plain.classes()).isEqualTo(1000);
        var tagged = Catalog.get("vit_base_patch16_224.augreg_in21k");
        assertThat(tagged.name()).isEqualTo("vit_base_patch16_224");
        assertThat(tagged.config()).isEqualTo(plain.withClasses(21843));
        assertThat(Catalog.get("vit_base_patch16_224.augreg_in21k_ft_in1k").config())
                .isEqualTo(plain);
    }

    @Test
    void anUnknownTagIsAnsweredWithTheKnownOnes() {
        assertThatThrownBy(() -> Catalog.get("vit_tiny_patch16_224.augreg_in21k_ft_in2k"))
                .isInstanceOf(VitrailException.class)
                .hasMessage("vit_tiny_patch16_224 has no published weights 'augreg_in21k_ft_in2k'; it has"
                        + " augreg_in21k_ft_in1k, augreg_in21k");
        assertThatThrownBy(() -> Catalog.get("vit_mini_patch4_32.in1k"))
                .hasMessage(
                        "vit_mini_patch4_32 has no published weights, so there is no 'in1k' of it: leave the tag out");
    }
}
