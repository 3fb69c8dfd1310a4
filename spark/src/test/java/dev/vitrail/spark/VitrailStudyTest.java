package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.RunOptions;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.engine.Threads;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.report.StudyRow;
import dev.vitrail.report.StudyRow.State;
import dev.vitrail.study.StudyFile;
import dev.vitrail.study.StudyListener;
import dev.vitrail.study.StudyRunner;
import dev.vitrail.train.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of a study as tasks, in executors of their own. */
final class VitrailStudyTest {
    private static final String YAML =
            """
            title: A tiny study
            models: [resnet_mini_32, vit_mini_patch4_gap_32]
            shares: [0.25, 1]
            options: {epochs: 2, samples_per_epoch: 16, batch_size: 8, save_minutes: 0.0001, val_fraction: 0.25}
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private Path write(String yaml) throws IOException {
        var data = folder.resolve("data");
        if (!Files.exists(data)) {
            new StainedGlass(Split.TRAIN, 96, 1, StainedGlass.Difficulty.STANDARD).write(data, 96);
        }
        return Files.writeString(folder.resolve("tiny.yaml"), "data: %s\n%s".formatted(data, yaml));
    }

    private VitrailStudy study(Path file, String out) {
        return new VitrailStudy(file.toString()).setOut(folder.resolve(out).toString());
    }

    /** One run fails, and an executor is lost in the middle of another. */
    @Test
    void runsAreThoseOfTheLocalStudy() throws Exception {
        var file = write(YAML);
        int before = Threads.count();
        Threads.set(1); // as executors have
        try {
            new StudyRunner(
                            StudyFile.read(file.toString(), Optional.empty()),
                            folder.resolve("local"),
                            RunOptions.DEFAULT.withWorkers(1),
                            new StudyListener() {})
                    .run();
        } finally {
            Threads.set(before);
        }
        SparkSession spark = Fixture.cluster(2, 1, 1024).getOrCreate();
        try {
            var made = CompletableFuture.supplyAsync(() -> study(file, "spark").run(spark));
            while (!made.isDone() && begun("spark") == 0) {
                Thread.sleep(5);
            }
            assertThat(made.isDone()).as("done before an executor was killed").isFalse();
            Fixture.executors().get(0).destroyForcibly();
            var results = made.get(5, TimeUnit.MINUTES);

            assertThat(results.finished()).isTrue();
            assertThat(folder.resolve("spark/index.html")).exists();
            for (var row : results.rows()) {
                for (var part : new String[] {"last/model.safetensors", "best/model.safetensors"}) {
                    var own = row.folder().resolve(part);
                    var local = folder.resolve("local")
                            .resolve(folder.resolve("spark").relativize(own));
                    assertThat(own).hasSameBinaryContentAs(local);
                }
            }

            var broken = write(YAML.replace("epochs: 2", "epochs: 1, learning_rate: 1.0e+30, warmup_epochs: 0"));
            var failed = study(broken, "broken").run(spark);
            assertThat(failed.rows()).extracting(StudyRow::state).contains(State.FAILED);
            assertThat(failed.rows())
                    .filteredOn(row -> row.state() == State.FAILED)
                    .allSatisfy(row -> assertThat(row.failure()).contains("became"));
        } finally {
            spark.stop();
        }
    }

    private long begun(String out) throws IOException {
        if (!Files.exists(folder.resolve(out))) {
            return 0;
        }
        try (var runs = Files.list(folder.resolve(out))) {
            return runs.filter(run -> new RunFolder(run).canResume()).count();
        }
    }

    @Test
    void severalRunsInOneProcessAreRefused() throws IOException {
        var file = write(YAML);
        try (var spark = Fixture.local(2)) {
            assertThatThrownBy(() -> study(file, "two").run(spark))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("an executor runs 2 tasks at once, and its process holds one run");
            assertThatThrownBy(() -> study(file, " ").setOut(" ").run(spark)).hasMessageContaining("setOut");
        }
        assertThat(folder.resolve("two")).doesNotExist();
    }
}
