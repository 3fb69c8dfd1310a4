package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.distributed.Ranks;
import dev.vitrail.distributed.Rendezvous;
import dev.vitrail.engine.Threads;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.weights.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training through the library by processes of one group: what all of them hold afterwards. */
class DistributedTrainingTest {
    private static final String NORMALIZED =
            """
            batch_size: 10
            optimizer: sgd
            learning_rate: 0.05
            learning_rate_scaling: null
            drop_path: 0.1
            ema_decay: 0.9
            val_fraction: 0.2
            gradient_accumulation: 2
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    /**
     * One process: {@code RUN DATA MODEL OPTIONS}; writes the sum of its weights and its epochs into {@code RUN.rank}.
     */
    public static void main(String[] arguments) throws IOException {
        Threads.set(1);
        var place = Rendezvous.of(System.getenv()).orElseThrow();
        var run = Path.of(arguments[0]);
        var config =
                TrainingConfigFile.with(TrainingConfig.of(arguments[2], arguments[1], 2), arguments[3], "the test");
        var held = ProcessGroup.run(
                place,
                ProcessGroup.Settings.DEFAULT,
                group -> {
                    var options = RunOptions.DEFAULT.withWorkers(1).withGroup(group);
                    try (var training = TrainingRun.begin(config, new RunFolder(run), options)) {
                        var result = training.run();
                        var epochs = result.epochs().stream()
                                .map(row -> "%s %s %s %s"
                                        .formatted(
                                                row.trainLoss(),
                                                row.trainTop1(),
                                                row.validationLoss(),
                                                row.validationTop1()))
                                .toList();
                        return "%s %s %s".formatted(training.loaded().checksum(), result.bestEpoch(), epochs);
                    }
                },
                lost -> Runtime.getRuntime().halt(3));
        Files.writeString(Path.of("%s.%d".formatted(run, place.rank())), held);
    }

    private Path data(int images) {
        var data = folder.resolve("data");
        if (!Files.exists(data)) {
            new StainedGlass(Split.TRAIN, images, 1, StainedGlass.Difficulty.STANDARD).write(data, images);
        }
        return data;
    }

    /** What each rank held in the end. */
    private List<String> trained(String name, int processes, String model, String options) throws Exception {
        var run = folder.resolve(name);
        int port = Ranks.freePort();
        var started = new ArrayList<Process>();
        for (int rank = 0; rank < processes; rank++) {
            var builder = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx256m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            DistributedTrainingTest.class.getName(),
                            run.toString(),
                            data(60).toString(),
                            model,
                            options)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            folder.resolve("log").toFile()));
            builder.environment().putAll(new Rendezvous("127.0.0.1", port, rank, processes, rank).toEnvironment());
            started.add(builder.start());
        }
        var held = new ArrayList<String>();
        for (int rank = 0; rank < processes; rank++) {
            assertThat(started.get(rank).waitFor())
                    .as(Files.readString(folder.resolve("log")))
                    .isZero();
            held.add(Files.readString(Path.of("%s.%d".formatted(run, rank))));
        }
        return held;
    }

    private Map<String, float[]> weights(String run) {
        var weights = new HashMap<String, float[]>();
        Safetensors.read(folder.resolve(run).resolve("last/resume.safetensors")).forEach(tensor -> {
            if (tensor.name().startsWith("model/") || tensor.name().startsWith("ema/")) {
                weights.put(tensor.name(), tensor.toFloats());
            }
        });
        return weights;
    }

    /**
     * With statistics of all images, a convolutional model learns what one process would teach it,
     * running statistics included.
     */
    @Test
    void allRanksHoldWhatOneProcessWould() throws Exception {
        String options = NORMALIZED + "sync_batch_norm: true\n";
        trained("alone", 1, "resnet_mini_32", options);
        var held = trained("three", 3, "resnet_mini_32", options);
        assertThat(held).allMatch(held.get(0)::equals);
        var alone = weights("alone");
        var together = weights("three");
        assertThat(together.keySet())
                .isEqualTo(alone.keySet())
                .anyMatch(name -> name.startsWith("model/") && name.endsWith("running_var"))
                .anyMatch(name -> name.startsWith("ema/"));
        alone.forEach((name, values) -> {
            float scale = 0;
            for (float value : values) {
                scale = Math.max(scale, Math.abs(value));
            }
            assertThat(together.get(name)).as(name).containsExactly(values, within(1e-3f * scale + 1e-6f));
        });
    }

    /** Each by its own images, they agree on the running statistics all the same. */
    @Test
    void ranksAgreeOnRunningStatistics() throws Exception {
        var held = trained("own", 3, "resnet_mini_32", NORMALIZED);
        assertThat(held).allMatch(held.get(0)::equals);
        assertThat(weights("own").entrySet())
                .filteredOn(entry -> entry.getKey().endsWith("running_mean"))
                .isNotEmpty()
                .allMatch(entry -> !Arrays.equals(entry.getValue(), new float[entry.getValue().length]));
    }

    /** Masks are drawn for the whole batch in every process, in validation too. */
    @Test
    void maskedPatchesAreThoseOfOneProcess() throws Exception {
        String options =
                """
                batch_size: 16
                objective: masked_patches
                val_fraction: 0.2
                """;
        var alone = trained("alone", 1, "vit_mini_patch4_gap_32", options).get(0);
        var held = trained("two", 2, "vit_mini_patch4_gap_32", options);
        assertThat(held).allMatch(held.get(0)::equals);
        assertThat(losses(held.get(0))).containsExactly(losses(alone), within(1e-4));
    }

    private static double[] losses(String held) {
        return Arrays.stream(held.replaceAll("^.*\\[|[\\],]", "").split(" ", -1))
                .mapToDouble(Double::parseDouble)
                .toArray();
    }
}
