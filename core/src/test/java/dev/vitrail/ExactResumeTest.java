package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.engine.Threads;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A training process that is killed at any moment goes on as if nothing had happened, to the byte. */
class ExactResumeTest {
    private static final int EPOCHS = 4, KILLS = 3;

    private static final String OPTIONS =
            """
            batch_size: 8
            save_minutes: 0.002
            drop_path: 0.2
            ema_decay: 0.99
            mixup: 0.8
            cutmix: 1
            mix_mode: elem
            auto_augment: rand-m9-mstd0.5-inc1
            random_erasing: 0.25
            val_fraction: 0.2
            gradient_accumulation: 2
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    /** Trains in a process of its own: {@code begin|resume RUN DATA WORKERS}. */
    public static void main(String[] arguments) {
        Threads.set(1);
        var run = new RunFolder(Path.of(arguments[1]));
        var options = RunOptions.DEFAULT.withWorkers(Integer.parseInt(arguments[3]));
        try (var training = arguments[0].equals("begin")
                ? TrainingRun.begin(config(arguments[2]), run, options)
                : TrainingRun.resume(run, options)) {
            training.run();
        }
    }

    private static TrainingConfig config(String data) {
        return TrainingConfigFile.with(TrainingConfig.of("vit_mini_patch4_gap_32", data, EPOCHS), OPTIONS, "the test");
    }

    private Process start(String how, Path run, Path data, int workers) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        ExactResumeTest.class.getName(),
                        how,
                        run.toString(),
                        data.toString(),
                        Integer.toString(workers))
                .redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
                .start();
    }

    private void finish(Process process) throws Exception {
        assertThat(process.waitFor())
                .as(Files.readString(folder.resolve("log")))
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void threeKillsChangeNothing(int workers) throws Exception {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 120, 1, StainedGlass.Difficulty.STANDARD).write(data, 120);
        var whole = folder.resolve("whole");
        long start = System.nanoTime();
        finish(start("begin", whole, data, workers));
        long took = System.nanoTime() - start;

        var killed = folder.resolve("killed");
        var random = new Random(workers);
        for (int i = 0; i <= KILLS; i++) {
            var process =
                    start(Files.exists(killed.resolve("config.yaml")) ? "resume" : "begin", killed, data, workers);
            if (i == KILLS) {
                finish(process);
            } else {
                process.waitFor((long) (took * (0.35 + 0.6 * random.nextDouble())), TimeUnit.NANOSECONDS);
                process.destroyForcibly().waitFor();
            }
        }
        for (var file : List.of("summary.csv", "last/model.safetensors", "best/model.safetensors", "config.yaml")) {
            assertThat(killed.resolve(file)).as(file).hasSameBinaryContentAs(whole.resolve(file));
        }
    }

    @Test
    void theNumberOfWorkersChangesNothing() throws Exception {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 60, 1, StainedGlass.Difficulty.STANDARD).write(data, 60);
        finish(start("begin", folder.resolve("one"), data, 1));
        finish(start("begin", folder.resolve("four"), data, 4));
        assertThat(folder.resolve("four/last/model.safetensors"))
                .hasSameBinaryContentAs(folder.resolve("one/last/model.safetensors"));
        assertThat(folder.resolve("four/summary.csv")).hasSameBinaryContentAs(folder.resolve("one/summary.csv"));
    }
}
