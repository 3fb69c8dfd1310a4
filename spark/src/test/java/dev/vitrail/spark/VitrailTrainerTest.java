package dev.vitrail.spark;

import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.Prediction;
import dev.vitrail.RunOptions;
import dev.vitrail.TrainingJob;
import dev.vitrail.TrainingRun;
import dev.vitrail.Vitrail;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingListener;
import dev.vitrail.train.TrainingRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranks of a training as tasks of a barrier stage, in two executors of their own. */
final class VitrailTrainerTest {
    private static final String MODEL = "vit_mini_patch4_gap_32";

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private static Path folder;

    private static SparkSession spark;
    private static Path data;

    @BeforeAll
    @SuppressWarnings("NullAway") // JUnit has set the folder
    static void start() {
        data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 60, 1, StainedGlass.Difficulty.STANDARD).write(data, 60);
        spark = Fixture.cluster(2, 1, 1024).getOrCreate();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static VitrailTrainer trainer(String run, int epochs) {
        return new VitrailTrainer()
                .setRecipe("quick-look")
                .set("model", MODEL)
                .set("data", data.toString())
                .set("epochs", Integer.toString(epochs))
                .set("batch_size", "16")
                .setOut(folder.resolve(run).toString())
                .setProcesses(2);
    }

    @Test
    void twoRanksGiveWhatOneProcessGives() {
        var trained = trainer("two", 2).train(spark);

        assertThat(trained.epochs()).isEqualTo(2);
        assertThat(Path.of(trained.folder()).resolve("index.html")).exists();
        var alone = folder.resolve("one");
        var config = TrainingConfigFile.read(new RunFolder(folder.resolve("two")).config());
        try (var run = TrainingRun.begin(config, new RunFolder(alone), RunOptions.DEFAULT)) {
            var result = run.run();
            assertThat(trained.bestEpoch()).isEqualTo(result.bestEpoch());
            assertThat(trained.validationLoss())
                    .isCloseTo(result.epochs().get(1).validationLoss(), within(1e-4));
        }
    }

    @Test
    void aKilledExecutorStartsTheStageAgainFromTheCheckpoint() throws Exception {
        trainer("whole", 4).train(spark);

        for (int i = 0; i < Integer.getInteger("vitrail.spark.kills", 1); i++) {
            var name = "killed" + i;
            var run = new RunFolder(folder.resolve(name));
            var training = CompletableFuture.supplyAsync(() -> trainer(name, 4).train(spark));
            while (!run.canResume() && !training.isDone()) {
                Thread.sleep(5);
            }
            assertThat(training.isDone())
                    .as("done before an executor was killed")
                    .isFalse();
            var executors = Fixture.executors();
            executors.get(i % executors.size()).destroyForcibly();
            delayReplacement(executors, Duration.ofSeconds(12));

            assertThat(training.get(3, TimeUnit.MINUTES).epochs()).isEqualTo(4);
            for (var file : new String[] {"summary.csv", "last/model.safetensors", "best/model.safetensors"}) {
                assertThat(read(name, file)).as(file).isEqualTo(read("whole", file));
            }
        }
    }

    /** Holds the executor that Spark starts for a lost one, for longer than a training that begins would wait. */
    private static void delayReplacement(List<ProcessHandle> before, Duration time) throws Exception {
        Optional<ProcessHandle> replacement = Optional.empty();
        long patience = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        while (replacement.isEmpty()) {
            assertThat(System.nanoTime()).as("no replacement came").isLessThan(patience);
            Thread.sleep(5);
            replacement = Fixture.executors().stream()
                    .filter(executor -> !before.contains(executor))
                    .findFirst();
        }
        signal(replacement.get(), "STOP");
        try {
            Thread.sleep(time.toMillis());
        } finally {
            signal(replacement.get(), "CONT");
        }
    }

    private static void signal(ProcessHandle process, String name) throws Exception {
        var sent = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
        assertThat(sent.waitFor()).isZero();
    }

    /** A run whose pretraining was stopped after its first epoch, as by Ctrl-C at the command line. */
    @Test
    void aStoppedPretrainingIsFinishedBeforeTheRunItself() throws IOException {
        var run = new RunFolder(folder.resolve("pretrained"));
        var request = new TrainingRequest(
                "quick-look",
                TrainingConfigFile.overrides(
                        "model: vit_mini_patch4_32\ndata: %s\nepochs: 1\nbatch_size: 16\n".formatted(data),
                        "the test"));
        TrainingJob.begin(request, OptionalInt.of(2), run, RunOptions.DEFAULT, reason -> {})
                .run((stage, training) -> {
                    training.trainer().listener(new TrainingListener() {
                        @Override
                        public void epochEnded(EpochSummary epoch, Evaluation found, boolean best) {
                            training.trainer().requestStop();
                        }
                    });
                    return training.run();
                });
        var pretraining = new RunFolder(run.path().resolve("pretraining"));
        assertThat(pretraining.rows()).hasSize(1);
        assertThat(run.canResume()).isFalse();

        var trained = trainer("pretrained", 1)
                .set("model", "vit_mini_patch4_32")
                .setResume(true)
                .train(spark);

        assertThat(pretraining.rows()).hasSize(2);
        assertThat(pretraining.path().resolve("index.html")).exists();
        assertThat(trained.epochs()).isEqualTo(1);
        assertThat(Path.of(trained.folder())).isEqualTo(run.path());
    }

    private static final StructType LABELLED = new StructType()
            .add("id", DataTypes.IntegerType)
            .add("content", DataTypes.BinaryType)
            .add("shape", DataTypes.StringType);

    /** Images of two classes, those of even and of odd ids. */
    private static Dataset<Row> labelled(int first, int count, int partitions) {
        var images = Fixture.pictures(first + count);
        var rows = new ArrayList<Row>();
        for (int i = first; i < first + count; i++) {
            rows.add(RowFactory.create(i, images.get(i), i % 2 == 0 ? "even" : "odd"));
        }
        Collections.shuffle(rows, new Random(partitions));
        return spark.createDataFrame(
                new JavaSparkContext(spark.sparkContext()).parallelize(rows, partitions), LABELLED);
    }

    private static VitrailTrainer ofRows(String run) {
        return new VitrailTrainer()
                .setRecipe("quick-look")
                .set("model", MODEL)
                .set("epochs", "1")
                .set("batch_size", "8")
                .setIdCol("id")
                .setLabelCol("shape")
                .setOut(folder.resolve(run).toString())
                .setProcesses(2);
    }

    @Test
    void rowsGiveTheSameTrainingHoweverTheyAreOrderedAndPartitioned() throws IOException {
        for (int partitions : new int[] {1, 3}) {
            var trained = ofRows("rows" + partitions)
                    .setTrainingData(labelled(0, 40, partitions))
                    .setValidationData(labelled(40, 20, partitions))
                    .setDataFolder(folder.resolve("rows").toString())
                    .train(spark);
            assertThat(trained.epochs()).isEqualTo(1);
            assertThat(folder.resolve("rows")).doesNotExist();
        }
        for (var file : new String[] {"summary.csv", "last/model.safetensors", "data.json.gz"}) {
            assertThat(read("rows3", file)).as(file).isEqualTo(read("rows1", file));
        }
        try (var vitrail = Vitrail.load(folder.resolve("rows1").toString())) {
            assertThat(vitrail.classify(Fixture.pictures(1).get(0)))
                    .extracting(Prediction::label)
                    .containsExactlyInAnyOrder("even", "odd");
        }
    }

    /** What stands in the files is what the rows held, whether as bytes or as paths. */
    @Test
    void rowsAreWrittenOnceAndReadBack() throws IOException {
        var bytes = labelled(0, 12, 2);
        var named = new ArrayList<Row>();
        for (var row : bytes.collectAsList()) {
            var file = Files.write(folder.resolve(row.getInt(0) + ".image"), row.<byte[]>getAs(1));
            named.add(RowFactory.create(row.get(0), file.toString(), row.get(2)));
        }
        var paths = spark.createDataFrame(
                named,
                new StructType()
                        .add("id", DataTypes.IntegerType)
                        .add("content", DataTypes.StringType)
                        .add("shape", DataTypes.StringType));
        var columns = new TrainingTable.Columns("id", "content", "shape");
        for (var rows : List.of(bytes, paths)) {
            var place = folder.resolve("written");
            try (var files =
                    TrainingFiles.write(place, TrainingTable.of("training data", rows, columns), Optional.empty())) {
                assertThat(place.toFile().list()).containsExactly("train-00000-of-00001.parquet");
                var read = Datasets.open(place, Split.TRAIN, Optional.empty());
                assertThat(read.size()).isEqualTo(12);
                var images = Fixture.pictures(12);
                for (int i = 0; i < 12; i++) {
                    assertThat(read.content(i)).isEqualTo(images.get(i)); // by id
                    assertThat(read.classes().get(read.label(i))).isEqualTo(i % 2 == 0 ? "even" : "odd");
                }
            }
            assertThat(place).doesNotExist();
        }
    }

    @Test
    void rowsThatCannotBeTrainedOnAreTold() throws IOException {
        var rows = labelled(0, 12, 2);
        assertRefused(
                ofRows("bad").setTrainingData(rows.union(rows.limit(1))), "1 ids of the training data are not unique");
        assertRefused(ofRows("bad").setTrainingData(rows.drop("shape")), "name it with setLabelCol");
        assertRefused(
                ofRows("bad").setTrainingData(rows.withColumn("shape", expr("IF(id > 9, NULL, shape)"))),
                "2 of 12 rows of the training data have no label");
        assertRefused(
                ofRows("bad").setTrainingData(rows.withColumn("shape", expr("id - 1"))),
                "the training data has the label -1");
        assertRefused(ofRows("bad").setTrainingData(rows.withColumn("shape", expr("id * 0.5"))), "expected string");
        assertRefused(
                ofRows("bad").setTrainingData(rows.where("id % 2 = 0")).setValidationData(rows),
                "the validation data has labels that the training data lacks: odd");
        assertRefused(ofRows("bad").set("data", "x").setTrainingData(rows), "name one of them");
        assertRefused(ofRows("bad").setTrainingData(rows.limit(0)), "has no rows");
        assertRefused(
                ofRows("bad").setTrainingData(rows.withColumn("content", expr("'no file'"))),
                "no file could not be read");
        assertThat(folder.resolve("bad.data")).doesNotExist();
        Files.createDirectories(folder.resolve("bad.data"));
        assertRefused(ofRows("bad").setTrainingData(rows), "name another folder with setDataFolder");
        assertThat(folder.resolve("bad")).doesNotExist();
    }

    private static byte[] read(String run, String file) throws IOException {
        return Files.readAllBytes(folder.resolve(run).resolve(file));
    }

    @Test
    void whatCannotBeTrainedIsToldInOneSentence() throws IOException {
        assertRefused(trainer("many", 1).setProcesses(3), "3 processes need as many executors, and the cluster has 2");
        assertRefused(trainer("gone", 1).set("data", folder.resolve("nowhere").toString()), "nowhere");
        assertRefused(trainer("none", 1).setResume(true), "holds no run to go on with");
        Files.createDirectories(folder.resolve("there"));
        TrainingConfigFile.write(
                new RunFolder(folder.resolve("there")).config(), TrainingConfig.of(MODEL, data.toString(), 1));
        assertRefused(trainer("there", 1), "holds a run already");
        assertRefused(trainer("", 1).setOut(" "), "name it with setOut");
        assertThatThrownBy(() -> new VitrailTrainer().set("epoch", "3")).hasMessageContaining("epochs");
    }

    private static void assertRefused(VitrailTrainer trainer, String sentence) {
        assertThatThrownBy(() -> trainer.train(spark))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(sentence);
    }
}
