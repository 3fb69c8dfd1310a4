package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.zoo.Catalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelFolderTest {
    private static final String NESTED =
            """
            {
              "architecture": "vit_tiny_patch16_224",
              "num_classes": 2,
              "num_features": 192,
              "global_pool": "token",
              "model_args": {"img_size": 32, "class_token": true, "norm": null},
              "pretrained_cfg": {
                "tag": "mine",
                "custom_load": false,
                "input_size": [3, 224, 224],
                "fixed_input_size": true,
                "interpolation": "bicubic",
                "crop_pct": 0.9,
                "crop_mode": "center",
                "mean": [0.5, 0.5, 0.5],
                "std": [0.5, 0.5, 0.5],
                "num_classes": 1000,
                "pool_size": null,
                "first_conv": "patch_embed.proj",
                "classifier": ["head", "head_dist"],
                "license": "apache-2.0",
                "origin_url": "somewhere"
              },
              "label_names": ["ant", "bee"],
              "label_descriptions": {"ant": "an insect", "bee": "another"},
              "our_own": {"deep": [1, 2.5, {"x": null}]}
            }
            """;

    @TempDir
    Path folder = Path.of("");

    @Test
    void readsTimmsLayout() throws IOException {
        var config = config(NESTED);
        assertThat(config.architecture()).isEqualTo("vit_tiny_patch16_224");
        assertThat(config.numClasses()).isEqualTo(OptionalInt.of(2));
        assertThat(config.numFeatures()).isEqualTo(OptionalInt.of(192));
        assertThat(config.globalPool()).contains("token");
        assertThat(config.modelArgs()).containsEntry("img_size", "32").containsEntry("norm", "null");
        assertThat(config.labelNames()).containsExactly("ant", "bee");
        assertThat(config.labelDescriptions()).containsEntry("bee", "another");
        assertThat(config.others()).containsOnlyKeys("our_own");
        var pretrained = config.pretrained();
        assertThat(pretrained.tag()).contains("mine");
        assertThat(pretrained.inputSize()).containsExactly(3, 224, 224);
        assertThat(pretrained.fixedInputSize()).contains(true);
        assertThat(pretrained.cropPct()).isEqualTo(OptionalDouble.of(0.9));
        assertThat(pretrained.mean()).containsExactly(0.5, 0.5, 0.5);
        assertThat(pretrained.numClasses()).isEqualTo(OptionalInt.of(1000));
        assertThat(pretrained.poolSize()).isEmpty();
        assertThat(pretrained.firstConv()).containsExactly("patch_embed.proj");
        assertThat(pretrained.classifier()).containsExactly("head", "head_dist");
        assertThat(pretrained.license()).contains("apache-2.0");
        assertThat(pretrained.others()).containsOnlyKeys("custom_load", "pool_size", "origin_url");
    }

    @Test
    void writesBackAllThatWasThere() throws IOException {
        var config = config(NESTED);
        var copy = folder.resolve("copy.json");
        config.write(copy);
        assertThat(JsonFile.read(copy)).isEqualTo(JsonFile.read(folder.resolve("config.json")));
        assertThat(FolderConfig.read(copy)).isEqualTo(config);
    }

    @Test
    void readsTheOlderFlatLayout() throws IOException {
        var config = config(
                """
                {"architecture": "resnet50", "num_classes": 10, "num_features": 2048, "input_size": [3, 224, 224],
                 "crop_pct": 0.875, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
                 "interpolation": "bilinear", "first_conv": "conv1", "classifier": "fc", "labels": ["a", "b"], "x": 1}
                """);
        assertThat(config.numClasses()).isEqualTo(OptionalInt.of(10));
        assertThat(config.pretrained().interpolation()).contains("bilinear");
        assertThat(config.pretrained().classifier()).containsExactly("fc");
        assertThat(config.labelNames()).containsExactly("a", "b");
        assertThat(config.others()).containsExactly(Map.entry("x", "1"));
        config.write(folder.resolve("nested.json"));
        assertThat(FolderConfig.read(folder.resolve("nested.json")).architecture())
                .isEqualTo("resnet50");
        assertThat(FolderConfig.read(folder.resolve("nested.json")).others()).isEqualTo(config.others());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '~',
            value = {
                "{} ; names no architecture",
                "{\"architecture\": 5} ; expected a text",
                "{\"architecture\": \" \"} ; blank",
                "{\"architecture\": \"a\", \"num_classes\": \"ten\"} ; expected an integer",
                "{\"architecture\": \"a\", \"num_classes\": 99999999999} ; expected an integer",
                "{\"architecture\": \"a\", \"input_size\": [3, 224]} ; height and width",
                "{\"architecture\": \"a\", \"input_size\": [3, 224, 1.5]} ; list of integers",
                "{\"architecture\": \"a\", \"mean\": [\"x\"]} ; list of numbers",
                "{\"architecture\": \"a\", \"std\": [0, 0, 0]} ; above 0",
                "{\"architecture\": \"a\", \"crop_pct\": 0} ; crop_pct",
                "{\"architecture\": \"a\", \"pretrained_cfg\": []} ; expected an object",
                "{\"architecture\": \"a\", \"architecture\": \"b\"} ; Duplicate",
                "{\"architecture\": \"a\"} x ; JSON",
                "{\"architecture ; JSON",
            })
    void refusesWhatMakesNoSense(String json, String part) {
        assertRefused(() -> config(json), part.strip());
    }

    @Test
    void changesTheArchitecturesOwnConfiguration() throws IOException {
        var own = Catalog.get("vit_tiny_patch16_224").config();
        assertThat(configured("{}")).isEqualTo(own);
        assertThat(configured("{\"img_size\": 32, \"num_classes\": null}")).isEqualTo(own.withImage(32, 32));
        assertThat(configured(
                        "{\"img_size\": [32, 64], \"num_classes\": 5, \"in_chans\": 1, \"global_pool\": \"map\"}"))
                .isEqualTo(own.withImage(32, 64).withClasses(5).withChannels(1).withPool("map"));
        assertThat(config("{\"architecture\": \"x\", \"num_classes\": 2, \"global_pool\": \"avg\","
                                + " \"input_size\": [1, 32, 64]}")
                        .configured(own))
                .isEqualTo(own.withImage(32, 64).withClasses(2).withChannels(1).withPool("avg"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '~',
            value = {
                "{\"block_fn\": \"ParallelScalingBlock\", \"img_size\": 32} ; asks for block_fn",
                "{\"img_size\": [1, 2, 3]} ; found [1, 2, 3]",
                "{\"img_size\": 0} ; found [0]",
                "{\"img_size\": \"32\"} ; expected a list of integers",
                "{\"num_classes\": \"ten\"} ; expected an integer",
                "{\"global_pool\": \"fast\"} ; the pool 'fast' (global_pool) is none of this architecture: take token"
                        + " or avg or",
                "{\"global_pool\": 1} ; expected a text",
            })
    void refusesArgumentsThatItCannotFollow(String arguments, String part) {
        assertRefused(() -> configured(arguments), part.strip());
    }

    @Test
    void aFamilyOfOnePoolHasNoOther() {
        var swin = Catalog.get("swin_mini_32").config();
        assertThat(swin.withPool("avg")).isEqualTo(swin);
        assertRefused(() -> swin.withPool("max"), "take avg");
    }

    private ModelConfig configured(String arguments) throws IOException {
        return config("{\"architecture\": \"x\", \"model_args\": %s}".formatted(arguments))
                .configured(Catalog.get("vit_tiny_patch16_224").config());
    }

    @Test
    void writesAFolderThatReadsBack() {
        var path = folder.resolve("model");
        assertThat(ModelFolder.looksLike(path)).isFalse();
        assertRefused(() -> ModelFolder.read(path), "no model folder");
        var config = FolderConfig.of("vit_tiny_patch16_224", 2, PretrainedConfig.empty())
                .withLabels(List.of("ant", "bee"));
        ModelFolder.write(path, config, List.of(StoredTensor.of("w", new float[] {1, 2}, 2)));
        var back = ModelFolder.read(path);
        assertThat(back.config()).isEqualTo(config);
        assertThat(back.weights().get("w").toFloats()).containsExactly(1, 2);
        assertThat(back.weights().metadata()).containsEntry("format", "pt");
    }

    private FolderConfig config(String json) throws IOException {
        return FolderConfig.read(Files.writeString(folder.resolve("config.json"), json));
    }
}
