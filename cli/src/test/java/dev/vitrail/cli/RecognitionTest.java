package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A checkpoint that does not fit says what it is, for every family, to who loads it and to who runs a command. */
final class RecognitionTest {
    @TempDir
    private Path folder = Path.of("");

    private void assertRefused(Path file, String architecture, String... words) {
        assertThatThrownBy(() -> load(file, architecture))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll(words);
        var err = new StringWriter();
        int status = Main.commandLine()
                .setErr(new PrintWriter(err, true))
                .execute("predict", "--model", file.toString(), "--arch", architecture, "pom.xml");
        assertThat(status).isEqualTo(2);
        assertThat(err.toString().lines()).singleElement().asString().contains(words);
    }

    @ParameterizedTest
    @CsvSource({
        "resnet_mini_32, ResNet",
        "resnetv2_50x1_bit, ResNetV2",
        "vit_mini_patch4_32, ViT",
        "vit_tiny_r_s16_p8_224, ViT hybrid",
        "deit_tiny_distilled_patch16_224, DeiT",
        "t2t_mini_32, T2T-ViT",
        "swin_mini_32, Swin",
        "swinv2_mini_32, Swin V2",
        "cait_mini_32, CaiT",
        "mixer_s32_224, MLP-Mixer",
        "beit_base_patch16_224, BEiT",
        "convnext_mini_32, ConvNeXt",
        "compact_vit_mini_32, compact ViT",
        "simple_vit_mini_32, SimpleViT",
        "compact_t2t_mini_32, compact T2T-ViT",
        "compact_cait_mini_32, compact CaiT"
    })
    void ofAnotherFamilyItNamesFamilyAndVariant(String name, String family) {
        try (var model = Catalog.get(name).create()) {
            var file = SparseCheckpoint.write(folder.resolve("weights.safetensors"), model);
            var other = name.startsWith("resnet_") ? "vit_mini_patch4_32" : "resnet_mini_32";
            assertRefused(file, other, "it looks like %s of the family %s:".formatted(name, family));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "resnet18, resnet34",
        "resnetv2_50x1_bit, resnetv2_50x3_bit",
        "vit_mini_patch4_32, vit_tiny_patch16_224",
        "deit_tiny_distilled_patch16_224, deit_small_distilled_patch16_224",
        "t2t_mini_32, t2t_vit_7",
        "swin_mini_32, swin_tiny_patch4_window7_224",
        "swinv2_mini_32, swinv2_tiny_window8_256",
        "cait_mini_32, cait_xxs24_224",
        "mixer_s32_224, mixer_b16_224",
        "beit_base_patch16_224, beit_large_patch16_224",
        "convnext_mini_32, convnext_tiny",
        "compact_vit_mini_32, compact_vit_tiny_patch16_224",
        "simple_vit_mini_32, simple_vit_patch32_256",
        "compact_t2t_mini_32, compact_t2t_vit_224",
        "compact_cait_mini_32, compact_cait_patch32_256"
    })
    void ofAnotherSizeItNamesTheVariant(String name, String asked) {
        try (var model = Catalog.get(name).create()) {
            var file = SparseCheckpoint.write(folder.resolve("weights.safetensors"), model);
            assertRefused(file, asked, "it looks like " + name + ", another size of the family ");
        }
    }

    @Test
    void ofASizeThatNobodyPublishedItNamesTheFamily() {
        var config = ViTConfig.of(32, 4, 40, 3, 5);
        try (var model = config.create()) {
            var file = SparseCheckpoint.write(folder.resolve("weights.safetensors"), model);
            assertRefused(file, "swin_mini_32", "it looks like a model of the family ViT, of a size that");
        }
    }

    private static LoadedModel load(Path file, String architecture) {
        return LoadedModel.load(file.toString(), LoadOptions.DEFAULT.withArchitecture(Optional.of(architecture)));
    }

    @Test
    void averagesThatAreNotThereAreRefused() {
        try (var model = Catalog.get("vit_mini_patch4_32").create()) {
            var file = SparseCheckpoint.write(folder.resolve("weights.safetensors"), model);
            var err = new StringWriter();
            int status = Main.commandLine()
                    .setErr(new PrintWriter(err, true))
                    .execute("predict", "--model", file.toString(), "--arch", "vit_mini_patch4_32", "--ema", "pom.xml");
            assertThat(status).isEqualTo(2);
            assertThat(err.toString().lines())
                    .singleElement()
                    .asString()
                    .contains("holds no averaged weights", "leave out --ema");
        }
    }

    @Test
    void aBareFilesOwnClassesAreTaken() {
        var config = Catalog.get("vit_mini_patch4_32").config().withClasses(7);
        try (var model = config.create()) {
            var file = SparseCheckpoint.write(folder.resolve("weights.safetensors"), model);
            try (var loaded = load(file, "vit_mini_patch4_32")) {
                assertThat(loaded.model().config().classes()).isEqualTo(7);
            }
        }
    }

    /** A folder that says one number and a file that has another belong to different models. */
    @Test
    void aFolderThatCountsOtherClassesIsRefusedByBothNumbers() throws IOException {
        var config = Catalog.get("vit_mini_patch4_32").config().withClasses(7);
        try (var model = config.create()) {
            SparseCheckpoint.write(folder.resolve("model.safetensors"), model);
            Files.writeString(
                    folder.resolve("config.json"), "{\"architecture\": \"vit_mini_patch4_32\", \"num_classes\": 12}");
            assertThatThrownBy(() -> LoadedModel.load(folder.toString(), LoadOptions.DEFAULT))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContainingAll("says 12 classes", "has 7", "num_classes");
        }
    }

    @Test
    void withoutAClassifierPredictSaysWhatWorks() {
        var config = Catalog.get("vit_mini_patch4_32").config().withClasses(0);
        try (var model = config.create()) {
            var file = SparseCheckpoint.write(folder.resolve("weights.safetensors"), model);
            var err = new StringWriter();
            int status = Main.commandLine()
                    .setErr(new PrintWriter(err, true))
                    .execute("predict", "--model", file.toString(), "--arch", "vit_mini_patch4_32", "pom.xml");
            assertThat(status).isEqualTo(2);
            assertThat(err.toString()).contains("has no classifier", "embed", "probe", "train");
        }
    }
}
