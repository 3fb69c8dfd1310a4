package dev.vitrail.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.SmallModels;
import dev.vitrail.models.Variant;
import dev.vitrail.models.swin.SwinTransformer;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checkpoints by torchvision's names, loaded and compared in their logits. */
class CheckpointFormatsTest {
    @ParameterizedTest
    @CsvSource({
        "swin_mini_32, 32",
        "swinv2_mini_32, 32",
        "vit_mini_patch4_32, 32",
        "convnext_atto, 64",
        "resnet_mini_32, 32"
    })
    void torchvisionsNamesGiveTheSameLogits(String name, int side) {
        var variant = Catalog.get(name);
        try (var original = variant.create();
                var loaded = variant.create();
                var off = Gradients.off()) {
            filled(original);
            var report = Checkpoint.load(
                    loaded, variant.family(), torchvision(original), Checkpoint.Classifier.STRICT, Device.CPU);
            // A ResNet has torchvision's names here.
            if (!name.startsWith("resnet")) {
                assertThat(report.notes()).anyMatch(note -> note.startsWith("names were translated from torchvision"));
            }
            Frame.run(() -> {
                var images = Tensor.randn(2, 3, side, side);
                assertThat(loaded.apply(images).toFloats())
                        .containsExactly(original.apply(images).toFloats());
            });
        }
    }

    @Test
    void aBiasThatCannotBeCutIsListed() {
        var variant = Catalog.get("swinv2_mini_32");
        try (var original = variant.create();
                var loaded = variant.create()) {
            filled(original);
            var tensors = new ArrayList<>(torchvision(original).tensors().values());
            tensors.removeIf(tensor -> tensor.name().equals("features.1.0.attn.qkv.bias"));
            tensors.add(StoredTensor.of("features.1.0.attn.qkv.bias", new float[7], 7));
            var state = new StateDict(tensors, Map.of(), "odd.pth");
            assertThatThrownBy(() ->
                            Checkpoint.load(loaded, variant.family(), state, Checkpoint.Classifier.STRICT, Device.CPU))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining(
                            "2 tensors are missing (layers.0.blocks.0.attn.q_bias, layers.0.blocks.0.attn.v_bias), 1"
                                    + " are unexpected (features.1.0.attn.qkv.bias)");
        }
    }

    @ParameterizedTest
    @CsvSource({"swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256"})
    void torchvisionsSwinIsRecognised(String name) {
        try (var original = Catalog.get(name).create()) {
            filled(original);
            assertThat(MismatchReport.variantOf(torchvision(original)).map(Variant::name))
                    .contains(name);
        }
    }

    /** Our own names, and with them what timm once stored besides. */
    @ParameterizedTest
    @CsvSource({
        "swin_mini_32, layers.0.blocks.1.attn_mask layers.0.blocks.0.attn.relative_position_index",
        "swinv2_mini_32, layers.0.blocks.0.attn.relative_coords_table layers.0.blocks.0.attn.relative_position_index",
        "beit, blocks.0.attn.relative_position_index"
    })
    void masksAndIndicesBesideOurOwnNamesArePassedOver(String name, String derived) {
        var variant = SmallModels.all()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
        try (var original = variant.create();
                var loaded = variant.create()) {
            filled(original);
            var tensors = new ArrayList<>(Checkpoint.of(original).tensors().values());
            for (var index : derived.split(" ")) {
                tensors.add(StoredTensor.of(index, new float[4], 4));
            }
            var state = new StateDict(tensors, Map.of(), "old.pth");
            var report = Checkpoint.load(loaded, variant.family(), state, Checkpoint.Classifier.STRICT, Device.CPU);
            assertThat(report.notes()).isEmpty();
            loaded.parameters().forEach((each, parameter) -> assertThat(
                            parameter.value().toFloats())
                    .as(each)
                    .containsExactly(Parameters.of(original, each).value().toFloats()));
        }
    }

    @Test
    void indicesDoNotMakeACheckpointOfAnotherVariantUnknown() {
        try (var original = Catalog.get("swin_mini_32").create()) {
            filled(original);
            var tensors = new ArrayList<>(Checkpoint.of(original).tensors().values());
            for (int i = 0; i < tensors.size() / 2; i++) {
                tensors.add(StoredTensor.of("layers.%d.attn.relative_position_index".formatted(i), new float[4], 4));
            }
            assertThat(MismatchReport.variantOf(new StateDict(tensors, Map.of(), "old.pth"))
                            .map(Variant::name))
                    .contains("swin_mini_32");
        }
    }

    /** Values that leave nothing at zero, as initial values do. */
    private static void filled(Model model) {
        model.initialise(3, Device.CPU);
        Frame.run(() -> model.parameters().values().stream()
                .filter(parameter -> !parameter.isBuffer())
                .forEach(parameter -> parameter.assign(
                        Tensor.randn(parameter.shape()).times(0.1).plus(0.05))));
    }

    /** A model's parameters by torchvision's names, with the tables that its Swin stores besides. */
    private static StateDict torchvision(Model model) {
        var tensors = new ArrayList<StoredTensor>();
        var stored = Checkpoint.of(model);
        for (var tensor : stored) {
            if (!(model instanceof SwinTransformer)) {
                tensors.add(tensor.named(
                        switch (model.classifiers().get(0)) {
                            case "fc" -> tensor.name();
                            case "head" -> vit(tensor.name());
                            default -> convNeXt(tensor.name());
                        }));
            } else if (tensor.name().endsWith(".q_bias")) {
                var prefix = tensor.name().substring(0, tensor.name().length() - "q_bias".length());
                var values = stored.get(prefix + "v_bias").toFloats();
                tensors.add(joined(torchvision(prefix + "qkv.bias"), tensor.toFloats(), values));
            } else if (!tensor.name().endsWith(".v_bias")) {
                tensors.add(tensor.named(torchvision(tensor.name())));
            }
        }
        if (model instanceof SwinTransformer) {
            tensors.add(StoredTensor.of("features.1.0.attn.relative_position_index", new float[4], 4));
            tensors.add(StoredTensor.of("features.1.0.attn.relative_coords_table", new float[2], 1, 1, 1, 2));
        }
        return new StateDict(tensors, Map.of(), "torchvision.pth");
    }

    /** Queries, keys and values; whatever stands for the keys is read as zero. */
    private static StoredTensor joined(String name, float[] queries, float[] values) {
        int width = queries.length;
        var all = Arrays.copyOf(queries, 3 * width);
        var random = new Random(1);
        for (int i = width; i < 2 * width; i++) {
            all[i] = random.nextFloat();
        }
        System.arraycopy(values, 0, all, 2 * width, width);
        return StoredTensor.of(name, all, all.length);
    }

    private static String vit(String ours) {
        return ours.replace("patch_embed.proj", "conv_proj")
                .replace("cls_token", "class_token")
                .replace("pos_embed", "encoder.pos_embedding")
                .replaceFirst("^norm\\.", "encoder.ln.")
                .replaceFirst("^head\\.", "heads.head.")
                .replaceFirst("^blocks\\.(\\d+)\\.", "encoder.layers.encoder_layer_$1.")
                .replaceFirst("norm([12])", "ln_$1")
                .replace("attn.qkv.", "self_attention.in_proj_")
                .replace("attn.proj", "self_attention.out_proj")
                .replace("mlp.fc1", "mlp.0")
                .replace("mlp.fc2", "mlp.3");
    }

    private static String convNeXt(String ours) {
        var words = ours.split("\\.", 3);
        return switch (words[0]) {
            case "stem" -> "features.0." + words[1] + "." + words[2];
            case "head" -> "classifier." + (words[1].equals("norm") ? 0 : 2) + "." + words[2];
            default -> {
                int stage = Integer.parseInt(words[1]);
                yield words[2].startsWith("downsample.")
                        ? words[2].replaceFirst("downsample", "features." + 2 * stage)
                        : words[2].replaceFirst("blocks\\.(\\d+)\\.", "features." + (2 * stage + 1) + ".$1.block.")
                                .replace("block.conv_dw", "block.0")
                                .replace("block.norm", "block.2")
                                .replace("block.mlp.fc1", "block.3")
                                .replace("block.mlp.fc2", "block.5")
                                .replace("block.gamma", "layer_scale");
            }
        };
    }

    private static String torchvision(String ours) {
        var words = new ArrayList<>(List.of(ours.split("\\.")));
        var first = words.remove(0);
        return switch (first) {
            case "patch_embed" -> "features.0." + (words.get(0).equals("proj") ? 0 : 2) + "." + words.get(1);
            case "head" -> "head." + words.get(1);
            case "norm" -> ours;
            default -> {
                int stage = Integer.parseInt(words.remove(0));
                var kind = words.remove(0);
                var rest = String.join(".", words).replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3");
                yield "features." + (2 * stage + (kind.equals("blocks") ? 1 : 0)) + "." + rest;
            }
        };
    }
}
