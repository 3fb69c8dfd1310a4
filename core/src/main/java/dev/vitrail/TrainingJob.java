package dev.vitrail;

import static dev.vitrail.errors.VitrailException.require;
import static dev.vitrail.train.TrainingOptions.ARCHITECTURE;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.MODEL;

import dev.vitrail.data.Datasets;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.train.ResumedOptions;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingData;
import dev.vitrail.train.TrainingRequest;
import dev.vitrail.train.TrainingResult;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * The runs that one request makes in a folder: where it is asked for, a pretraining by masked patches, which lies in
 * {@code pretraining}, and then the run itself. A job that was interrupted is resumed with whichever of them was under
 * way.
 *
 * <pre>{@code
 * var job = TrainingJob.begin(request, OptionalInt.of(10), folder, options, reason -> {});
 * var result = job.run((stage, run) -> run.run());
 * }</pre>
 *
 * <p>In a group of processes each begins or resumes the same job and makes the same runs; rank 0 alone reads and writes
 * the folder.
 */
public final class TrainingJob {
    private final RunFolder folder;
    private final RunFolder pretraining;
    private final RunOptions options;
    /** Configuration of a run that is not in its folder yet. */
    private Optional<TrainingConfig> config = Optional.empty();

    private TrainingJob(RunFolder folder, RunOptions options) {
        if (options.group().isFirst()) {
            AtomicFile.requireWritable(folder.config());
        }
        this.folder = folder;
        this.options = options;
        pretraining = new RunFolder(folder.path().resolve("pretraining"));
    }

    /**
     * Prepares a new job; nothing is trained yet.
     *
     * @param pretrain epochs of pretraining; empty for none
     * @param reasons receives why a recipe was chosen, a sentence each
     * @throws VitrailException if the request does not fit together, or the folder holds a run already
     */
    public static TrainingJob begin(
            TrainingRequest request,
            OptionalInt pretrain,
            RunFolder folder,
            RunOptions options,
            Consumer<String> reasons) {
        var job = new TrainingJob(folder, options);
        requireSame("begin", request, pretrain, options);
        if (pretrain.isPresent()) {
            if (options.group().isFirst()) {
                job.write(request, pretrain.getAsInt(), reasons);
            }
        } else {
            job.config = Optional.of(request.configure(reasons));
        }
        return job;
    }

    /**
     * Goes on with the job in a folder.
     *
     * @param request options that are named again; those that decide the result must be the run's
     * @param pretrain epochs of pretraining, if they are named again
     * @throws VitrailException naming the options that differ
     */
    public static TrainingJob resume(
            TrainingRequest request, OptionalInt pretrain, RunFolder folder, RunOptions options) {
        var job = new TrainingJob(folder, options);
        requireSame("resume", request, pretrain, options);
        if (options.group().isFirst()) {
            new ResumedOptions(folder, job.pretraining).require(request, pretrain);
        }
        return job;
    }

    private static void requireSame(String what, TrainingRequest request, OptionalInt pretrain, RunOptions options) {
        options.group()
                .requireSame(
                        "what they are asked for",
                        "%s\npretrain: %s\n%s"
                                .formatted(what, pretrain.isPresent() ? pretrain.getAsInt() : "none", request.text()));
    }

    /** Writes what both runs are to be, so that the job can be resumed with whichever was interrupted. */
    private void write(TrainingRequest request, int epochs, Consumer<String> reasons) {
        require(epochs > 0, "pretraining takes 1 or more epochs, found %d", epochs);
        require(
                !Files.exists(folder.config()),
                "%s holds a run already: resume it, or name another folder",
                folder.path());
        var asked = request.configure(reasons).checked();
        if (options.strict()) {
            Datasets.requireSound(TrainingData.open(asked).faults());
        }
        TrainingConfigFile.write(pretraining.config(), asked.pretraining(epochs).checked());
        TrainingConfigFile.write(
                folder.config(),
                asked.with(MODEL, pretraining.path().toString()).with(ARCHITECTURE, Optional.empty()));
    }

    /** The folders of the runs that are left to make, in order; the last is the job's own. */
    private List<RunFolder> stages() {
        var left = options.group().share(() -> pretrains() ? "both" : "the last");
        return left.equals("both") ? List.of(pretraining, folder) : List.of(folder);
    }

    private boolean pretrains() {
        boolean unfinished = Files.exists(pretraining.config())
                && !(pretraining.canResume()
                        && pretraining.rows().size()
                                == TrainingConfigFile.read(pretraining.config()).get(EPOCHS));
        return config.isEmpty() && unfinished;
    }

    /** Trains a run that a job has opened. */
    @FunctionalInterface
    public interface Stage {
        /**
         * @param folder of the run; the job's own for its last run
         * @param run closed by the job
         */
        TrainingResult train(RunFolder folder, TrainingRun run);
    }

    /**
     * Makes the runs that are left, in order, up to the first that ends before its last epoch.
     *
     * @param stage trains each of them
     * @return the result of the last run that was made
     */
    public TrainingResult run(Stage stage) {
        Optional<TrainingResult> result = Optional.empty();
        for (var next : stages()) {
            try (var run = open(next)) {
                result = Optional.of(stage.train(next, run));
            }
            if (!result.get().finished()) {
                break;
            }
        }
        return result.orElseThrow(); // there is one stage at least
    }

    /** Opens the run of a stage, and begins it if nothing of it was saved yet. */
    private TrainingRun open(RunFolder stage) {
        if (config.isPresent()) {
            return TrainingRun.begin(config.get(), stage, options);
        }
        var begins = options.group()
                .share(() -> stage.canResume() || !Files.exists(stage.config())
                        ? ""
                        : TrainingConfigFile.text(TrainingConfigFile.read(stage.config())));
        return begins.isEmpty()
                ? TrainingRun.resume(stage, options)
                : TrainingRun.begin(
                        TrainingConfigFile.with(
                                TrainingConfig.STANDARD, begins, stage.config().toString()),
                        stage,
                        options);
    }
}
