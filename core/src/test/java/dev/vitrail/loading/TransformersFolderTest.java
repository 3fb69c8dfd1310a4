package dev.vitrail.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.RunOptions;
import dev.vitrail.TrainingRun;
import dev.vitrail.Vitrail;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.report.RunRecord;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Folders of the transformers library: small models of every family with random weights, and what that library makes of
 * three images with its image processors.
 */
class TransformersFolderTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Names in the order of the outputs, as no alphabet has it. */
    private static final List<String> NAMES =
            List.of("zebra", "apple", "moss", "kiwi", "birch", "yak", "cedar", "dune", "elm", "fox", "gnu", "hay");

    @TempDir
    Path folder = Path.of("");

    static Path resource(String name) {
        try {
            return Path.of(TransformersFolderTest.class
                    .getResource("/transformers/" + name)
                    .toURI());
        } catch (java.net.URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static JsonNode expected(String name) {
        try {
            return JSON.readTree(Files.readString(resource(name).resolve("expected.json")))
                    .get("pictures");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RgbImage image(String name) {
        return ImageDecoder.decode(resource("pictures").resolve(name));
    }

    private static double[] numbers(JsonNode node) {
        return StreamSupport.stream(node.spliterator(), false)
                .mapToDouble(JsonNode::doubleValue)
                .toArray();
    }

    static void assertAsExpected(String name, Path path, LoadOptions options) {
        try (var vitrail = new Vitrail(LoadedModel.load(path.toString(), options))) {
            var loaded = vitrail.loaded();
            expected(name).properties().forEach(entry -> {
                var image = image(entry.getKey());
                assertPixels(entry.getValue(), loaded, image);
                boolean classified = loaded.model().config().classes() > 0;
                var found = classified
                        ? vitrail.logits(List.of(image)).get(0)
                        : vitrail.embed(List.of(image)).get(0);
                var wanted = numbers(entry.getValue().get("values"));
                assertThat(found).as(entry.getKey()).hasSize(wanted.length);
                for (int i = 0; i < wanted.length; i++) {
                    assertThat((double) found[i])
                            .as("%s of %s", i, entry.getKey())
                            .isCloseTo(wanted[i], within(1e-5 * Math.max(1, Math.abs(wanted[i]))));
                }
            });
        }
    }

    private static void assertPixels(JsonNode wanted, LoadedModel loaded, RgbImage image) {
        var input = loaded.preprocessing();
        assertThat(numbers(wanted.get("shape"))).containsExactly(input.channels(), input.height(), input.width());
        var pixels = new float[input.values()];
        input.toFloats(image, pixels, 0);
        var some = numbers(wanted.get("pixels"));
        int step = Math.max(1, pixels.length / 40);
        for (int i = 0; i < some.length; i++) {
            assertThat((double) pixels[i * step]).isCloseTo(some[i], within(2e-6));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vit",
                "deit",
                "deit-distilled",
                "swin",
                "swinv2",
                "convnext",
                "convnextv2",
                "beit",
                "beit-shared",
                "dinov2",
                "dinov2-registers",
                "resnet",
                "bit",
                "vit-headless",
                "vit-mae",
                "swin-headless",
                "dinov2-headless"
            })
    void givesWhatTheLibraryGives(String name) {
        assertAsExpected(name, resource(name), LoadOptions.DEFAULT);
    }

    @Test
    void classesAreInTheOrderOfTheirNumbers() {
        try (var vitrail = Vitrail.load(resource("vit").toString())) {
            assertThat(vitrail.loaded().labels()).containsExactlyElementsOf(NAMES);
            var logits = numbers(expected("vit").get("wide.png").get("values"));
            var best = vitrail.classify(image("wide.png"), 1).get(0);
            int index = IntStream.range(0, logits.length)
                    .boxed()
                    .max((a, b) -> Double.compare(logits[a], logits[b]))
                    .orElseThrow();
            assertThat(best.index()).isEqualTo(index);
            assertThat(best.label()).isEqualTo(NAMES.get(index));
        }
    }

    /**
     * Another classifier on the same body; what is written loads again without the folder that it came from, and
     * gives the same.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "vit",
                "deit",
                "deit-distilled",
                "swin",
                "swinv2",
                "convnext",
                "convnextv2",
                "beit",
                "beit-shared",
                "dinov2",
                "dinov2-registers",
                "resnet",
                "bit",
                "vit-headless",
                "swin-headless",
                "dinov2-headless"
            })
    void fineTunes(String name) {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 36, 1, StainedGlass.Difficulty.STANDARD).write(data, 36);
        var config =
                TrainingConfig.of(resource(name).toString(), data.toString(), 1).with(TrainingOptions.BATCH_SIZE, 12);
        var folders = new RunFolder(folder.resolve("run"));
        try (var run = TrainingRun.begin(config, folders, RunOptions.DEFAULT.withoutDoctor())) {
            assertThat(run.run().finished()).isTrue();
        }
        try (var own = new Vitrail(LoadedModel.load(resource(name).toString(), LoadOptions.DEFAULT));
                var tuned = Vitrail.load(folders.path().toString())) {
            var loaded = tuned.loaded();
            assertThat(loaded.labels()).hasSize(12).isSorted();
            assertThat(loaded.variant().name()).isEqualTo(own.loaded().variant().name());
            assertThat(loaded.model().config().withClasses(0))
                    .isEqualTo(own.loaded().model().config().withClasses(0));
            assertThat(loaded.preprocessing()).isEqualTo(own.loaded().preprocessing());
            assertThat(tuned.logits(List.of(image("tall.png"))).get(0)).hasSize(12);
        }
    }

    /** The doctor examines such a folder too, and a run that starts from it is described as any other. */
    @Test
    void aRunIsExaminedAndRecorded() {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 36, 1, StainedGlass.Difficulty.STANDARD).write(data, 36);
        var config = TrainingConfig.of(resource("vit").toString(), data.toString(), 1)
                .with(TrainingOptions.BATCH_SIZE, 12);
        var folders = new RunFolder(folder.resolve("run"));
        try (var run = TrainingRun.begin(config, folders, RunOptions.DEFAULT)) {
            assertThat(run.run().finished()).isTrue();
        }
        assertThat(RunRecord.read(folders.path()).multiplyAccumulates()).isPositive();
    }
}
