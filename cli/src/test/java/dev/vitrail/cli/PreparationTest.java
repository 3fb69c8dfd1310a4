package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options that say how images are prepared: every command obeys them, and a run keeps them. */
final class PreparationTest {
    private static final String[] ASKED = {
        "--mean", "0.4,0.3,0.2", "--std", "0.1,0.2,0.3", "--crop", "0.8", "--interpolation", "box"
    };

    @TempDir
    static Path shared = Path.of("");

    private static Path data = Path.of("");
    private static Path bare = Path.of("");

    @BeforeAll
    static void writeDataAndABareFile() {
        data = Cli.labelled(shared.resolve("data"), 8, "ants", "bees");
        bare = shared.resolve("bare.safetensors");
        try (var loaded = LoadedModel.load(Cli.SMALL, LoadOptions.DEFAULT.withClasses(2))) {
            Safetensors.write(bare, Checkpoint.of(loaded.model()));
        }
    }

    private static Cli.Ran run(Object[] first, Object... more) {
        var arguments = new java.util.ArrayList<Object>(List.of(first));
        arguments.addAll(List.of(more));
        return Cli.run(arguments.toArray());
    }

    private static Path trained(Path run, Object... options) {
        var ran = run(
                new Object[] {
                    "train",
                    "--data",
                    data,
                    "--model",
                    Cli.SMALL,
                    "--out",
                    run,
                    "--epochs",
                    1,
                    "--batch",
                    4,
                    "--no-doctor"
                },
                options);
        assertThat(ran.status()).as(ran.err()).isZero();
        return run;
    }

    private static Preprocessing preprocessing(Path run) {
        try (var loaded = LoadedModel.load(run.toString(), LoadOptions.DEFAULT)) {
            return loaded.preprocessing();
        }
    }

    @Test
    void aRunKeepsWhatTrainWasAskedFor(@TempDir Path folder) throws IOException {
        var run = trained(folder.resolve("run"), (Object[]) ASKED);
        var kept = preprocessing(run);
        assertThat(kept.mean()).containsExactly(0.4, 0.3, 0.2);
        assertThat(kept.std()).containsExactly(0.1, 0.2, 0.3);
        assertThat(kept.cropPct()).isEqualTo(0.8);
        assertThat(kept.interpolation()).isEqualTo(Interpolation.BOX);
        assertThat(Files.readString(run.resolve("config.yaml")))
                .contains("crop_pct: 0.8", "eval_interpolation: box", "mean:");
        // What is not named stays the model's.
        var part = preprocessing(trained(folder.resolve("part"), "--crop", "0.8"));
        var own = preprocessing(trained(folder.resolve("own")));
        assertThat(part)
                .isEqualTo(new Preprocessing(
                        own.channels(),
                        own.height(),
                        own.width(),
                        0.8,
                        own.cropMode(),
                        own.interpolation(),
                        own.mean(),
                        own.std()));
        assertThat(part).isNotEqualTo(own);
    }

    @Test
    void aRunThatGoesOnRefusesAnotherPreparation(@TempDir Path folder) {
        var run = trained(folder.resolve("run"), (Object[]) ASKED);
        assertThat(Cli.run("train", "--out", run, "--resume", "--mean", "0.4,0.3,0.2")
                        .status())
                .isZero();
        var ran = Cli.run("train", "--out", run, "--resume", "--mean", "0.5,0.5,0.5");
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.sentences())
                .singleElement()
                .asString()
                .contains("mean [0.5,0.5,0.5] (the run's: [0.4,0.3,0.2])");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "--mean; 0.5; mean needs a number for each of 3 channels",
                "--mean; a,b,c; --mean a,b,c: 'mean' must be a list of numbers",
                "--mean; 0.1,NaN,0.2; 'mean' must be finite",
                "--std; 0.1,0,0.1; 'std' must be positive",
                "--crop; -1; 'crop_pct' must be positive",
                "--interpolation; cubic; 'eval_interpolation' must be one of nearest, box, bilinear, hamming, bicubic"
            })
    void trainRefusesWhatCannotBe(String option, String value, String words, @TempDir Path folder) {
        var ran = Cli.run("train", "--data", data, "--model", Cli.SMALL, "--out", folder.resolve("run"), option, value);
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err()).contains(words);
        assertThat(folder.resolve("run")).doesNotExist();
    }

    private static List<String> notes(Cli.Ran ran) throws IOException {
        assertThat(ran.status()).as(ran.err()).isZero();
        JsonNode notes = new ObjectMapper().readTree(ran.out()).path("notes");
        assertThat(notes.isArray()).as(ran.out()).isTrue();
        return java.util.stream.StreamSupport.stream(notes.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    /** The JSON of every command that loads a model says what of it was guessed. */
    @Test
    void everyCommandTellsAGuessInItsJson(@TempDir Path folder) throws IOException {
        Object[] model = {"--model", bare, "--arch", Cli.SMALL, "--json"};
        var photo = data.resolve("ants/0.png");
        for (var ran : List.of(
                run(new Object[] {"predict", photo}, model),
                run(new Object[] {"embed", photo, "--out", folder.resolve("vectors.npy")}, model),
                run(new Object[] {"evaluate", "--data", data, "--split", "TRAIN"}, model),
                run(new Object[] {"probe", "--data", data, "--shots", "1", "--draws", "1"}, model),
                run(
                        new Object[] {
                            "train",
                            "--data",
                            data,
                            "--out",
                            folder.resolve("run"),
                            "--epochs",
                            1,
                            "--batch",
                            4,
                            "--no-doctor"
                        },
                        model))) {
            assertThat(notes(ran)).anyMatch(note -> note.contains("does not say how its images are prepared"));
        }
    }

    @Test
    void whatWasAskedForIsNoted() throws IOException {
        var ran = run(
                new Object[] {"predict", data.resolve("ants/0.png"), "--model", bare, "--arch", Cli.SMALL, "--json"},
                (Object[]) ASKED);
        assertThat(notes(ran))
                .contains("as asked for, images are prepared with mean [0.4, 0.3, 0.2], std [0.1, 0.2, 0.3], crop"
                        + " center 0.800, box");
    }
}
