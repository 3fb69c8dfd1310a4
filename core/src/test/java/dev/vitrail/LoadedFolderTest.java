package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.LoadedModel.Options;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Parameters;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import java.nio.file.Path;
import java.util.List;
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
        try (var trained = LoadedModel.load(name, Options.DEFAULT.withImage(height, width))) {
            fill(trained.model());
            write(trained, List.of(), folder);
        }
        try (var loaded = LoadedModel.load(folder.toString(), Options.DEFAULT.withImage(newHeight, newWidth));
                var changed =
                        LoadedModel.load(folder.toString(), Options.DEFAULT).withImage(newHeight, newWidth)) {
            assertThat(loaded.notes()).anyMatch(note -> note.contains("resampled"));
            loaded.model().parameters().forEach((parameter, found) -> assertThat(
                            found.value().toFloats())
                    .as(parameter)
                    .containsExactly(
                            Parameters.of(changed.model(), parameter).value().toFloats()));
        }
    }
}
