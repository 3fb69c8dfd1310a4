package dev.vitrail.study;

import dev.vitrail.RunOptions;
import dev.vitrail.TrainingRun;
import dev.vitrail.data.DataProblems;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.Subset;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.report.RunReport;
import dev.vitrail.report.StudyPage;
import dev.vitrail.report.StudyResults;
import dev.vitrail.report.StudyRow;
import dev.vitrail.report.StudyRow.State;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.Trainer;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingData;
import dev.vitrail.train.TrainingListener;
import dev.vitrail.train.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the runs of a study one after the other, each in a run folder of its own below the study's. What is there
 * already is kept: runs that have finished or failed are not made again, one that was interrupted goes on from its last
 * save, also after a kill.
 *
 * <p>The study's folder holds {@code study.yaml} (what was asked), {@code study.csv} (a row for each run) and
 * {@code index.html} (table and plots), written anew after each run; when all have finished also {@code inspect.html},
 * the winner against the baseline.
 */
public final class StudyRunner {
    private static final Logger LOG = LoggerFactory.getLogger(StudyRunner.class);

    private final Study study;
    private final List<StudyRun> runs;
    private final Path folder;
    private final RunOptions options;
    private final StudyListener listener;
    private final TrainAndValidation whole;
    private final List<StudyRow> rows = new ArrayList<>();
    private volatile boolean stopRequested;
    private volatile Optional<Trainer> trainer = Optional.empty();

    /**
     * @param folder made if it is missing
     * @throws VitrailException if a run's options do not fit, the data cannot be had or is damaged and that is refused,
     *     or the folder holds a run of the same name that was made otherwise
     */
    public StudyRunner(Study study, Path folder, RunOptions options, StudyListener listener) {
        this.study = study;
        this.folder = folder;
        this.options = options;
        this.listener = listener;
        runs = study.runs();
        runs.forEach(this::requireSame);
        whole = TrainingData.open(runs.get(0).config().with(TrainingOptions.TRAIN_FRACTION, 1.0));
        if (options.strict()) {
            Datasets.requireSound(whole.faults());
        }
        runs.forEach(run -> rows.add(row(run)));
    }

    /** Problems of the data's files. */
    public DataProblems faults() {
        return whole.faults();
    }

    /** A run that was made by other options must not pass for one of this study. */
    private void requireSame(StudyRun run) {
        var place = folder(run);
        VitrailException.require(
                !Files.isRegularFile(place.config())
                        || TrainingConfigFile.read(place.config()).equals(run.config()),
                "%s was made by other options than this study has: name another folder with --out, or delete that one",
                place.path());
    }

    private RunFolder folder(StudyRun run) {
        return new RunFolder(folder.resolve(run.folderName()));
    }

    private StudyRow row(StudyRun run) {
        int images = Subset.ofShare(whole.train(), run.share(), run.seed()).size();
        return StudyRow.read(
                run.model(),
                run.recipe(),
                run.share(),
                images,
                run.seed(),
                folder(run).path());
    }

    /** Results so far. */
    public StudyResults results() {
        return new StudyResults(
                study.folderName(),
                study.title(),
                study.source(),
                List.of(
                        "Trained on " + whole.train().describe(),
                        "Validated on " + whole.validation().describe()),
                StudyFile.text(study),
                study.baseline(),
                rows);
    }

    /** Lets the runs that failed be tried again. */
    public void forgive() {
        for (int i = 0; i < runs.size(); i++) {
            StudyRow.forgive(folder(runs.get(i)).path());
            rows.set(i, row(runs.get(i)));
        }
    }

    /** Asks the study to end after the step that it is making, the run's state saved. May be called from any thread. */
    public void requestStop() {
        stopRequested = true;
        trainer.ifPresent(Trainer::requestStop);
    }

    /**
     * Makes the runs that are missing until none is left, the study's time is over, or a stop is requested. A run that
     * fails is noted, and the others go on.
     *
     * @throws VitrailException if the study's own files cannot be written
     */
    public StudyResults run() {
        long end = System.nanoTime() + (long) (60e9 * study.budgetMinutes());
        AtomicFile.write(folder.resolve("study.yaml"), StudyFile.text(study));
        report();
        for (int i = 0; i < runs.size() && !stopRequested && System.nanoTime() < end; i++) {
            if (isLeft(i)) {
                listener.runBegins(runs.get(i), i + 1, runs.size(), rows.get(i).state() == State.BEGUN);
                make(runs.get(i), end);
                rows.set(i, row(runs.get(i)));
                report();
                listener.runEnded(rows.get(i));
            }
        }
        return ended();
    }

    /** Writes what compares the runs, when all have finished. */
    private StudyResults ended() {
        var results = results();
        if (results.finished()) {
            StudyPage.write(results, whole.validation(), options.device(), folder);
        }
        return results;
    }

    private boolean isLeft(int run) {
        var state = rows.get(run).state();
        return state == State.MISSING || state == State.BEGUN;
    }

    /** Makes runs of a study in other places, which have its folder at the same path. */
    public interface Elsewhere {
        /**
         * Makes runs, each by {@link StudyRunner#make}, and returns when none is being made.
         *
         * @param left those that are missing or were interrupted
         * @param reports may be called now and then, to write the study's files anew
         */
        void make(List<Placed> left, Runnable reports);
    }

    /**
     * A run of a study and its folder.
     *
     * @param config all of the run's options
     */
    public record Placed(TrainingConfig config, RunFolder folder) {}

    /**
     * Has the missing runs made elsewhere, several at once. Each is independent of all others, so that the results are
     * those of {@link #run}.
     *
     * @throws VitrailException if the study's own files cannot be written
     */
    public StudyResults run(Elsewhere elsewhere) {
        AtomicFile.write(folder.resolve("study.yaml"), StudyFile.text(study));
        report();
        var left = IntStream.range(0, runs.size())
                .filter(this::isLeft)
                .mapToObj(i -> new Placed(runs.get(i).config(), folder(runs.get(i))))
                .toList();
        if (!left.isEmpty()) {
            elsewhere.make(left, this::refresh);
            refresh();
        }
        return ended();
    }

    private void refresh() {
        for (int i = 0; i < runs.size(); i++) {
            rows.set(i, row(runs.get(i)));
        }
        report();
    }

    private void make(StudyRun run, long end) {
        try {
            make(new Placed(run.config(), folder(run)), options, training -> {
                trainer = Optional.of(training.trainer());
                if (stopRequested) {
                    training.trainer().requestStop();
                }
                training.trainer().listener(listener).listener(until(end, training.trainer()));
            });
        } finally {
            trainer = Optional.empty();
        }
    }

    /**
     * Makes one run of a study, or goes on with it, in this process. That it fails is noted in its folder.
     *
     * @param opened gets the run before it trains
     */
    public static void make(Placed run, RunOptions options, Consumer<TrainingRun> opened) {
        var place = run.folder;
        try (var training = Files.isRegularFile(place.config())
                ? TrainingRun.resume(place, options)
                : TrainingRun.begin(run.config, place, options)) {
            opened.accept(training);
            training.trainer().listener(new RunReport(place, training.sets(), options.device()));
            training.run();
        } catch (VitrailException e) {
            StudyRow.fail(place.path(), e.getMessage());
        } catch (RuntimeException e) { // libtorch's, whose messages go on with the frames of its stack
            LOG.debug("{} failed", place.path(), e);
            StudyRow.fail(place.path(), e.toString().lines().findFirst().orElse(""));
        }
    }

    private static TrainingListener until(long end, Trainer trainer) {
        return new TrainingListener() {
            @Override
            public void stepped(Step step) {
                if (System.nanoTime() > end) {
                    trainer.requestStop();
                }
            }
        };
    }

    private void report() {
        var results = results();
        AtomicFile.write(folder.resolve("study.csv"), results.csv());
        AtomicFile.write(folder.resolve("index.html"), StudyPage.html(results));
    }
}
