package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two executors in processes of their own, with dynamic allocation and speculation. {@code -Dvitrail.spark.kills=20}
 * kills so many executors, each in the middle of a job.
 */
final class ClusterTest {
    private static final int PARTITIONS = 24;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private static Path folder;

    private static SparkSession spark;
    private static Path model;
    private static List<byte[]> pictures;

    @BeforeAll
    @SuppressWarnings("NullAway") // JUnit has set the folder
    static void start() {
        spark = Fixture.cluster(2, 1, 1024)
                .config("spark.dynamicAllocation.enabled", true)
                .config("spark.dynamicAllocation.shuffleTracking.enabled", true)
                .config("spark.dynamicAllocation.minExecutors", 1)
                .config("spark.dynamicAllocation.maxExecutors", 2)
                .config("spark.speculation", true)
                // Enough for batches of 16, not for those of hundreds.
                .config("spark.executor.cores", 1)
                .config("spark.executor.memoryOverhead", "576m")
                .getOrCreate();
        model = Fixture.model(folder.resolve("model"), 1);
        pictures = Fixture.pictures(60);
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static VitrailClassifier classifier() {
        return new VitrailClassifier().setModel(model.toString());
    }

    @Test
    void eachExecutorLoadsTheModelOnce() {
        var images = Fixture.images(spark, pictures, PARTITIONS);
        int before = SharedModel.loads();
        var rows = classifier().transform(images).select("id", "prediction").collectAsList();
        assertThat(SharedModel.loads()).as("loads of the driver's process").isEqualTo(before);

        assertThat(rows)
                .extracting(row -> row.getInt(0))
                .containsExactlyElementsOf(
                        IntStream.range(0, pictures.size()).boxed().toList());
        Fixture.assertClassified(rows, model, pictures);
        var loads = images.mapPartitions(
                        (MapPartitionsFunction<Row, Integer>)
                                each -> List.of(SharedModel.loads()).iterator(),
                        Encoders.INT())
                .collectAsList();
        assertThat(loads).contains(1).allMatch(count -> count <= 1);
    }

    @Test
    void aKilledExecutorCostsItsPartitionsAlone() throws Exception {
        // Some seconds of work.
        var many =
                IntStream.range(0, 40).boxed().flatMap(i -> pictures.stream()).toList();
        var images = Fixture.images(spark, many, PARTITIONS);
        var expected = classifier().transform(images).select("id", "prediction").collectAsList();
        Fixture.assertClassified(expected.subList(0, pictures.size()), model, pictures);

        var lost = new AtomicInteger();
        spark.sparkContext().addSparkListener(new SparkListener() {
            @Override
            public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
                lost.incrementAndGet();
            }
        });
        int kills = Integer.getInteger("vitrail.spark.kills", 1);
        for (int i = 0; i < kills; i++) {
            int before = lost.get();
            var job = CompletableFuture.supplyAsync(() -> {
                spark.sparkContext().setJobGroup("killed", "an executor is killed", false);
                return classifier().transform(images).select("id", "prediction").collectAsList();
            });
            int done = awaitSomeTasks(job);
            var victims = Fixture.executors();
            victims.get(i % victims.size()).destroyForcibly();
            assertThat(job.get(3, TimeUnit.MINUTES)).isEqualTo(expected);
            assertThat(done)
                    .as("tasks that were done when the executor was killed")
                    .isBetween(1, PARTITIONS - 1);
            assertThat(lost.get()).isGreaterThan(before);
        }
    }

    /** Waits until a job has done some tasks; gives how many. */
    private static int awaitSomeTasks(CompletableFuture<?> job) throws InterruptedException {
        var tracker = spark.sparkContext().statusTracker();
        while (!job.isDone()) {
            for (int stage : tracker.getActiveStageIds()) {
                int done = tracker.getStageInfo(stage).get().numCompletedTasks();
                if (done >= 3) {
                    return done;
                }
            }
            Thread.sleep(5);
        }
        return PARTITIONS;
    }

    @Test
    void aModelThatExecutorsCannotReadIsNamed() throws IOException {
        var gone = Fixture.model(folder.resolve("gone"), 5);
        var found = classifier()
                .setModel(gone.toString())
                .setModelDelivery("path")
                .transform(Fixture.images(spark, pictures.subList(0, 2), 1));
        for (var file : ModelFiles.list(gone)) {
            Files.delete(file);
        }
        Files.delete(gone);

        assertThatThrownBy(found::collectAsList)
                .hasStackTraceContaining(
                        "cannot read the model '%s': there is no file or folder %s".formatted(gone, gone))
                .hasStackTraceContaining("mount it on all executors");
        // Read once more, it is found, as nothing of the failure is kept.
        Fixture.model(gone, 5);
        assertThat(found.collectAsList()).hasSize(2);
    }

    @Test
    void tooLittleMemoryOutsideTheHeapIsRefusedBeforeAnyTask() {
        assertThatThrownBy(() -> classifier().setBatchSize(400).transform(Fixture.images(spark, pictures, 1)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(
                        "and spark.executor.memoryOverhead gives it 576: set spark.executor.memoryOverhead to ")
                .hasMessageContaining("or lower batchSize");
    }

    @Test
    void brokenRowsEndNoJob() {
        var contents = new ArrayList<byte[]>(Collections.nCopies(40, Fixture.text()));
        contents.addAll(pictures);
        var found = classifier().setMode("DROPMALFORMED").transform(Fixture.images(spark, contents, 4));

        assertThat(found.count()).isEqualTo(pictures.size());
    }
}
