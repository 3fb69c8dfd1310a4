package dev.vitrail.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.RunOptions;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.report.StudyResults;
import dev.vitrail.report.StudyRow;
import dev.vitrail.report.StudyRow.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Studies of a few steps, whole, stopped, killed and failing. */
class StudyRunnerTest {
    private static final String YAML =
            """
            title: A tiny <study>
            models: [resnet_mini_32, vit_mini_patch4_gap_32]
            shares: [0.25, 1]
            options: {epochs: 2, samples_per_epoch: 16, batch_size: 8, save_minutes: 0.0001, val_fraction: 0.25}
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    @BeforeEach
    void writeData() {
        new StainedGlass(Split.TRAIN, 96, 1, StainedGlass.Difficulty.STANDARD).write(folder.resolve("data"), 96);
    }

    private static Study study(Path folder, String yaml) {
        return StudyFile.parse("tiny", yaml, "tiny.yaml", Optional.empty())
                .withData(folder.resolve("data").toString());
    }

    private static StudyResults run(Path folder, String yaml, String out, StudyListener listener) {
        return new StudyRunner(study(folder, yaml), folder.resolve(out), options(), listener).run();
    }

    private static RunOptions options() {
        return RunOptions.DEFAULT.withWorkers(1);
    }

    /** A study in a process of its own: {@code FOLDER OUT}. */
    public static void main(String[] arguments) {
        run(Path.of(arguments[0]), YAML, arguments[1], new StudyListener() {});
    }

    /** Writes down what begins. */
    private static final class Begun implements StudyListener {
        final List<String> fresh = new ArrayList<>();
        final List<String> resumed = new ArrayList<>();

        @Override
        public void runBegins(StudyRun run, int number, int count, boolean goesOn) {
            (goesOn ? resumed : fresh).add(run.folderName());
        }
    }

    @Test
    void aKillLosesNothingThatWasSavedAndChangesNoFigure() throws Exception {
        var whole = run(folder, YAML, "whole", new StudyListener() {});
        assertThat(whole.finished()).isTrue();
        assertThat(whole.sizes()).containsExactly(24, 72);
        assertThat(whole.lines()).hasSize(2);

        var out = folder.resolve("killed");
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dvitrail.products=" + System.getProperty("vitrail.products", "auto"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        StudyRunnerTest.class.getName(),
                        folder.toString(),
                        "killed")
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        var second = out.resolve("vit_mini_patch4_gap_32.quick-look.share-0.25.seed-0/last/resume.safetensors");
        while (!Files.exists(second)) {
            assertThat(process.isAlive())
                    .as(Files.readString(folder.resolve("log")))
                    .isTrue();
            Thread.sleep(5);
        }
        process.destroyForcibly().waitFor();

        var begun = new Begun();
        var resumed = run(folder, YAML, "killed", begun);
        assertThat(begun.fresh.size() + begun.resumed.size())
                .as("the first run had ended before the kill")
                .isLessThan(4);
        assertThat(begun.fresh).noneMatch(name -> name.startsWith("resnet_mini_32.quick-look.share-0.25"));
        assertThat(figures(resumed)).isEqualTo(figures(whole));

        var again = new Begun();
        run(folder, YAML, "killed", again);
        assertThat(Stream.concat(again.fresh.stream(), again.resumed.stream())).isEmpty();
    }

    private static List<Double> figures(StudyResults results) {
        return results.rows().stream()
                .flatMap(row -> row.result().stream())
                .flatMap(found -> Stream.of(found.top1(), found.nll()))
                .toList();
    }

    @Test
    void anEmptyBudgetStopsCleanlyAndTheRestIsMadeLater() throws IOException {
        var short1 = study(folder, YAML).withBudget(1e-6);
        var nothing = new StudyRunner(short1, folder.resolve("out"), options(), new StudyListener() {}).run();
        assertThat(nothing.in(State.MISSING)).hasSize(4);
        assertThat(folder.resolve("out/index.html")).content().contains("No run has finished yet", "A tiny &lt;study");
        assertThat(folder.resolve("out/inspect.html")).doesNotExist();

        var stopped = new ArrayList<StudyRunner>();
        stopped.add(new StudyRunner(study(folder, YAML), folder.resolve("out"), options(), new StudyListener() {
            @Override
            public void stepped(Step step) {
                if (step.update() == 3) {
                    stopped.get(0).requestStop();
                }
            }
        }));
        assertThat(stopped.get(0).run().in(State.BEGUN)).hasSize(1);
        var begun = new Begun();
        assertThat(run(folder, YAML, "out", begun).finished()).isTrue();
        assertThat(begun.resumed).hasSize(1);
        assertThat(begun.fresh).hasSize(3);
        assertThat(Files.readAllLines(folder.resolve("out/study.csv")))
                .hasSize(5)
                .first()
                .asString()
                .startsWith("model,recipe,share,images,seed,state,");
        assertThat(folder.resolve("out/index.html"))
                .content()
                .contains("<svg", "Images to learn from", "Parameters, with 72 images", "Time of a run")
                .contains("Winner and baseline", "How alike their blocks are", "href=\"inspect.html\"")
                .doesNotContain("Runs that are not there", "http:", "https:");
        assertThat(folder.resolve("out/inspect.html")).content().contains("The same photos, two models");
    }

    @Test
    void aRunThatFailsIsNotedAndTheOthersGoOn() {
        var yaml = "models: [folder/nowhere, resnet_mini_32]\n"
                + "options: {epochs: 1, samples_per_epoch: 16, batch_size: 16, warmup_epochs: 0, val_fraction: 0.25}\n";
        var results = run(folder, yaml, "out", new StudyListener() {});
        assertThat(results.in(State.FINISHED)).hasSize(1);
        assertThat(results.in(State.FAILED))
                .singleElement()
                .extracting(StudyRow::failure)
                .asString()
                .contains("folder/nowhere");
        assertThat(folder.resolve("out/index.html")).content().contains("failed: there is no");

        var begun = new Begun();
        run(folder, yaml, "out", begun);
        assertThat(begun.fresh).isEmpty();
        var runner = new StudyRunner(study(folder, yaml), folder.resolve("out"), options(), begun);
        runner.forgive();
        assertThat(runner.run().in(State.FAILED)).hasSize(1);
        assertThat(begun.fresh).hasSize(1);
    }

    @Test
    void whateverARunFailsOfIsNoted() {
        var yaml = YAML.replace("[0.25, 1]", "[1]").replace("epochs: 2", "epochs: 1");
        var results = run(folder, yaml, "out", new StudyListener() {
            private boolean first = true;

            @Override
            public void stepped(Step step) {
                if (first) {
                    first = false;
                    throw new IllegalStateException("sizes differ\nframe #0: c10::Error");
                }
            }
        });
        assertThat(results.in(State.FINISHED)).hasSize(1);
        assertThat(results.in(State.FAILED))
                .singleElement()
                .extracting(StudyRow::failure)
                .isEqualTo("java.lang.IllegalStateException: sizes differ");
    }

    @Test
    void runsThatWereMadeOtherwiseAreNotTakenForItsOwn() {
        run(folder, YAML.replace("[0.25, 1]", "[1]").replace("epochs: 2", "epochs: 1"), "out", new StudyListener() {});
        assertThatThrownBy(() -> run(folder, YAML, "out", new StudyListener() {}))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("was made by other options")
                .hasMessageContaining("--out");
    }
}
