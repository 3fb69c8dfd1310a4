package dev.vitrail.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.Model;
import dev.vitrail.models.Variant;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints by CLIP's and by jeonsworld's names, loaded and compared in their outputs. */
class VitNamesTest {
    private static final Variant MINI = Catalog.get("vit_mini_patch4_32");
    private static final Variant CLIP = new Variant(
            MINI.name(),
            MINI.family(),
            ((ViTConfig) MINI.config())
                    .withNorms(n -> n.withPre(true))
                    .withEncoder(e -> e.withNormEps(1e-5).withActivation(Activation.QUICK_GELU))
                    .withClasses(7));

    /** Loads what {@code names} makes of a model and compares; the report's notes. */
    private static List<String> sameOutputs(Variant variant, Function<Model, StateDict> names) {
        try (var original = variant.create();
                var loaded = variant.create();
                var off = Gradients.off()) {
            original.initialise(3, Device.CPU);
            Frame.run(() -> original.parameters()
                    .forEach((name, parameter) -> parameter.assign(
                            name.equals("head.bias") && variant == CLIP
                                    ? Tensor.zeros(parameter.shape())
                                    : Tensor.randn(parameter.shape()).times(0.1).plus(0.05))));
            var report = Checkpoint.load(
                    loaded, variant.family(), names.apply(original), Checkpoint.Classifier.STRICT, Device.CPU);
            Frame.run(() -> {
                var images = Tensor.randn(2, 3, 32, 32);
                assertThat(loaded.apply(images).toFloats())
                        .containsExactly(original.apply(images).toFloats());
            });
            return report.notes();
        }
    }

    private static StateDict clip(Model model, String prefix, boolean beside) {
        var tensors = new ArrayList<StoredTensor>();
        for (var tensor : Checkpoint.of(model)) {
            var shape = tensor.shape();
            var values = tensor.toFloats();
            switch (tensor.name()) {
                case "head.bias" -> {}
                case "head.weight" -> {
                    var transposed = new float[values.length];
                    for (int i = 0; i < values.length; i++) {
                        transposed[(int) (i % shape[1] * shape[0] + i / shape[1])] = values[i];
                    }
                    tensors.add(StoredTensor.of(prefix + "proj", transposed, shape[1], shape[0]));
                }
                case "cls_token" -> tensors.add(StoredTensor.of(prefix + "class_embedding", values, shape[2]));
                case "pos_embed" ->
                    tensors.add(StoredTensor.of(prefix + "positional_embedding", values, shape[1], shape[2]));
                default ->
                    tensors.add(tensor.named(prefix
                            + tensor.name()
                                    .replace("patch_embed.proj", "conv1")
                                    .replace("norm_pre", "ln_pre")
                                    .replaceFirst("^norm\\.", "ln_post.")
                                    .replace("blocks.", "transformer.resblocks.")
                                    .replace(".norm1", ".ln_1")
                                    .replace(".norm2", ".ln_2")
                                    .replace("attn.qkv.", "attn.in_proj_")
                                    .replace("attn.proj", "attn.out_proj")
                                    .replace("mlp.fc1", "mlp.c_fc")
                                    .replace("mlp.fc2", "mlp.c_proj")));
            }
        }
        if (beside) {
            tensors.add(StoredTensor.of("logit_scale", new float[1]));
            tensors.add(StoredTensor.of("positional_embedding", new float[20], 4, 5));
            tensors.add(StoredTensor.of("transformer.resblocks.0.attn.in_proj_weight", new float[75], 15, 5));
            tensors.add(StoredTensor.of("token_embedding.weight", new float[15], 3, 5));
        }
        return new StateDict(tensors, Map.of(), "clip.pt");
    }

    @ParameterizedTest
    @ValueSource(strings = {"visual.", "module.visual.", ""})
    void clipsImageTowerGivesTheSameOutputs(String prefix) {
        var notes = sameOutputs(CLIP, model -> clip(model, prefix, !prefix.isEmpty()));
        assertThat(notes)
                .contains("names were translated from CLIP")
                .contains("the classifier is CLIP's projection: its 7 outputs are no classes but a vector to compare"
                        + " with texts'");
        if (!prefix.isEmpty()) {
            assertThat(notes)
                    .contains("the image tower was loaded; 4 tensors beside it, as of a text tower, were left out");
        }
    }

    @Test
    void clipsPositionsAreFittedToAnotherGrid() {
        var config = ((ViTConfig) CLIP.config()).withImage(ImageInput.square(16));
        try (var original = CLIP.create();
                var smaller = config.create()) {
            original.initialise(1, Device.CPU);
            var report = Checkpoint.load(
                    smaller, CLIP.family(), clip(original, "visual.", true), Checkpoint.Classifier.STRICT, Device.CPU);
            assertThat(report.notes()).anyMatch(note -> note.contains("pos_embed"));
        }
    }

    private static StateDict jeonsworld(Model model) {
        var tensors = new ArrayList<StoredTensor>();
        for (var tensor : Checkpoint.of(model)) {
            var name = tensor.name()
                    .replace("patch_embed.proj", "transformer.embeddings.patch_embeddings")
                    .replace("cls_token", "transformer.embeddings.cls_token")
                    .replace("pos_embed", "transformer.embeddings.position_embeddings")
                    .replaceFirst("^norm\\.", "transformer.encoder.encoder_norm.")
                    .replace("blocks.", "transformer.encoder.layer.")
                    .replace(".norm1", ".attention_norm")
                    .replace(".norm2", ".ffn_norm")
                    .replace("attn.proj", "attn.out")
                    .replace("mlp.", "ffn.");
            if (!name.contains("attn.qkv")) {
                tensors.add(tensor.named(name));
                continue;
            }
            var values = tensor.toFloats();
            var shape = tensor.shape();
            shape[0] /= 3;
            var parts = List.of("value", "query", "key"); // in another order than they are joined in
            for (var part : parts) {
                int index = List.of("query", "key", "value").indexOf(part);
                int length = values.length / 3;
                tensors.add(StoredTensor.of(
                        name.replace("qkv", part),
                        Arrays.copyOfRange(values, index * length, (index + 1) * length),
                        shape));
            }
        }
        return new StateDict(tensors, Map.of(), "vit.bin");
    }

    @Test
    void jeonsworldsNamesGiveTheSameOutputs() {
        assertThat(sameOutputs(MINI, VitNamesTest::jeonsworld))
                .contains("names were translated from ViT-pytorch (jeonsworld)");
    }

    @Test
    void whatCannotBeJoinedIsListed() {
        try (var original = MINI.create();
                var loaded = MINI.create()) {
            original.initialise(1, Device.CPU);
            var state = jeonsworld(original).without(name -> name.equals("transformer.encoder.layer.1.attn.key.bias"));
            assertThatThrownBy(() ->
                            Checkpoint.load(loaded, MINI.family(), state, Checkpoint.Classifier.STRICT, Device.CPU))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("1 tensors are missing (blocks.1.attn.qkv.bias)")
                    .hasMessageContaining("transformer.encoder.layer.1.attn.query.bias");
        }
    }
}
