package dev.vitrail.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.VitrailException;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Catalog;
import dev.vitrail.models.Model;
import dev.vitrail.models.Variant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checkpoints as torchvision writes them, loaded from the file's names to the logits. */
class DialectsTest {
    @ParameterizedTest
    @CsvSource({"swin_mini_32", "swinv2_mini_32"})
    void torchvisionsSwinGivesTheSameLogits(String name) {
        var variant = Catalog.get(name);
        try (var original = variant.create();
                var loaded = variant.create();
                var off = Gradients.off()) {
            filled(original);
            var report = Checkpoint.load(
                    loaded, variant.family(), torchvision(original), Checkpoint.Classifier.STRICT, Device.CPU);
            assertThat(report.notes()).contains("names were translated from torchvision");
            Frame.run(() -> {
                var images = Tensor.randn(2, 3, 32, 32);
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
                            "2 tensors are missing (layers.0.blocks.0.attn.q_bias, layers.0.blocks.0.attn.v_bias), 1 are"
                                    + " unexpected (features.1.0.attn.qkv.bias)");
        }
    }

    @ParameterizedTest
    @CsvSource({"swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256"})
    void torchvisionsSwinIsRecognised(String name) {
        try (var original = Catalog.get(name).create()) {
            filled(original);
            assertThat(Recognition.variantOf(torchvision(original)).map(Variant::name))
                    .contains(name);
        }
    }

    /** Values that leave nothing at zero, as first values do. */
    private static void filled(Model model) {
        model.initialise(3, Device.CPU);
        Frame.run(() -> model.parameters()
                .values()
                .forEach(parameter -> parameter.assign(
                        Tensor.randn(parameter.shape()).times(0.1).plus(0.05))));
    }

    /** A Swin's parameters by torchvision's names, with the tables that it stores besides. */
    private static StateDict torchvision(Model model) {
        var tensors = new ArrayList<StoredTensor>();
        var stored = Checkpoint.of(model);
        for (var tensor : stored) {
            if (tensor.name().endsWith(".q_bias")) {
                var prefix = tensor.name().substring(0, tensor.name().length() - "q_bias".length());
                var values = stored.get(prefix + "v_bias").toFloats();
                tensors.add(joined(torchvision(prefix + "qkv.bias"), tensor.toFloats(), values));
            } else if (!tensor.name().endsWith(".v_bias")) {
                tensors.add(tensor.named(torchvision(tensor.name())));
            }
        }
        tensors.add(StoredTensor.of("features.1.0.attn.relative_position_index", new float[4], 4));
        tensors.add(StoredTensor.of("features.1.0.attn.relative_coords_table", new float[2], 1, 1, 1, 2));
        return new StateDict(tensors, Map.of(), "swin.pth");
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
