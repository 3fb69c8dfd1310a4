package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.CHECKPOINT_EVERY;
import static dev.vitrail.train.TrainingOptions.SAVE_MINUTES;
import static dev.vitrail.train.TrainingOptions.SEED;

import dev.vitrail.distributed.PeerLostException;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.models.MaskedPatches;
import dev.vitrail.models.Model;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.ModelFolder;
import dev.vitrail.weights.StoredTensor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.stream.DoubleStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains a model, epoch after epoch, and keeps its run folder such that the run can go on from there whatever happens.
 *
 * <p>The same configuration, model and data give the same weights, byte for byte, whether or not the run was stopped
 * and resumed on its way, on one machine and with one number of threads.
 */
public final class Trainer implements AutoCloseable {
    /** Action on a non-finite loss or gradient. */
    public enum OnNan {
        /** Stop, with what was saved before. */
        STOP,
        /** Leave that step out, a hundred times at most. */
        SKIP
    }

    private static final Logger LOG = LoggerFactory.getLogger(Trainer.class);

    private final TrainingPlan plan;
    private final TrainingConfig config;
    private final Model model;
    private final FolderConfig description;
    private final TrainingLoaders loaders;
    private final RunFolder folder;
    private final TrainingStep step;
    private final Updater updater;
    private final ProcessGroup group;
    private final int steps;
    private final List<TrainingListener> listeners = new ArrayList<>();
    private final List<EpochSummary> rows = new ArrayList<>();
    private final Throughput pace = new Throughput();
    private Progress progress = Progress.start();
    private long saved = System.nanoTime();
    /** Request to stop of this process; a group stops when all have heard of it. */
    private volatile boolean stopRequested;

    private boolean stopAgreed;

    private Trainer(
            TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder, ProcessGroup group) {
        this.plan = plan;
        this.group = group;
        this.loaders = loaders;
        this.folder = folder;
        config = plan.config();
        model = plan.model().model();
        description = plan.description();
        steps = plan.stepsPerEpoch();
        step = new TrainingStep(config, model, loss, group);
        var nonFinite = new NonFiniteSteps(plan, step, folder, group);
        updater = step.parallel()
                .<Updater>map(parallel ->
                        new DataParallelUpdater(plan, step, parallel, group, () -> stopRequested, nonFinite))
                .orElseGet(() -> new SingleProcessUpdater(plan, step, nonFinite));
    }

    /**
     * Begins a run.
     *
     * @param loss what is made small; a teacher in it remains the caller's to close
     * @param loaders of the plan's data; remain the caller's to close
     * @param folder made if it is missing
     * @throws VitrailException if the folder holds a run already
     */
    public static Trainer begin(TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder) {
        return begin(plan, loss, loaders, folder, ProcessGroup.single());
    }

    /**
     * Begins a run of a group of processes. Each calls this with the same plan and its own loaders; rank 0 alone writes
     * the folder.
     *
     * @throws VitrailException if the folder holds a run already
     */
    public static Trainer begin(
            TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder, ProcessGroup group) {
        return open(plan, loss, loaders, folder, group, trainer -> {
            if (group.isFirst()) {
                folder.begin(plan.config());
                folder.removeUnfinished();
            }
            RandomState.seed(plan.config().get(SEED) + 1); // the first weights have drawn from the seed itself
        });
    }

    /**
     * Goes on with a run, at the step where its state was saved, or at its beginning if it ended before that. The
     * arguments are those that it began with.
     *
     * @throws VitrailException if there is none, or it belongs to another model
     */
    public static Trainer resume(TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder) {
        return resume(plan, loss, loaders, folder, ProcessGroup.single());
    }

    /**
     * Goes on with a run in a group of processes, as many or not as it began with. Rank 0 alone reads the folder, and
     * gives the others what was saved.
     *
     * @throws VitrailException if there is none, or it belongs to another model
     */
    public static Trainer resume(
            TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder, ProcessGroup group) {
        if (group.isFirst()) {
            folder.requireBegun();
            folder.removeUnfinished();
        }
        return open(plan, loss, loaders, folder, group, trainer -> {
            RandomState.seed(plan.config().get(SEED) + 1);
            if (group.isFirst() && folder.canResume()) {
                trainer.progress = RunState.read(folder.state(), trainer.model, trainer.step);
                trainer.rows.addAll(folder.rowsBefore(trainer.progress.epoch()));
            }
            if (!group.isSingle()) {
                trainer.takeFromFirst();
            }
        });
    }

    private void takeFromFirst() {
        progress = RunState.share(group, progress, model, step);
        var numbers = RunState.numbers(
                group,
                rows.stream()
                        .flatMapToDouble(row -> DoubleStream.of(row.numbers()))
                        .toArray());
        rows.clear();
        int each = EpochSummary.class.getRecordComponents().length;
        for (int begin = 0; begin < numbers.length; begin += each) {
            rows.add(EpochSummary.of(Arrays.copyOfRange(numbers, begin, begin + each)));
        }
    }

    private static Trainer open(
            TrainingPlan plan,
            TrainingLoss loss,
            TrainingLoaders loaders,
            RunFolder folder,
            ProcessGroup group,
            Consumer<Trainer> start) {
        var trainer = new Trainer(plan, loss, loaders, folder, group);
        try {
            start.accept(trainer);
            return trainer;
        } catch (RuntimeException e) {
            trainer.close();
            throw e;
        }
    }

    /** Tells a listener of all that follows. */
    public Trainer listener(TrainingListener listener) {
        listeners.add(listener);
        return this;
    }

    /**
     * Asks the run to end after the step that it is making, its state saved; in a group, the others too. May be called
     * from any thread.
     */
    public void requestStop() {
        stopRequested = true;
    }

    /**
     * Trains until all epochs are made, or a stop is requested.
     *
     * @throws VitrailException if the loss is no number any more or memory runs out; the state that was last saved
     *     stays as it is
     */
    public TrainingResult run() {
        try {
            while (progress.epoch() < plan.epochs() && !stopping()) {
                trainEpoch();
                if (progress.step() == steps) {
                    if (!folder.canResume()) {
                        save(); // a killed run never leaves an epoch's files without a state to go on from
                    }
                    endEpoch();
                } else {
                    save();
                }
            }
        } catch (PeerLostException e) {
            throw saved(e);
        } catch (RuntimeException e) {
            throw NativeMemory.ranOut(e) ? outOfMemory(e) : e;
        } finally {
            model.train(false);
        }
        return new TrainingResult(
                folder.path(),
                progress.epoch() == plan.epochs(),
                rows,
                progress.bestTop1(),
                progress.bestEpoch(),
                rows.stream().mapToDouble(EpochSummary::seconds).sum() + progress.epochSeconds());
    }

    /** Returns whether the run ends before its last epoch. */
    private boolean stopping() {
        return group.isSingle() ? stopRequested : stopAgreed;
    }

    /** Another process is gone: this one stands where its last step left it, and rank 0 saves that. */
    private PeerLostException saved(PeerLostException lost) {
        if (!group.isFirst()) {
            return new PeerLostException(lost.getMessage() + ", so the training was stopped", lost);
        }
        try {
            save();
        } catch (VitrailException e) {
            return new PeerLostException(
                    ("%s, so the training was stopped, and could not be saved (%s): go on from what was"
                                    + " saved before in %s")
                            .formatted(lost.getMessage(), e.getMessage(), folder.path()),
                    lost);
        }
        return new PeerLostException(
                "%s, so the training was stopped and saved in %s (epoch %d, step %d of %d): go on with --resume"
                        .formatted(lost.getMessage(), folder.path(), progress.epoch() + 1, progress.step(), steps),
                lost);
    }

    private void trainEpoch() {
        step.begin();
        int accumulated = plan.gradientAccumulation();
        long before = System.nanoTime();
        // Of a run that was saved between its last step and its validation, no batch is left.
        int first = Math.min(progress.step() * accumulated, plan.batchesPerEpoch());
        try (var pass = loaders.train().epoch(progress.epoch(), first)) {
            while (progress.step() < steps && !stopping()) {
                int batches = Math.min(accumulated, plan.batchesPerEpoch() - progress.step() * accumulated);
                var outcome = updater.update(pass, batches, progress, plan.learningRate(updates(), rows));
                stopAgreed |= outcome.stops();
                progress = outcome.nonFinite() ? progress.skipping() : progress;
                long now = System.nanoTime();
                pace.add(outcome.images(), (now - before) / 1e9);
                progress = progress.stepped(outcome.loss(), outcome.correct(), outcome.images(), (now - before) / 1e9);
                before = now;
                if (outcome.images() > 0) {
                    tell(outcome);
                }
                if (now - saved > 60e9 * config.get(SAVE_MINUTES) && progress.step() < steps && !stopping()) {
                    save();
                }
            }
        }
    }

    /** Updates made so far. */
    private long updates() {
        return progress.updates(steps);
    }

    private void tell(StepOutcome outcome) {
        long left = plan.totalSteps() - updates();
        var step = new TrainingListener.Step(
                progress.epoch() + 1,
                plan.epochs(),
                progress.step(),
                steps,
                updates(),
                outcome.loss(),
                progress.meanLoss(),
                progress.top1(),
                outcome.norm(),
                outcome.learningRate(),
                pace.imagesPerSecond(),
                Duration.ofMillis((long) (1000 * left * pace.secondsPerStep())));
        listeners.forEach(listener -> listener.stepped(step));
    }

    private void endEpoch() {
        long start = System.nanoTime();
        step.parallel()
                .ifPresent(parallel -> LOG.debug(
                        "rank {} has waited {} s for sums of gradients so far; epoch {} took {} s",
                        group.rank(),
                        String.format(Locale.ROOT, "%.2f", parallel.gradients().waited() / 1e9),
                        progress.epoch() + 1,
                        String.format(Locale.ROOT, "%.2f", progress.epochSeconds())));
        var found = validate();
        stopAgreed |= group.sum(stopRequested ? 1 : 0)[0] > 0;
        double seconds = progress.epochSeconds() + (System.nanoTime() - start) / 1e9;
        var row = new EpochSummary(
                progress.epoch() + 1,
                plan.learningRate(updates() - 1, rows),
                progress.meanLoss(),
                progress.top1(),
                found.nll(),
                found.top1(),
                found.top5(),
                seconds,
                progress.seen() / progress.epochSeconds());
        boolean best = progress.beatenBy(found.top1(), found.nll());
        rows.add(row);
        progress = progress.nextEpoch(found.top1(), found.nll());
        if (!group.isFirst()) {
            return;
        }
        if (best) {
            ModelFolder.write(folder.best(), description, weights());
        }
        if (config.get(CHECKPOINT_EVERY)
                .filter(every -> row.epoch() % every == 0)
                .isPresent()) {
            ModelFolder.write(folder.kept(row.epoch()), description, weights());
        }
        saveModel();
        folder.writeRows(rows);
        boolean ending = stopping();
        if (ending) {
            saveState(); // first: the process may be given no more time than that takes
        }
        listeners.forEach(listener -> tell(listener, row, found, best));
        if (!ending) {
            saveState(); // last: a run that is killed before makes the epoch, and all that tells of it, again
        }
    }

    /** Tells a listener of an epoch; what goes wrong there is told, and is no reason not to save the run. */
    private static void tell(TrainingListener listener, EpochSummary row, Evaluation found, boolean best) {
        try {
            listener.epochEnded(row, found, best);
        } catch (RuntimeException | LinkageError | AssertionError | InternalError e) {
            LOG.warn(
                    "what is kept of epoch {} for people to look at could not be written ({}); the run itself goes on",
                    row.epoch(),
                    e instanceof VitrailException ? e.getMessage() : e.toString());
        }
    }

    /** Validates what the run is to give: the mean of the weights if there is one, else the weights. */
    private Evaluation validate() {
        int epoch = progress.epoch() + 1;
        var found = new ArrayList<Evaluation>(1);
        var together = group.isSingle() ? Evaluation.Together.ALONE : (Evaluation.Together) group::gather;
        Runnable evaluate = () -> {
            try (var pass = loaders.validation().epoch(0)) {
                LongConsumer told = images -> listeners.forEach(listener -> listener.validated(epoch, images));
                found.add(
                        model instanceof MaskedPatches masked
                                ? Evaluation.ofMaskedPatches(masked, pass, told, together)
                                : Evaluation.of(model, pass, told, together));
            }
        };
        step.ema().ifPresentOrElse(average -> average.during(evaluate), evaluate);
        return found.get(0);
    }

    private void save() {
        if (!group.isFirst()) {
            return;
        }
        saveModel();
        saveState();
    }

    private void saveModel() {
        ModelFolder.write(folder.last(), description, weights());
    }

    private void saveState() {
        saved = System.nanoTime();
        RunState.write(folder.state(), progress, model, step);
        listeners.forEach(listener -> listener.saved(folder.path()));
    }

    private List<StoredTensor> weights() {
        var weights = new LinkedHashMap<>(step.ema().map(Ema::state).orElseGet(this::ownWeights));
        weights.keySet().removeIf(model::onlyForTraining);
        return RunState.stored(weights);
    }

    private Map<String, Tensor> ownWeights() {
        var values = new LinkedHashMap<String, Tensor>();
        model.parameters().forEach((name, parameter) -> values.put(name, parameter.value()));
        return values;
    }

    private VitrailException outOfMemory(RuntimeException cause) {
        return new VitrailException(
                "memory ran out in epoch %d, step %d, with %d images in a batch: lower the batch size, to %d say (%s)"
                        .formatted(
                                progress.epoch() + 1,
                                progress.step() + 1,
                                plan.batchSize(),
                                Math.max(1, plan.batchSize() / 2),
                                folder.canResume() ? "the run can be resumed" : "nothing was saved yet"),
                cause);
    }

    /** Frees what training added to the model; the model itself is the caller's. */
    @Override
    public void close() {
        step.close();
    }
}
