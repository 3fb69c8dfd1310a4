package dev.vitrail.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.ExportNames.CodeBase;
import dev.vitrail.models.Model;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.weights.torch.TorchFile;
import dev.vitrail.weights.torch.TorchWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights written with other code bases' names come back through the reader of these names. */
class WeightsExportTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    /** Arguments that make published variants small. */
    private static final Map<String, Map<String, Optional<Object>>> SMALL = Map.of(
            "deit", Map.of("depth", Optional.of(2), "embed_dim", Optional.of(24), "num_heads", Optional.of(3)),
            "convnextv",
                    Map.of("depths", Optional.of(List.of(1, 1, 2, 1)), "dims", Optional.of(List.of(8, 16, 24, 32))),
            "convnext",
                    Map.of("depths", Optional.of(List.of(1, 1, 2, 1)), "dims", Optional.of(List.of(8, 16, 24, 32))));

    private static Variant small(String name) {
        var variant = Catalog.get(name);
        var arguments = SMALL.getOrDefault(name.replaceFirst("\\d?_.*", ""), Map.of());
        return new Variant(name, variant.family(), variant.config().withArguments(new ConstructorArguments(arguments)));
    }

    private static Model model(Variant variant) {
        var model = variant.config().create();
        model.initialise(7, Device.CPU);
        return model;
    }

    @ParameterizedTest
    @CsvSource({
        "vit_mini_patch4_32, TORCHVISION, encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
        "vit_mini_patch4_32, TRANSFORMERS, vit.encoder.layer.0.attention.attention.query.weight",
        "deit_tiny_distilled_patch16_224, TRANSFORMERS, deit.embeddings.distillation_token",
        "deit3_small_patch16_224, ORIGINAL, blocks.0.gamma_1",
        "convnext_tiny, ORIGINAL, downsample_layers.1.0.weight",
        "convnext_tiny, TORCHVISION, features.1.0.block.0.weight",
        "convnext_tiny, TRANSFORMERS, convnext.encoder.stages.0.layers.0.dwconv.weight",
        "swin_mini_32, ORIGINAL, layers.0.downsample.reduction.weight",
        "swin_mini_32, TORCHVISION, features.1.0.attn.qkv.weight",
        "swinv2_mini_32, ORIGINAL, layers.0.downsample.reduction.weight",
        "resnet_mini_32, TORCHVISION, layer1.0.conv1.weight",
        "resnet18, TRANSFORMERS, resnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
        "deit_tiny_patch16_224, TRANSFORMERS, vit.encoder.layer.0.attention.attention.query.weight",
        "convnextv2_atto, ORIGINAL, stages.0.0.grn.gamma",
        "convnextv2_atto, TRANSFORMERS, convnextv2.encoder.stages.0.layers.0.grn.weight",
        "swin_mini_32, TRANSFORMERS, swin.encoder.layers.0.downsample.reduction.weight",
        "swinv2_mini_32, TRANSFORMERS, swinv2.encoder.layers.0.blocks.0.attention.self.query.bias"
    })
    void namesOfOtherCodeBasesAreReadBackAsTheSameWeights(String name, CodeBase names, String theirs) {
        var variant = name.contains("mini") ? Catalog.get(name) : small(name);
        try (var model = model(variant);
                var other = variant.config().create()) {
            var tensors = WeightsExport.of(variant.family(), model, Optional.of(names));
            assertThat(tensors).extracting(StoredTensor::name).contains(theirs);

            var file = folder.resolve("model.pth");
            TorchWriter.write(file, tensors);
            Checkpoint.load(
                    other,
                    variant.family(),
                    TorchFile.read(file),
                    Optional.of(variant.config()),
                    Checkpoint.Classifier.STRICT,
                    Device.CPU);

            assertSameWeights(other, model);
        }
    }

    @Test
    void factorsOfTheOtherCodeBasesHaveTheShapesThatTheyHaveThere() {
        try (var first = model(small("convnext_tiny"));
                var second = model(small("convnextv2_atto"))) {
            assertThat(shape(first, CodeBase.TORCHVISION, "features.1.0.layer_scale"))
                    .containsExactly(8, 1, 1);
            assertThat(shape(first, CodeBase.TRANSFORMERS, "convnext.encoder.stages.0.layers.0.layer_scale_parameter"))
                    .containsExactly(8);
            assertThat(shape(second, CodeBase.ORIGINAL, "stages.0.0.grn.gamma")).containsExactly(1, 1, 1, 32);
            assertThat(shape(second, CodeBase.TRANSFORMERS, "convnextv2.encoder.stages.0.layers.0.pwconv1.weight"))
                    .containsExactly(32, 8);
        }
    }

    private static long[] shape(Model model, CodeBase names, String theirs) {
        return WeightsExport.of(Catalog.get("convnext_tiny").family(), model, Optional.of(names)).stream()
                .filter(tensor -> tensor.name().equals(theirs))
                .findFirst()
                .orElseThrow()
                .shape();
    }

    private static void assertSameWeights(Model found, Model expected) {
        var parameters = expected.parameters();
        assertThat(found.parameters().keySet()).isEqualTo(parameters.keySet());
        found.parameters()
                .forEach((parameter, value) -> assertThat(value.value().toBytes())
                        .as(parameter)
                        .isEqualTo(Objects.requireNonNull(parameters.get(parameter))
                                .value()
                                .toBytes()));
    }

    @Test
    void aParameterWithoutAPlaceInTheOtherCodeBaseIsRefused() {
        var variant = Catalog.get("deit_tiny_distilled_patch16_224");
        var pooled = Catalog.get("vit_mini_patch4_gap_32");
        try (var model = model(pooled)) {
            assertThatThrownBy(() -> WeightsExport.of(pooled.family(), model, Optional.of(CodeBase.TORCHVISION)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("torchvision has no place for the parameter fc_norm");
            assertThatThrownBy(() -> WeightsExport.of(variant.family(), model, Optional.of(CodeBase.TORCHVISION)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessage("no names of torchvision are known for DeiT: choose timm or original or transformers");
        }
    }

    @Test
    void aPyTorchFileHoldsEveryDataTypeAndShape() {
        var bytes = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 48; i++) {
            bytes.put(i, (byte) (i % 2));
        }
        var tensors = Stream.of("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")
                .map(DType::valueOf)
                .map(dtype ->
                        new StoredTensor("a." + dtype, dtype, new long[] {2, 24 / dtype.bytes()}, bytes.duplicate()))
                .toList();
        var file = folder.resolve("all.pth");
        TorchWriter.write(file, tensors);
        var read = TorchFile.read(file);
        assertThat(read.names()).hasSize(tensors.size());
        for (var tensor : tensors) {
            assertThat(read.get(tensor.name()).dtype()).isEqualTo(tensor.dtype());
            assertThat(read.get(tensor.name()).shape()).isEqualTo(tensor.shape());
            assertThat(read.get(tensor.name()).bytes()).isEqualTo(tensor.bytes());
        }
    }
}
