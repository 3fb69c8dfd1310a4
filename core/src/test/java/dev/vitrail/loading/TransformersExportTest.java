package dev.vitrail.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.CropMode;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.weights.StoredTensor;
import dev.vitrail.weights.TransformersExport;
import dev.vitrail.weights.WeightsFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders of the transformers library, loaded and written again, are what that library wrote. */
class TransformersExportTest {
    /** What no model of ours stores: it follows from the configuration, or serves the training of a backbone. */
    private static final String NOT_OURS = ".*(relative_position_index|relative_coords_table|mask_token)";

    /** We keep the class token's position within the token, and positions of the images that the model is run at. */
    private static final Set<String> COMPUTED = Set.of(
            "dinov2.embeddings.position_embeddings",
            "dinov2_with_registers.embeddings.cls_token",
            "dinov2_with_registers.embeddings.position_embeddings");

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private static int write(LoadedModel loaded, Preprocessing input, Path folder) {
        return TransformersExport.write(folder, loaded.variant().family(), loaded.model(), input, loaded.labels());
    }

    /** In single precision: the library's files here are of half precision. */
    private static float[] values(StoredTensor stored) {
        return Frame.compute(() -> Tensor.of(stored.bytes(), stored.dtype(), stored.shape())
                .to(DType.F32)
                .toFloats());
    }

    private static Map<String, StoredTensor> tensors(Path folder) {
        return WeightsFile.read(folder.resolve("model.safetensors")).tensors().values().stream()
                .filter(tensor -> !tensor.name().matches(NOT_OURS) && !COMPUTED.contains(tensor.name()))
                .collect(Collectors.toMap(StoredTensor::name, Function.identity()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vit",
                "deit-distilled",
                "swin",
                "swinv2",
                "convnext",
                "convnextv2",
                "beit",
                "dinov2",
                "dinov2-registers",
                "resnet",
                "bit"
            })
    void aFolderIsWrittenAsItWasFound(String name) throws Exception {
        var original = TransformersFolderTest.resource(name);
        try (var loaded = LoadedModel.load(original.toString(), LoadOptions.DEFAULT)) {
            write(loaded, loaded.preprocessing(), folder);

            var expected = tensors(original);
            var found = tensors(folder);
            assertThat(found.keySet()).isEqualTo(expected.keySet());
            found.forEach((tensor, stored) -> {
                var theirs = Objects.requireNonNull(expected.get(tensor));
                assertThat(stored.shape()).as(tensor).isEqualTo(theirs.shape());
                assertThat(values(stored)).as(tensor).isEqualTo(values(theirs));
            });
            assertThat(Files.readString(folder.resolve("config.json"))).contains("\"model_type\"");
            try (var again = LoadedModel.load(folder.toString(), LoadOptions.DEFAULT)) {
                assertThat(again.preprocessing()).isEqualTo(loaded.preprocessing());
                assertThat(again.labels()).isEqualTo(loaded.labels());
                assertThat(again.model().config()).isEqualTo(loaded.model().config());
            }
        }
    }

    /** Also where parameters of ours differ: a shared table, a folded position, another grid. */
    @ParameterizedTest
    @ValueSource(strings = {"beit-shared", "dinov2", "dinov2-registers"})
    void aFolderGivesTheSameValues(String name) {
        try (var loaded = LoadedModel.load(TransformersFolderTest.resource(name).toString(), LoadOptions.DEFAULT)) {
            write(loaded, loaded.preprocessing(), folder);
        }
        TransformersFolderTest.assertAsExpected(name, folder, LoadOptions.DEFAULT);
    }

    @Test
    void whatTransformersCannotBuildIsRefusedBeforeAnythingIsWritten() {
        // A distillation token without its classifier is a register here, and no model of that
        // library has both positions.
        assertRefused(
                "deit", "the vit of transformers computes something else than this model: they differ in tokens (");
        assertRefused("vit-headless", "the model has no classifier");
        try (var loaded = LoadedModel.load("cait_mini_32", LoadOptions.DEFAULT)) {
            assertThatThrownBy(() -> write(loaded, loaded.preprocessing(), folder))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageStartingWith("transformers has no model of this family; it has ViT");
        }
        assertThat(folder).isEmptyDirectory();
    }

    private void assertRefused(String name, String sentence) {
        try (var loaded = LoadedModel.load(TransformersFolderTest.resource(name).toString(), LoadOptions.DEFAULT)) {
            assertThatThrownBy(() -> write(loaded, loaded.preprocessing(), folder))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining(sentence);
        }
    }

    @Test
    void preprocessingThatNoProcessorOfTheLibraryDoesIsRefused() {
        try (var loaded =
                LoadedModel.load(TransformersFolderTest.resource("vit").toString(), LoadOptions.DEFAULT)) {
            var input = loaded.preprocessing();
            assertThatThrownBy(() -> write(loaded, with(input, input.width(), CropMode.BORDER), folder))
                    .hasMessageContaining("do not pad images");
            assertThatThrownBy(() -> write(loaded, with(input, 2 * input.width(), CropMode.CENTER), folder))
                    .hasMessageContaining("cut squares out of images");
        }
        assertThat(folder).isEmptyDirectory();
    }

    private static Preprocessing with(Preprocessing input, int width, CropMode mode) {
        return new Preprocessing(3, input.height(), width, 0.9, mode, input.interpolation(), input.mean(), input.std());
    }
}
