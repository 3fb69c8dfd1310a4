package dev.vitrail.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.Vitrail;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.WeightInit;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.StoredTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Checkpoints as people have them: behind a wrapper's prefix, with a head of their own or none, of their own
 * classes, or damaged.
 */
class WildCheckpointsTest {
    private static final String VIT = "vit_mini_patch4_32";

    @TempDir
    Path folder = Path.of("");

    /** The weights of a variant with some classes, always the same. */
    private static List<StoredTensor> weights(String variant, int classes) {
        var found = Catalog.get(variant);
        try (var model = found.config().withClasses(classes).create()) {
            model.initialise(3, Device.CPU, WeightInit.ORIGINAL);
            return new ArrayList<>(Checkpoint.of(model).tensors().values());
        }
    }

    private Path write(List<StoredTensor> tensors) {
        var file = folder.resolve("weights.safetensors");
        Safetensors.write(file, tensors);
        return file;
    }

    private static List<StoredTensor> renamed(List<StoredTensor> tensors, UnaryOperator<String> rename) {
        return new ArrayList<>(tensors.stream()
                .map(tensor -> tensor.named(rename.apply(tensor.name())))
                .toList());
    }

    private static LoadedModel load(Path file, String variant) {
        return LoadedModel.load(file.toString(), LoadOptions.DEFAULT.withArchitecture(Optional.of(variant)));
    }

    private static float[] results(LoadedModel loaded, boolean logits) {
        return Frame.compute(() -> {
            try (var off = Gradients.off()) {
                var input = loaded.preprocessing();
                var values = new float[input.values()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) Math.sin(i);
                }
                var batch = Tensor.of(values, 1, input.channels(), input.height(), input.width());
                return (logits ? loaded.model().apply(batch) : loaded.model().embed(batch)).toFloats();
            }
        });
    }

    private float[] expected(String variant, int classes, boolean logits) {
        try (var plain = load(write(weights(variant, classes)), variant)) {
            return results(plain, logits);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "module.",
                "_orig_mod.",
                "model.",
                "net.",
                "encoder.",
                "backbone.",
                "student.",
                "module._orig_mod.",
                "_orig_mod.module.",
                "model._orig_mod.backbone.",
                "my_own.word.",
                "trainer.model.module.net."
            })
    void aPrefixIsTakenOffAndTold(String prefix) {
        var expected = expected(VIT, 4, true);
        try (var loaded = load(write(renamed(weights(VIT, 4), name -> prefix + name)), VIT)) {
            assertThat(results(loaded, true)).containsExactly(expected);
            assertThat(String.join("; ", loaded.notes())).contains("was taken off");
        }
    }

    @Test
    void marksOfACompilerGoWhereverTheyStand() {
        var expected = expected(VIT, 4, true);
        var tensors =
                renamed(weights(VIT, 4), name -> name.replaceFirst("^blocks\\.(\\d+)\\.", "blocks.$1._orig_mod."));
        try (var loaded = load(write(tensors), VIT)) {
            assertThat(results(loaded, true)).containsExactly(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"resnet_mini_32", "swin_mini_32", "convnext_mini_32", "cait_mini_32", "compact_vit_mini_32"})
    void everyFamilyIsFoundBehindAPrefix(String variant) {
        var expected = expected(variant, 4, true);
        try (var loaded = load(write(renamed(weights(variant, 4), name -> "model.net." + name)), variant)) {
            assertThat(results(loaded, true)).containsExactly(expected);
        }
    }

    /** Lightning modules have a loss and metrics beside the model; a head may stand beside the backbone. */
    @Test
    void whatStandsBesideAPrefixIsLeftOutOrTheClassifier() {
        var expected = expected(VIT, 4, true);
        var tensors = renamed(
                weights(VIT, 4),
                name -> name.startsWith("head.") ? "model.classifier." + name.substring(5) : "model.backbone." + name);
        tensors.add(StoredTensor.of("loss.weight", new float[] {1, 2, 3, 4}, 4));
        try (var loaded = load(write(tensors), VIT)) {
            assertThat(results(loaded, true)).containsExactly(expected);
            assertThat(String.join("; ", loaded.notes())).contains("model.backbone.", "classifier", "left out: loss");
        }
    }

    @Test
    void ofTwoCopiesTheOneThatIsNoStudentIsTaken() {
        var tensors = renamed(weights(VIT, 4), name -> "teacher." + name);
        tensors.addAll(renamed(weights(VIT, 4), name -> "student." + name));
        try (var loaded = load(write(tensors), VIT)) {
            assertThat(String.join("; ", loaded.notes())).contains("teacher.");
        }
        var twins = renamed(weights(VIT, 4), name -> "left." + name);
        twins.addAll(renamed(weights(VIT, 4), name -> "right." + name));
        var file = write(twins);
        assertThatThrownBy(() -> load(file, VIT))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll("several models", "left.", "right.");
    }

    @Test
    void aPrefixOfAnotherModelIsNamedInTheRefusal() {
        var file = write(renamed(weights("resnet_mini_32", 4), name -> "model." + name));
        assertThatThrownBy(() -> load(file, VIT))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll("all its names begin with model.", "it looks like resnet_mini_32");
    }

    @ParameterizedTest
    @CsvSource({VIT + ", 7", "swin_mini_32, 3", "convnext_mini_32, 21", "resnet_mini_32, 5", "simple_vit_mini_32, 2"})
    void aFileBringsItsOwnNumberOfClasses(String variant, int classes) {
        try (var loaded = load(write(weights(variant, classes)), variant)) {
            assertThat(loaded.model().config().classes()).isEqualTo(classes);
            assertThat(loaded.notes()).anyMatch(note -> note.contains("has " + classes + " classes"));
            assertThatThrownBy(() -> loaded.withLabels(List.of("a", "b", "c", "d")))
                    .hasMessageContainingAll("4 class names", classes + " classes");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {VIT, "swin_mini_32", "convnext_mini_32", "resnet_mini_32", "cait_mini_32"})
    void withoutItsHeadABackboneGivesVectorsAndLearns(String variant) {
        var expected = expected(variant, 4, false);
        var tensors = weights(variant, 4);
        tensors.removeIf(tensor -> tensor.name().matches("(head|head\\.fc|fc)\\.(weight|bias)"));
        var file = write(tensors);
        try (var loaded = load(file, variant)) {
            assertThat(results(loaded, false)).containsExactly(expected);
            assertThatThrownBy(loaded::requireClassifier).hasMessageContainingAll("embed", "probe", "train");
        }
        var options = LoadOptions.DEFAULT.withArchitecture(Optional.of(variant)).withLabels(List.of("a", "b", "c"));
        try (var loaded = LoadedModel.load(file.toString(), options)) {
            assertThat(loaded.model().config().classes()).isEqualTo(3);
            assertThat(loaded.notes()).contains("the classifier starts afresh with 3 classes");
        }
    }

    @ParameterizedTest
    @CsvSource({
        VIT + ", head., heads.",
        VIT + ", head., heads.0.",
        VIT + ", head., fc.",
        VIT + ", head., head.1.",
        VIT + ", head., classifier.",
        "swin_mini_32, head.fc., head.0.",
        "swin_mini_32, head.fc., classifier.",
        "convnext_mini_32, head.fc., classifier.3.",
        "resnet_mini_32, fc., fc.1."
    })
    void aClassifierGoesByManyNames(String variant, String ours, String theirs) {
        var expected = expected(variant, 4, true);
        var tensors = renamed(
                weights(variant, 4), name -> name.startsWith(ours) ? theirs + name.substring(ours.length()) : name);
        try (var loaded = load(write(tensors), variant)) {
            assertThat(results(loaded, true)).containsExactly(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"heads.", "my_output.", "head.layers.2.", "projector."})
    void trainingOnOtherClassesStartsWhateverTheHeadWasCalled(String theirs) {
        var tensors = renamed(weights(VIT, 4), name -> name.startsWith("head.") ? theirs + name.substring(5) : name);
        int width = (int) tensors.stream()
                .filter(tensor -> tensor.name().equals("cls_token"))
                .findFirst()
                .orElseThrow()
                .shape()[2];
        tensors.add(StoredTensor.of(theirs + "before.weight", new float[width * width], width, width));
        var options = LoadOptions.DEFAULT.withArchitecture(Optional.of(VIT)).withLabels(List.of("a", "b", "c"));
        try (var loaded = LoadedModel.load(write(tensors).toString(), options)) {
            assertThat(loaded.model().config().classes()).isEqualTo(3);
            assertThat(String.join("; ", loaded.notes())).contains("afresh", "left out");
        }
    }

    @Test
    void aMaskedAutoencodersDecoderIsLeftOut() {
        var tensors = weights(VIT, 4);
        tensors.removeIf(tensor -> tensor.name().startsWith("head."));
        tensors.add(StoredTensor.of("decoder_embed.weight", new float[6], 2, 3));
        tensors.add(StoredTensor.of("mask_token", new float[3], 1, 1, 3));
        try (var loaded = load(write(tensors), VIT)) {
            assertThat(String.join("; ", loaded.notes())).contains("left out", "decoder_embed", "no classifier");
        }
    }

    @Test
    void ofTheNamedModelTheRefusalSaysWhatDiffers() {
        var tensors = renamed(weights(VIT, 4), name -> name.startsWith("norm.") ? "fc_" + name : name);
        var file = write(tensors);
        assertThatThrownBy(() -> load(file, VIT))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll("fc_norm", "it lacks norm", "model_args")
                .hasMessageNotContaining("looks like");
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void whatIsNotFiniteIsNamedAndCounted(float bad) {
        var tensors = weights(VIT, 4);
        tensors.replaceAll(tensor -> {
            if (!tensor.name().equals("blocks.1.mlp.fc1.weight")) {
                return tensor;
            }
            var values = tensor.toFloats();
            values[5] = bad;
            values[values.length - 1] = bad;
            return StoredTensor.of(tensor.name(), values, tensor.shape());
        });
        var file = write(tensors);
        assertThatThrownBy(() -> load(file, VIT))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll("not finite", "2 of the ", "blocks.1.mlp.fc1.weight");
    }

    @Test
    void resultsThatAreNotFiniteAreNone() {
        var tensors = weights(VIT, 4);
        tensors.replaceAll(tensor -> {
            if (!tensor.name().equals("head.weight")) {
                return tensor;
            }
            var values = tensor.toFloats();
            java.util.Arrays.fill(values, Float.MAX_VALUE);
            return StoredTensor.of(tensor.name(), values, tensor.shape());
        });
        try (var vitrail = new Vitrail(load(write(tensors), VIT))) {
            var image = new dev.vitrail.images.RgbImage(32, 32, new byte[32 * 32 * 3]);
            assertThatThrownBy(() -> vitrail.classify(image, 1))
                    .isInstanceOf(NotFiniteException.class)
                    .hasMessageContaining("1 of 1 images");
        }
    }
}
