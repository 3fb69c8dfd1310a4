package dev.vitrail.spark;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains one model in several tasks of Spark, a rank each, which share every batch and sum their gradients.
 *
 * <pre>{@code
 * var trained = new VitrailTrainer()
 *         .setRecipe("fine-tune")
 *         .set("model", "vit_tiny_patch16_224.augreg_in21k_ft_in1k")
 *         .set("data", "/shared/flowers")
 *         .setOut("/shared/runs/flowers")
 *         .setProcesses(4)
 *         .train(spark);
 * }</pre>
 *
 * <p>The tasks are those of a barrier stage: all run at once, each in an executor of its own. If one is lost, all start
 * again from the last checkpoint; Spark itself tries no barrier stage again whose results go to the driver. Data and
 * run folder lie on a file system that the driver and all executors see at the same path. The result is that of {@code
 * vitrail train --processes N} with the same options. A GPU that Spark assigns to a task ({@code
 * spark.task.resource.gpu.amount}) is the rank's device.
 */
public final class VitrailTrainer {
    private static final Logger LOG = LoggerFactory.getLogger(VitrailTrainer.class);

    /**
     * Time for executors that are starting when a training begins: enough to be sure that a refusal is right, and
     * quick.
     */
    private static final Duration STARTING = Duration.ofSeconds(10);

    private static final String DATA = "data";

    private final Map<String, String> options = new LinkedHashMap<>();
    private String recipe = TrainingRequest.AUTO;
    private String out = "";
    private Optional<Dataset<Row>> trainingRows = Optional.empty();
    private Optional<Dataset<Row>> validationRows = Optional.empty();
    private TrainingTable.Columns columns = new TrainingTable.Columns("path", "content", "label");
    private Optional<String> dataFolder = Optional.empty();
    private int pretrain;
    private int processes = 1;
    private boolean resume;
    private int retries = 3;
    private Duration executorWait = Duration.ofMinutes(10);

    /** Sets the recipe: a shipped one by its name, or a file; by default, one is chosen by data and model. */
    public VitrailTrainer setRecipe(String name) {
        recipe = name;
        return this;
    }

    /**
     * Sets a training option, as {@code vitrail train --set KEY=VALUE} does.
     *
     * @param value as YAML has it
     * @throws VitrailException if there is no such option, or it cannot have the value
     */
    public VitrailTrainer set(String key, String value) {
        TrainingConfigFile.assignment(key + "=" + value);
        options.put(key, value);
        return this;
    }

    /**
     * Sets the labelled images to train on, instead of the option {@code data}. Each needs an id of its own, by which
     * they are ordered, so that a training does not depend on the order and the partitions of the rows. They are
     * written as Parquet files to a folder ({@link #setDataFolder}) that is removed when the training has ended.
     */
    public VitrailTrainer setTrainingData(Dataset<Row> rows) {
        trainingRows = Optional.of(rows);
        return this;
    }

    /**
     * Sets the images to validate by, with the same columns; by default a part of those to train on ({@code
     * val_fraction}).
     */
    public VitrailTrainer setValidationData(Dataset<Row> rows) {
        validationRows = Optional.of(rows);
        return this;
    }

    /** Sets the column of ids, different in all rows; {@code path} by default, as Spark's {@code binaryFile} has it. */
    public VitrailTrainer setIdCol(String column) {
        columns = new TrainingTable.Columns(column, columns.image(), columns.label());
        return this;
    }

    /** Sets the column of images, binary (the content of a file) or string (its path); {@code content} by default. */
    public VitrailTrainer setImageCol(String column) {
        columns = new TrainingTable.Columns(columns.id(), column, columns.label());
        return this;
    }

    /** Sets the column of labels, names of classes or their numbers from 0; {@code label} by default. */
    public VitrailTrainer setLabelCol(String column) {
        columns = new TrainingTable.Columns(columns.id(), columns.image(), column);
        return this;
    }

    /**
     * Sets the folder that rows are written to, on a file system that the driver and all executors see at the same
     * path; by default the run folder's name with {@code .data}.
     */
    public VitrailTrainer setDataFolder(String folder) {
        dataFolder = Optional.of(folder);
        return this;
    }

    /** Sets epochs of self-supervised masked patch prediction before training; none by default. */
    public VitrailTrainer setPretrain(int epochs) {
        require(epochs > 0, "pretraining takes 1 or more epochs, found %d", epochs);
        pretrain = epochs;
        return this;
    }

    /** Sets the run folder, which rank 0 writes. */
    public VitrailTrainer setOut(String folder) {
        out = folder;
        return this;
    }

    /** Sets the number of ranks. */
    public VitrailTrainer setProcesses(int count) {
        require(count > 0, "a training takes 1 or more processes, found %d", count);
        processes = count;
        return this;
    }

    /** Sets whether to go on with the run in the folder; by default, a folder that holds a run is refused. */
    public VitrailTrainer setResume(boolean choice) {
        resume = choice;
        return this;
    }

    /**
     * Sets how often a training whose task or executor was lost starts again from its last checkpoint; 3 by default.
     */
    public VitrailTrainer setRetries(int count) {
        require(count >= 0, "retries must not be negative, found %d", count);
        retries = count;
        return this;
    }

    /**
     * Sets how long a training that has lost an executor waits for the cluster to replace it; 10 minutes by default. A
     * training that begins waits for 10 seconds, whatever is set here.
     */
    public VitrailTrainer setExecutorWait(Duration time) {
        require(!time.isNegative(), "the wait for an executor must not be negative, found %s", time);
        executorWait = time;
        return this;
    }

    /**
     * Trains to the end.
     *
     * @throws VitrailException if the cluster has fewer slots than there are processes, or runs several tasks in an
     *     executor; or if the options, the data and the model do not fit together
     */
    public TrainedModel train(SparkSession spark) {
        require(!out.isBlank(), "a training needs a run folder: name it with setOut");
        var folder = Path.of(out).toAbsolutePath();
        boolean exists = Files.exists(new RunFolder(folder).config());
        require(
                resume || !exists,
                "%s holds a run already: go on with it by setResume(true), or name another folder",
                folder);
        require(!resume || exists, "%s holds no run to go on with: leave out setResume", folder);
        requireSlots(spark.sparkContext(), STARTING, "or lower setProcesses");
        if (trainingRows.isEmpty()) {
            require(
                    validationRows.isEmpty(),
                    "there are rows to validate by and none to train on: name them with setTrainingData");
            return train(spark.sparkContext(), folder, options);
        }
        require(
                !options.containsKey(DATA),
                "the option data is set, and rows were given by setTrainingData: name one of them");
        var place = Path.of(dataFolder.orElse(folder + ".data")).toAbsolutePath();
        var training = TrainingTable.of("training data", trainingRows.get(), columns);
        var validation = validationRows.map(rows -> TrainingTable.of("validation data", rows, columns));
        try (var files = TrainingFiles.write(place, training, validation)) {
            var with = new LinkedHashMap<>(options);
            with.put(DATA, files.folder().toString());
            return train(spark.sparkContext(), folder, with);
        }
    }

    private TrainedModel train(SparkContext context, Path folder, Map<String, String> with) {
        for (int attempt = 0; ; attempt++) {
            try {
                return new RankTask(recipe, yaml(with), pretrain, folder.toString(), resume || attempt > 0)
                        .run(context, processes)
                        .trained();
            } catch (SparkException e) {
                if (attempt == retries) {
                    throw new VitrailException("the training in %s failed: %s".formatted(folder, e.getMessage()), e);
                }
                LOG.warn("the training starts again from the last checkpoint of {}", folder, e);
                requireSlots(context, executorWait, "or go on later by setResume(true), with as many as are left");
            }
        }
    }

    private static String yaml(Map<String, String> options) {
        return options.entrySet().stream()
                .map(option -> option.getKey() + ": " + option.getValue() + "\n")
                .collect(Collectors.joining());
    }

    /** A barrier stage that finds no slots would wait for ten minutes before it says so. */
    private void requireSlots(SparkContext context, Duration wait, String otherwise) {
        var conf = context.conf();
        require(
                !conf.getBoolean("spark.dynamicAllocation.enabled", false),
                "training needs all its processes at once, which barrier stages of Spark do not get from dynamic"
                        + " allocation: set spark.dynamicAllocation.enabled to false, and spark.executor.instances to"
                        + " %d",
                processes);
        require(
                !context.isLocal() || processes == 1,
                "the master %s runs all tasks in one process, and a process holds one rank of %d: take a"
                        + " cluster, or vitrail train --processes %d",
                context.master(),
                processes,
                processes);
        if (processes == 1) {
            return;
        }
        var sizing = ExecutorSizing.of(context);
        require(
                sizing.tasks() == 1,
                "an executor runs %d tasks at once, and its process holds one rank: set spark.task.cpus to"
                        + " spark.executor.cores, %d",
                sizing.tasks(),
                sizing.cores());
        int slots = slots(context, wait);
        require(
                slots >= processes,
                "%d processes need as many executors, and the cluster has %d after %d s: add executors, %s",
                processes,
                slots,
                wait.toSeconds(),
                otherwise);
    }

    /** Executors that are there, when there are enough or the wait is over. */
    private int slots(SparkContext context, Duration wait) {
        long deadline = System.nanoTime() + wait.toNanos();
        boolean told = false;
        while (true) {
            // The driver is listed among them.
            int there = context.getExecutorMemoryStatus().size() - 1;
            if (there >= processes || System.nanoTime() >= deadline) {
                return there;
            }
            if (!told) {
                LOG.info(
                        "{} of {} executors are there; waiting up to {} s for the others",
                        there,
                        processes,
                        wait.toSeconds());
                told = true;
            }
            try {
                Thread.sleep(200);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new VitrailException("interrupted while executors were starting", e);
            }
        }
    }
}
