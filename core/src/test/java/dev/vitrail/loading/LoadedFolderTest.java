package dev.vitrail.loading;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.RunOptions;
import dev.vitrail.TrainingRun;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Parameters;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingOptions;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models that are loaded from folders, as whoever trained them left them. */
class LoadedFolderTest {
    @TempDir
    Path folder = Path.of("");

    /** Values that leave nothing at zero, as training does. */
    private static void fill(Model model) {
        try (var off = Gradients.off()) {
            Frame.run(() -> model.parameters().values().stream()
                    .filter(parameter -> !parameter.isBuffer())
                    .forEach(parameter -> parameter.assign(Tensor.randn(parameter.shape()))));
        }
    }

    private static void write(LoadedModel loaded, List<String> labels, Path to) {
        ModelFolder.write(to, loaded.description(labels), Checkpoint.of(loaded.model()));
    }

    /** A folder says of which size its model is, so loading it at another is the same as changing it there. */
    @ParameterizedTest
    @CsvSource({
        "vit_mini_patch4_32, 16, 64, 64, 16",
        "vit_mini_patch4_32, 16, 64, 32, 128",
        "vit_mini_patch4_32, 16, 32, 32, 32",
        "swin_mini_32, 12, 32, 32, 12",
        "swin_mini_32, 12, 32, 32, 32"
    })
    void positionsOfARectangleLieAsTheFolderSays(String name, int height, int width, int newHeight, int newWidth) {
        try (var trained = LoadedModel.load(name, LoadOptions.DEFAULT.withImage(height, width))) {
            fill(trained.model());
            write(trained, List.of(), folder);
        }
        try (var loaded = LoadedModel.load(folder.toString(), LoadOptions.DEFAULT.withImage(newHeight, newWidth));
                var changed =
                        LoadedModel.load(folder.toString(), LoadOptions.DEFAULT).withImage(newHeight, newWidth)) {
            assertThat(loaded.notes()).anyMatch(note -> note.contains("resampled"));
            loaded.model().parameters().forEach((parameter, found) -> assertThat(
                            found.value().toFloats())
                    .as(parameter)
                    .containsExactly(
                            Parameters.of(changed.model(), parameter).value().toFloats()));
        }
    }

    /** Another classifier of as many classes is none of these, unless they are the same by name. */
    @Test
    void theClassifierIsKeptForTheSameClassesAlone() {
        var source = LoadOptions.DEFAULT.withClasses(2);
        try (var trained = LoadedModel.load("vit_mini_patch4_32", source)) {
            fill(trained.model());
            write(trained, List.of("ant", "bee"), folder);
            write(trained, List.of(), folder.resolve("unnamed"));
            assertClassifier(trained, folder, LoadOptions.DEFAULT.withLabels(List.of("ant", "bee")), true);
            assertClassifier(trained, folder, LoadOptions.DEFAULT.withLabels(List.of("bee", "ant")), false, AFRESH);
            assertClassifier(trained, folder, LoadOptions.DEFAULT.withLabels(List.of("cat", "dog")), false, AFRESH);
            assertClassifier(trained, folder, source, true, KEPT);
            var cats = LoadOptions.DEFAULT.withLabels(List.of("cat", "dog"));
            assertClassifier(trained, folder.resolve("unnamed"), cats, true, KEPT);
        }
    }

    @Test
    void aRunStartsAnotherClassifierForOtherClasses() {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 48, 1, StainedGlass.Difficulty.STANDARD).write(data, 48);
        var names = StainedGlass.of(Split.TEST).classes();
        var others = names.stream().map(name -> "no " + name).toList();
        var source = folder.resolve("source");
        try (var trained = LoadedModel.load("vit_mini_patch4_32", LoadOptions.DEFAULT.withClasses(names.size()))) {
            write(trained, others, source);
        }
        var config = TrainingConfig.of(source.toString(), data.toString(), 1)
                .with(TrainingOptions.BATCH_SIZE, 16)
                .with(TrainingOptions.VAL_FRACTION, 0.25);
        var quietly = RunOptions.DEFAULT.withoutDoctor();
        try (var run = TrainingRun.begin(config, new RunFolder(folder.resolve("run")), quietly)) {
            assertThat(run.sets().train().classes()).hasSameSizeAs(others);
            assertThat(run.loaded().notes())
                    .containsExactly("the classifier starts afresh with %d classes".formatted(others.size()));
        }
    }

    private static final String AFRESH = "the classifier starts afresh with 2 classes";
    private static final String KEPT =
            "the classifier was kept, as it has 2 classes too: whether they are the same is unknown";

    private static void assertClassifier(
            LoadedModel trained, Path from, LoadOptions options, boolean kept, String... notes) {
        try (var loaded = LoadedModel.load(from.toString(), options)) {
            var before = Parameters.of(trained.model(), "head.weight").value().toFloats();
            var after = Parameters.of(loaded.model(), "head.weight").value().toFloats();
            assertThat(Arrays.equals(before, after)).isEqualTo(kept);
            assertThat(loaded.notes()).containsExactly(notes);
            assertThat(loaded.labels()).isEqualTo(options.labels());
        }
    }
}
