package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.Variant;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Parameters;
import dev.vitrail.weights.torch.Pickle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which tensors of a checkpoint get into a model, and which are refused. */
class CheckpointTest {
    private static final Variant MINI = Catalog.get("vit_mini_patch4_32");

    @TempDir
    Path folder = Path.of("");

    private static LoadedModel load(Path file, boolean ema) {
        return LoadedModel.load(
                file.toString(),
                LoadOptions.DEFAULT.withArchitecture(Optional.of(MINI.name())).withEma(ema));
    }

    private static float firstBias(LoadedModel loaded) {
        return Parameters.of(loaded.model(), "norm.bias").value().toFloats()[0];
    }

    /** A PyTorch file of the miniature under these names; all numbers of the first nest are 1, of the second 2. */
    private Path nested(String... nests) throws IOException {
        var pickle = Pickle.start().ascii("}(");
        int most = 1 << 16;
        var storage = ByteBuffer.allocate(2 * most * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 2 * most; i++) {
            storage.putFloat(i < most ? 1 : 2);
        }
        try (var model = MINI.create()) {
            for (int i = 0; i < nests.length; i++) {
                pickle.text(nests[i]).ascii("}(");
                int offset = i * most;
                model.parameters().forEach((name, parameter) -> {
                    var shape = parameter.shape();
                    pickle.text(name).tensor("0", 2L * most, offset, shape, strides(shape));
                });
                pickle.ascii("u");
            }
        }
        return Files.write(
                folder.resolve("both.pth"), Pickle.zip(pickle.ascii("u").end(), storage.array()));
    }

    private static long[] strides(long[] shape) {
        var strides = new long[shape.length];
        long step = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = step;
            step *= shape[i];
        }
        return strides;
    }

    @Test
    void whoeverAsksGetsTheAverages() throws IOException {
        var file = nested("state_dict", "state_dict_ema");
        try (var trained = load(file, false);
                var averaged = load(file, true)) {
            assertThat(firstBias(trained)).isEqualTo(1);
            assertThat(trained.notes()).noneMatch(note -> note.contains("averaged"));
            assertThat(firstBias(averaged)).isEqualTo(2);
            assertThat(averaged.notes()).contains("the averaged weights (EMA) of %s were loaded".formatted(file));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"state_dict_ema", "model_ema"})
    void averagesAloneAreLoadedAndToldOf(String nest) throws IOException {
        try (var loaded = load(nested(nest), false)) {
            assertThat(firstBias(loaded)).isEqualTo(1);
            assertThat(loaded.notes()).anyMatch(note -> note.startsWith("the averaged weights (EMA) of "));
        }
    }

    @Test
    void averagesThatAreNotThereAreRefused() throws IOException {
        var file = nested("model");
        assertRefused(() -> load(file, true), "holds no averaged weights");
    }

    /** A ViT's tensors by Google's names, all zero. */
    private static StateDict flax(ViTConfig c, StoredTensor... others) {
        int D = c.encoder().width(),
                h = c.encoder().heads(),
                hidden = 4 * D,
                patches = (int) c.grid().patches();
        var patch = c.patches().size();
        var tensors = new ArrayList<StoredTensor>();
        tensors.add(zeros("cls", 1, 1, D));
        tensors.add(zeros("embedding/kernel", patch.height(), patch.width(), 3, D));
        tensors.add(zeros("embedding/bias", D));
        tensors.add(zeros("Transformer/posembed_input/pos_embedding", 1, 1 + patches, D));
        for (int i = 0; i < c.encoder().depth(); i++) {
            var block = "Transformer/encoderblock_" + i + "/";
            for (var norm : List.of("LayerNorm_0", "LayerNorm_2")) {
                tensors.add(zeros(block + norm + "/scale", D));
                tensors.add(zeros(block + norm + "/bias", D));
            }
            for (var part : List.of("query", "key", "value")) {
                tensors.add(zeros(block + "MultiHeadDotProductAttention_1/" + part + "/kernel", D, h, D / h));
                tensors.add(zeros(block + "MultiHeadDotProductAttention_1/" + part + "/bias", h, D / h));
            }
            tensors.add(zeros(block + "MultiHeadDotProductAttention_1/out/kernel", h, D / h, D));
            tensors.add(zeros(block + "MultiHeadDotProductAttention_1/out/bias", D));
            tensors.add(zeros(block + "MlpBlock_3/Dense_0/kernel", D, hidden));
            tensors.add(zeros(block + "MlpBlock_3/Dense_0/bias", hidden));
            tensors.add(zeros(block + "MlpBlock_3/Dense_1/kernel", hidden, D));
            tensors.add(zeros(block + "MlpBlock_3/Dense_1/bias", D));
        }
        tensors.add(zeros("Transformer/encoder_norm/scale", D));
        tensors.add(zeros("Transformer/encoder_norm/bias", D));
        tensors.add(zeros("head/kernel", D, c.classes()));
        tensors.add(zeros("head/bias", c.classes()));
        for (var other : others) {
            tensors.removeIf(tensor -> tensor.name().equals(other.name()));
            tensors.add(other);
        }
        return new StateDict(tensors, Map.of(), "flax.npz");
    }

    private static StoredTensor zeros(String name, long... shape) {
        int count = 1;
        for (long side : shape) {
            count *= (int) side;
        }
        return StoredTensor.of(name, new float[count], shape);
    }

    private static ViTConfig config(String name) {
        return (ViTConfig) Catalog.get(name).config();
    }

    private static List<String> load(Variant variant, StateDict state) {
        try (var model = variant.create()) {
            return Checkpoint.load(model, variant.family(), state, Checkpoint.Classifier.STRICT, Device.CPU)
                    .notes();
        }
    }

    @Test
    void whatAFlaxCheckpointHasBesidesIsUnexpected() {
        var config = config(MINI.name());
        assertThat(load(MINI, flax(config, zeros("pre_logits/kernel", 3, 3), zeros("pre_logits/bias", 3))))
                .containsExactly("names and layouts were translated from Google's Flax checkpoint");
        assertRefused(
                () -> load(MINI, flax(config, zeros("Transformer/encoderblock_9/LayerNorm_0/scale", 3))),
                "1 are unexpected (Transformer/encoderblock_9/LayerNorm_0/scale)");
        var headless = new Variant("headless", MINI.family(), config.withClasses(0));
        assertThat(load(headless, flax(config))).hasSize(1);
    }

    /**
     * As timm reads such files, which leaves a classifier of other classes as the model has it, and resamples
     * grid and patches.
     */
    @Test
    void aFlaxCheckpointServesOtherClassesASmallerGridAndAnotherPatch() {
        var config = config(MINI.name());
        var other = config.withPatches(p -> p.withSize(Patch.square(4)))
                .withImage(ImageInput.square(24))
                .withPatches(p -> p.withSize(Patch.square(6)))
                .withClasses(config.classes() + 3);
        try (var model = other.create()) {
            var report = Checkpoint.load(
                    model, MINI.family(), flax(config), Checkpoint.Classifier.KEEP_IF_IT_FITS, Device.CPU);
            assertThat(report.fresh()).containsExactlyInAnyOrder("head.weight", "head.bias");
        }
        assertThat(Checkpoint.classes(MINI.family(), other, flax(config))).hasValue(config.classes());
    }

    @Test
    void aFlaxCheckpointOfAnotherVariantSaysWhich() {
        assertRefused(
                () -> load(MINI, flax(config("vit_tiny_patch16_224"))),
                "it looks like vit_tiny_patch16_224, another size of the family ViT: name that model");
    }

    /** As a hybrid's, whose patches are cut from features: resampled and summed over features it would fit. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aKernelOverFeaturesIsNotFittedToImages(boolean flax) {
        var config = config(MINI.name());
        int D = config.encoder().width();
        assertRefused(() -> load(MINI, ofChannels(flax, 64)), "patch_embed.proj.weight is [%d, 64, ".formatted(D));
        assertThat(load(MINI, ofChannels(flax, 13)))
                .contains("patch_embed.proj.weight was fitted from 13 to 3 input channels");
    }

    private static StateDict ofChannels(boolean flax, int channels) {
        var config = config(MINI.name());
        int D = config.encoder().width(), p = config.patches().size().height();
        if (flax) {
            return flax(config, zeros("embedding/kernel", p, p, channels, D));
        }
        try (var model = MINI.create()) {
            var tensors = model.parameters().entrySet().stream()
                    .filter(entry -> !entry.getKey().equals("patch_embed.proj.weight"))
                    .map(entry -> zeros(entry.getKey(), entry.getValue().shape()));
            var all = Stream.concat(tensors, Stream.of(zeros("patch_embed.proj.weight", D, channels, p, p)));
            return new StateDict(all.toList(), Map.of(), "ours.safetensors");
        }
    }

    /** It fits, resampled, but whoever loads it has surely named the wrong model. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aCheckpointOfAnotherPatchNamesItsVariant(boolean flax) {
        var note = "its patches of 6×6 pixels were resampled to 4×4; it looks like vit_mini_patch6_48: name that model"
                + " to run it as it was trained";
        var other = Catalog.get("vit_mini_patch6_48");
        StateDict state;
        try (var model = other.create()) {
            state = flax
                    ? flax(config(other.name()))
                    : new StateDict(
                            model.parameters().entrySet().stream()
                                    .map(entry -> zeros(
                                            entry.getKey(), entry.getValue().shape()))
                                    .toList(),
                            Map.of(),
                            "ours.safetensors");
        }
        assertThat(load(MINI, state)).contains(note);
        assertThat(load(other, state)).noneMatch(any -> any.contains("it looks like"));
    }
}
