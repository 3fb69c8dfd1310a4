package dev.vitrail.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.Vitrail;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.RgbImage;
import dev.vitrail.models.Model;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.WeightInit;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.ModelFolder;
import dev.vitrail.weights.PretrainedConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models of other than three channels run on images of as many, or not at all. */
class InputChannelsTest {
    @TempDir
    Path folder = Path.of("");

    /** Writes random weights for images of so many channels, in a folder whose config.json says so or does not. */
    private Path write(String name, int channels, boolean described) {
        var config = Catalog.get(name).config().withChannels(channels);
        Model model = config.create();
        try (model) {
            model.initialise(3, Device.CPU, WeightInit.ORIGINAL);
            var pretrained = new PretrainedConfig(
                    Optional.empty(),
                    described ? List.of(channels, config.imageHeight(), config.imageWidth()) : List.of(),
                    Optional.empty(),
                    Optional.empty(),
                    OptionalDouble.empty(),
                    Optional.empty(),
                    List.of(),
                    List.of(),
                    OptionalInt.of(config.classes()),
                    List.of(),
                    List.of(model.firstConv()),
                    List.of(),
                    Optional.empty(),
                    Map.of());
            ModelFolder.write(folder, FolderConfig.of(name, config.classes(), pretrained), Checkpoint.of(model));
        }
        return folder.resolve("model.safetensors");
    }

    private static RgbImage image(int seed) {
        var pixels = new byte[3 * 32 * 32];
        new java.util.Random(seed).nextBytes(pixels);
        return new RgbImage(32, 32, pixels);
    }

    /** Luma as Pillow's {@code convert("L")}: (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶. */
    private static RgbImage luma(RgbImage image) {
        byte[] pixels = image.pixels().clone();
        for (int i = 0; i < pixels.length; i += 3) {
            int level = ((pixels[i] & 0xff) * 19595
                            + (pixels[i + 1] & 0xff) * 38470
                            + (pixels[i + 2] & 0xff) * 7471
                            + 0x8000)
                    >> 16;
            pixels[i] = (byte) level;
            pixels[i + 1] = (byte) level;
            pixels[i + 2] = (byte) level;
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }

    @ParameterizedTest
    @CsvSource({
        "vit_mini_patch4_32, true, false",
        "vit_mini_patch4_32, false, false",
        "vit_mini_patch4_32, false, true",
        "resnet20_mini_32, false, true",
        "simple_vit_mini_32, false, true",
        "t2t_mini_32, false, true"
    })
    void aModelOfOneChannelSeesGrey(String name, boolean described, boolean bareFile) {
        var file = write(name, 1, described);
        var loaded = bareFile
                ? LoadedModel.load(file.toString(), LoadOptions.DEFAULT.withArchitecture(Optional.of(name)))
                : LoadedModel.load(folder.toString(), LoadOptions.DEFAULT);
        try (var vitrail = new Vitrail(loaded)) {
            assertThat(loaded.model().config().channels()).isEqualTo(1);
            assertThat(loaded.preprocessing().channels()).isEqualTo(1);
            assertThat(loaded.preprocessing().normalization().channels()).isEqualTo(1);
            assertThat(loaded.notes()).noneMatch(note -> note.contains("was fitted from"));
            var colored = vitrail.logits(List.of(image(1))).get(0);
            assertThat(colored)
                    .containsExactly(vitrail.logits(List.of(luma(image(1)))).get(0));
            assertThat(colored).isNotEqualTo(vitrail.logits(List.of(image(2))).get(0));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 10, 13})
    void otherNumbersAreRefusedWithBothNumbers(int channels) {
        var file = write("vit_mini_patch4_32", channels, true);
        assertThatThrownBy(() -> LoadedModel.load(folder.toString(), LoadOptions.DEFAULT))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll("images of %d channels".formatted(channels), "3 (red, green, blue)", "1");
        assertThatThrownBy(() -> LoadedModel.load(
                        file.toString(), LoadOptions.DEFAULT.withArchitecture(Optional.of("vit_mini_patch4_32"))))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll("images of %d channels".formatted(channels), "3 (red, green, blue)", "1");
    }

    /** Training learns what fitted weights do, so it may begin with them, and says so. */
    @Test
    void trainingBeginsWithFittedWeightsAndSaysSo() {
        var file = write("vit_mini_patch4_32", 1, false);
        var options = LoadOptions.DEFAULT
                .withArchitecture(Optional.of("vit_mini_patch4_32"))
                .withClasses(3);
        try (var loaded = LoadedModel.load(file.toString(), options)) {
            assertThat(loaded.preprocessing().normalization()).isNotEqualTo(Normalization.IMAGENET);
            assertThat(loaded.model().config().channels()).isEqualTo(3);
            assertThat(loaded.notes()).anyMatch(note -> note.contains("was fitted from 1 to 3 input channels"));
        }
    }
}
