package dev.vitrail.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.WeightInit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxExportTest {
    private static final List<Integer> BATCHES = List.of(1, 3, 8);

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    /** Miniatures of all families, and of those that have none, published variants made small. */
    static Stream<Variant> models() {
        return Stream.concat(
                Catalog.variants().stream().filter(variant -> variant.name().contains("_mini_")),
                Stream.of(
                        small(
                                "beit_base_patch16_224",
                                Map.of("depth", 2, "embed_dim", 48, "num_heads", 3, "img_size", 64)),
                        small("mixer_s16_224", Map.of("num_blocks", 2, "embed_dim", 32, "img_size", 64)),
                        small(
                                "deit3_small_patch16_224",
                                Map.of("depth", 2, "embed_dim", 48, "num_heads", 3, "img_size", 64)),
                        small(
                                "deit_tiny_distilled_patch16_224",
                                Map.of("depth", 2, "embed_dim", 48, "num_heads", 3, "img_size", 64)),
                        small(
                                "vit_small_patch14_dinov2",
                                Map.of("depth", 2, "embed_dim", 48, "num_heads", 3, "img_size", 56)),
                        small(
                                "vit_base_patch16_siglip_224",
                                Map.of("depth", 2, "embed_dim", 48, "num_heads", 3, "img_size", 64)),
                        small(
                                "resnetv2_50d_gn",
                                Map.of(
                                        "layers",
                                        List.of(1, 1, 1, 1),
                                        "channels",
                                        List.of(128, 128, 256, 256),
                                        "stem_chs",
                                        64))));
    }

    private static Variant small(String name, Map<String, Object> arguments) {
        var values = new LinkedHashMap<String, Optional<Object>>();
        arguments.forEach((key, value) -> values.put(key, Optional.of(value)));
        var variant = Catalog.get(name);
        return new Variant(name, variant.family(), variant.config().withArguments(new ConstructorArguments(values)));
    }

    private static LoadedModel random(Variant variant) {
        var config = variant.config();
        var model = config.create();
        model.initialise(3, Device.CPU, WeightInit.SCALED); // no classifier of zeros
        model.train(false);
        var preprocessing = Preprocessing.of(config.imageHeight(), 1, Interpolation.BICUBIC, Normalization.IMAGENET);
        return new LoadedModel(variant.name(), variant, model, preprocessing, List.of(), false, List.of());
    }

    private static List<Integer> size(LoadedModel loaded) {
        return List.of(loaded.preprocessing().height(), loaded.preprocessing().width());
    }

    private static ModelProto parsed(Path file) throws IOException {
        return ModelProto.parseFrom(Files.readAllBytes(file));
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyFamilysGraphComputesWhatItsModelDoes(Variant variant) throws IOException {
        try (var loaded = random(variant)) {
            var file = folder.resolve("model.onnx");
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT);
            var checked = OnnxCheck.run(loaded, file, 1, BATCHES, List.of(size(loaded)));
            assertThat(checked.range()).isPositive();
            assertThat(checked.difference()).isLessThanOrEqualTo(OnnxCheck.TOLERANCE * checked.range());
            assertNothingIsUnused(parsed(file));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit_mini_patch4_32", "swin_mini_32", "convnext_mini_32"})
    void linearLayersInEightBitsAreCloseAndSmall(String name) throws IOException {
        try (var loaded = random(Catalog.get(name))) {
            var whole = folder.resolve("whole.onnx");
            var file = folder.resolve("int8.onnx");
            OnnxExport.write(loaded, whole, OnnxExportOptions.DEFAULT);
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT.withInt8(true));
            var checked = OnnxCheck.run(loaded, file, 1, List.of(4), List.of(size(loaded)));

            assertThat(checked.difference() / checked.range()).isBetween(1e-5, 0.1);
            assertThat(Files.size(file)).isLessThan(Files.size(whole) * 4 / 10);
            assertThat(parsed(file).getGraph().getNodeList())
                    .extracting(NodeProto::getOpType)
                    .contains("MatMulInteger", "DynamicQuantizeLinear")
                    .doesNotContain("Gemm");
            assertNothingIsUnused(parsed(file));
        }
    }

    private static void assertNothingIsUnused(ModelProto model) {
        var used = new HashSet<String>();
        model.getGraph().getOutputList().forEach(output -> used.add(output.getName()));
        model.getGraph().getNodeList().forEach(node -> used.addAll(node.getInputList()));
        assertThat(model.getGraph().getNodeList())
                .allMatch(node -> node.getOutputList().stream().anyMatch(used::contains));
        assertThat(model.getGraph().getInitializerList())
                .extracting(TensorProto::getName)
                .allMatch(used::contains);
    }

    @ParameterizedTest
    @ValueSource(strings = {"convnext_mini_32", "resnet_mini_32"})
    void convolutionalModelsTakeImagesOfAnySize(String name) {
        try (var loaded = random(Catalog.get(name))) {
            var file = folder.resolve("model.onnx");
            var written = OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT.withDynamicSize(true));
            var sizes = List.of(size(loaded), written.otherSize().orElseThrow(), List.of(48, 80));
            assertThat(OnnxCheck.run(loaded, file, 1, BATCHES, sizes).passed()).isTrue();
        }
    }

    @Test
    void aModelOfOneSizeIsRefusedForAnySize() {
        try (var loaded = random(Catalog.get("vit_mini_patch4_32"))) {
            var options = OnnxExportOptions.DEFAULT.withDynamicSize(true);
            assertThatThrownBy(() -> OnnxExport.write(loaded, folder.resolve("model.onnx"), options))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("were given to a model of 32×32");
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void theGraphNormalizesLevels() {
        try (var loaded = random(Catalog.get("vit_mini_patch4_32"))) {
            var file = folder.resolve("model.onnx");
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT.withUint8Input(true));
            assertThat(OnnxCheck.run(loaded, file, 1, BATCHES, List.of(size(loaded)))
                            .passed())
                    .isTrue();
        }
    }

    @Test
    void weightsBeyondTheLimitLieInAFileOfTheirOwn() {
        try (var loaded = random(Catalog.get("vit_mini_patch4_32"))) {
            var file = folder.resolve("model.onnx");
            var written = OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT.withLimit(1 << 16));
            assertThat(written.external()).isTrue();
            assertThat(OnnxExport.dataOf(file)).exists();
            assertThat(file.toFile().length()).isLessThan(1 << 17);
            assertThat(OnnxCheck.run(loaded, file, 1, BATCHES, List.of(size(loaded)))
                            .passed())
                    .isTrue();
        }
    }

    @Test
    void normalizationsAndActivationsAreSingleOperatorsAndParametersKeepTheirNames() throws IOException {
        try (var loaded = random(Catalog.get("vit_mini_patch4_32"))) {
            var file = folder.resolve("model.onnx");
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT);
            var graph = parsed(file).getGraph();
            assertThat(graph.getNodeList())
                    .extracting(NodeProto::getOpType)
                    .contains("LayerNormalization", "Gelu")
                    .doesNotContain("Erf", "Identity");
            assertThat(graph.getInitializerList())
                    .extracting(TensorProto::getName)
                    .contains("patch_embed.proj.weight", "blocks.0.norm1.weight", "head.weight");
        }
    }

    @Test
    void metadataNameTheClassesAndThePreprocessing() {
        try (var model = random(Catalog.get("resnet_mini_32"))) {
            var names = IntStream.range(0, model.model().config().classes())
                    .mapToObj(i -> "class \"" + i + "\"")
                    .toList();
            var file = folder.resolve("model.onnx");
            OnnxExport.write(model.withLabels(names), file, OnnxExportOptions.DEFAULT);
            try (var session = OnnxSession.open(file, 1)) {
                assertThat(session.metadata())
                        .containsEntry("architecture", "resnet_mini_32")
                        .hasEntrySatisfying(
                                "labels", labels -> assertThat(labels).startsWith("[\"class \\\"0\\\"\","))
                        .hasEntrySatisfying("preprocessing", text -> assertThat(text)
                                .contains("\"size\":[32,32]", "\"interpolation\":\"bicubic\"", "\"mean\":[0.485,"));
            }
        }
    }

    @Test
    void aModelIsLeftAsItWas() {
        try (var loaded = random(Catalog.get("convnext_mini_32"))) {
            var file = folder.resolve("model.onnx");
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT);
            var first = OnnxCheck.run(loaded, file, 1, List.of(2), List.of(size(loaded)));
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT);
            assertThat(OnnxCheck.run(loaded, file, 1, List.of(2), List.of(size(loaded))))
                    .isEqualTo(first);
        }
    }

    @Test
    void aModelOnOnnxRuntimeGivesTheSameClassScores() {
        try (var loaded = OnnxModel.of(random(Catalog.get("swin_mini_32")), 1)) {
            var compared = OnnxModel.compare(random(Catalog.get("swin_mini_32")), 1, 2);
            assertThat(compared.check().passed()).isTrue();
            assertThat(compared.onnx()).isPositive();
            assertThat(loaded.model().config())
                    .isEqualTo(Catalog.get("swin_mini_32").config());
        }
    }

    @Test
    void thePublishedTinyVitAgreesOnRealWeights() {
        var data = Path.of(System.getenv().getOrDefault("VITRAIL_TEST_DATA", "../../shared/data"));
        var model = data.resolve("vit_tiny_patch16_224.augreg_in21k_ft_in1k");
        assumeTrue(Files.isDirectory(model), "no published weights in " + data);
        try (var loaded = LoadedModel.load(model.toString(), LoadOptions.DEFAULT)) {
            var file = folder.resolve("model.onnx");
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT);
            assertThat(OnnxCheck.run(loaded, file, 2, List.of(1, 3), List.of(size(loaded)))
                            .passed())
                    .isTrue();
        }
    }
}
