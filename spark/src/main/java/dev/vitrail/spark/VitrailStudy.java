package dev.vitrail.spark;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.RunOptions;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.report.StudyResults;
import dev.vitrail.study.Study;
import dev.vitrail.study.StudyFile;
import dev.vitrail.study.StudyListener;
import dev.vitrail.study.StudyRunner;
import dev.vitrail.train.TrainingConfigFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Makes the runs of a study as tasks of Spark, one each.
 *
 * <pre>{@code
 * var results = new VitrailStudy("backbone")
 *         .setScale("full")
 *         .setData("/shared/flowers")
 *         .setOut("/shared/runs/backbone")
 *         .run(spark);
 * }</pre>
 *
 * <p>Each run is independent of the others and the result of a run is that of {@code vitrail study} with as many
 * threads as the task has cores. A run that fails is noted, and the others go on; a run whose executor is lost goes on
 * from its last save in another one. The same call continues a study that was interrupted. Data and study folder lie on
 * a file system that the driver and all executors see at the same path.
 */
public final class VitrailStudy {
    private static final int REPORT_SECONDS = 5;

    private final String name;
    private Optional<String> scale = Optional.empty();
    private Optional<String> data = Optional.empty();
    private Optional<Double> budget = Optional.empty();
    private String out = "";
    private boolean retry;

    /** @param name a study that comes with the library, or a YAML file */
    public VitrailStudy(String name) {
        this.name = name;
    }

    /** Sets the scale, as the study's file names it; its first by default. */
    public VitrailStudy setScale(String choice) {
        scale = Optional.of(choice);
        return this;
    }

    /** Sets the labelled images; the study's by default. */
    public VitrailStudy setData(String path) {
        data = Optional.of(path);
        return this;
    }

    /** Sets the time limit in minutes, after which runs are saved and end; the study's by default. */
    public VitrailStudy setBudget(double minutes) {
        budget = Optional.of(minutes);
        return this;
    }

    /** Sets the study folder. */
    public VitrailStudy setOut(String folder) {
        out = folder;
        return this;
    }

    /** Sets whether runs that failed are made again; false by default. */
    public VitrailStudy setRetry(boolean choice) {
        retry = choice;
        return this;
    }

    /**
     * Makes the runs that are missing.
     *
     * @throws VitrailException if the study, its data or the cluster is not fit for it, or the job fails as a whole
     */
    public StudyResults run(SparkSession spark) {
        require(!out.isBlank(), "a study needs a folder: name it with setOut");
        var context = spark.sparkContext();
        requireOneTask(context);
        var read = StudyFile.read(name, scale);
        var placed = data.map(read::withData).orElse(read);
        var study = budget.map(placed::withBudget).orElse(placed);
        var folder = Path.of(out).toAbsolutePath();
        var runner = new StudyRunner(study, folder, RunOptions.DEFAULT, new StudyListener() {});
        if (retry) {
            runner.forgive();
        }
        return runner.run((left, reports) -> make(context, study, left, reports));
    }

    /** Random numbers and threads are those of a process, so that two runs in one would change each other. */
    private static void requireOneTask(SparkContext context) {
        int tasks = context.isLocal()
                ? context.defaultParallelism()
                : ExecutorSizing.of(context).tasks();
        require(
                tasks == 1,
                "an executor runs %d tasks at once, and its process holds one run: set spark.task.cpus to"
                        + " spark.executor.cores, or take the master local[1]",
                tasks);
        require(
                !context.conf().getBoolean("spark.speculation", false),
                "two attempts at a run cannot write one folder: set spark.speculation to false");
    }

    private static void make(SparkContext context, Study study, List<StudyRunner.Placed> left, Runnable reports) {
        long end = System.currentTimeMillis() + (long) (60_000 * study.budgetMinutes());
        var tasks = left.stream()
                .map(run -> new StudyTask(run.folder().path().toString(), TrainingConfigFile.text(run.config()), end))
                .toList();
        var job = JavaSparkContext.fromSparkContext(context)
                .parallelize(tasks, tasks.size())
                .foreachPartitionAsync(each -> each.forEachRemaining(StudyTask::run));
        try {
            while (!job.isDone()) {
                try {
                    job.get(REPORT_SECONDS, TimeUnit.SECONDS);
                } catch (TimeoutException e) {
                    reports.run();
                }
            }
            job.get();
        } catch (InterruptedException e) {
            job.cancel(true);
            Thread.currentThread().interrupt();
            throw new VitrailException("interrupted while runs of the study were made: the same call goes on", e);
        } catch (ExecutionException e) {
            throw new VitrailException(
                    "the study stopped, and the same call goes on: %s"
                            .formatted(String.valueOf(e.getMessage())
                                    .lines()
                                    .findFirst()
                                    .orElse("")),
                    e);
        }
    }
}
