package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.CHECKPOINT_EVERY;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.ON_NAN;
import static dev.vitrail.train.TrainingOptions.SAVE_MINUTES;
import static dev.vitrail.train.TrainingOptions.SEED;

import dev.vitrail.data.Batch;
import dev.vitrail.data.Batches;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains a model, epoch after epoch, and keeps its run folder such that the run can go on from there whatever happens.
 *
 * <p>The same configuration, model and data give the same weights, byte for byte, whether or not the run was stopped and
 * resumed on its way, on one machine and with one number of threads.
 */
public final class Trainer implements AutoCloseable {
    /** What to do when the loss or a gradient is no finite number. */
    public enum OnNan {
        /** Stop, with what was saved before. */
        STOP,
        /** Leave that step out, a hundred times at most. */
        SKIP
    }

    private static final Logger LOG = LoggerFactory.getLogger(Trainer.class);
    private static final int MOST_SKIPPED = 100;

    private final TrainingPlan plan;
    private final TrainingConfig config;
    private final Model model;
    private final FolderConfig description;
    private final TrainingLoaders loaders;
    private final RunFolder folder;
    private final Device device;
    private final TrainingStep step;
    private final int steps;
    private final List<TrainingListener> listeners = new ArrayList<>();
    private final List<EpochSummary> rows = new ArrayList<>();
    private final Throughput pace = new Throughput();
    private Progress progress = Progress.start();
    private long saved = System.nanoTime();
    private volatile boolean stopRequested;

    private Trainer(TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder) {
        this.plan = plan;
        this.loaders = loaders;
        this.folder = folder;
        config = plan.config();
        model = plan.model().model();
        description = plan.description();
        steps = plan.stepsPerEpoch();
        device = model.device();
        step = new TrainingStep(config, model, loss);
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
        return open(plan, loss, loaders, folder, trainer -> {
            folder.begin(plan.config());
            folder.removeUnfinished();
            RandomState.seed(plan.config().get(SEED) + 1); // the first weights have drawn from the seed itself
        });
    }

    /**
     * Goes on with a run, at the step where its state was saved, or at its beginning if it ended before that. The arguments are those
     * that it began with.
     *
     * @throws VitrailException if there is none, or it belongs to another model
     */
    public static Trainer resume(TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder) {
        folder.requireBegun();
        folder.removeUnfinished();
        return open(plan, loss, loaders, folder, trainer -> {
            RandomState.seed(plan.config().get(SEED) + 1);
            if (folder.canResume()) {
                trainer.progress = RunState.read(folder.state(), trainer.model, trainer.step);
                trainer.rows.addAll(folder.rowsBefore(trainer.progress.epoch()));
            }
        });
    }

    private static Trainer open(
            TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder, Consumer<Trainer> start) {
        var trainer = new Trainer(plan, loss, loaders, folder);
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

    /** Asks the run to end after the step that it is making, its state saved. May be called from any thread. */
    public void requestStop() {
        stopRequested = true;
    }

    /**
     * Trains until all epochs are made, or a stop is requested.
     *
     * @throws VitrailException if the loss is no number any more or memory runs out; the state that was last saved stays as it is
     */
    public TrainingResult run() {
        try {
            while (progress.epoch() < plan.epochs() && !stopRequested) {
                trainEpoch();
                if (progress.step() == steps) {
                    endEpoch();
                } else {
                    save();
                }
            }
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

    private void trainEpoch() {
        step.begin();
        int accumulated = plan.gradientAccumulation();
        long before = System.nanoTime();
        try (var pass = loaders.train().epoch(progress.epoch(), progress.step() * accumulated)) {
            while (progress.step() < steps && !stopRequested) {
                var outcome = step(pass, Math.min(accumulated, plan.batchesPerEpoch() - progress.step() * accumulated));
                long now = System.nanoTime();
                pace.add(outcome.images, (now - before) / 1e9);
                progress = progress.stepped(outcome.loss, outcome.correct, outcome.images, (now - before) / 1e9);
                before = now;
                if (outcome.images > 0) {
                    tell(outcome);
                }
                if (now - saved > 60e9 * config.get(SAVE_MINUTES) && progress.step() < steps && !stopRequested) {
                    save();
                }
            }
        }
    }

    /**
     * What a step found.
     *
     * @param images that it was made of; none if it was left out
     * @param loss mean over them
     * @param correct those that were classified rightly
     * @param norm length of the gradient before clipping
     * @param learningRate that the step was made with
     */
    private record Outcome(int images, double loss, double correct, double norm, double learningRate) {}

    /** One update, by the gradients of {@code batches} batches. */
    private Outcome step(Batches pass, int batches) {
        double rate = plan.learningRate(updates(), rows);
        var nothing = new Outcome(0, 0, 0, 0, rate);
        int images = 0;
        double lossSum = 0;
        double correct = 0;
        try (var frame = Frame.open()) {
            var buffers = config.get(ON_NAN) == OnNan.SKIP ? step.buffers() : Map.<String, Tensor>of();
            for (int i = 0; i < batches; i++) {
                var batch = pass.next();
                if (batch.size() == 0) {
                    continue;
                }
                if (config.get(OBJECTIVE) == Objective.CLASSIFY) {
                    checkLabels(batch);
                }
                var random = RandomState.save(device);
                var inputs = inputs(batch, i);
                var found = step.accumulate(inputs, 1.0 / batches);
                boolean last = i == batches - 1;
                double norm = Double.isFinite(found.loss()) ? gradientNorm(last) : 0;
                if (!Double.isFinite(found.loss() + norm)) {
                    if (!Double.isFinite(norm) && step.lowerScale()) {
                        step.discard(); // nothing is wrong with it but the scale
                    } else {
                        notFinite(found.loss(), norm, inputs, random);
                        step.restore(buffers);
                    }
                    passOver(pass, batches - i - 1);
                    return nothing;
                }
                images += batch.size();
                lossSum += found.loss() * batch.size();
                correct += found.correct();
                if (last) {
                    step.update(rate, updates() + 1);
                    return new Outcome(images, lossSum / images, correct, norm, rate);
                }
            }
        }
        return nothing;
    }

    /**
     * Length of the gradients after a batch. It is asked for after each, so that what is kept of a step that goes wrong is the batch
     * that it went wrong with.
     *
     * @param last whether this was the step's last batch, and the gradients are to be clipped
     */
    private double gradientNorm(boolean last) {
        return last && step.unscale() ? step.clip() : step.norm();
    }

    /** Takes batches that are not to be used, so that the next step begins with its own. */
    private static void passOver(Batches pass, int batches) {
        for (int i = 0; i < batches; i++) {
            pass.next();
        }
    }

    /** Keeps the step for {@code replay}; then lets the run go on without it, or stops and names the first tensor that went bad. */
    private void notFinite(double loss, double norm, TrainingStep.Inputs inputs, List<byte[]> random) {
        step.discard();
        var file = folder.failedStep(progress.epoch() + 1, progress.step() + 1);
        boolean stop = config.get(ON_NAN) == OnNan.STOP || progress.skipped() == MOST_SKIPPED;
        if (stop || progress.skipped() == 0) {
            FailedStep.write(file, config, description, model, step, inputs, random);
        }
        if (!stop) {
            progress = progress.skipping();
            return;
        }
        RandomState.restore(device, random);
        var place = StepDiagnosis.of(model, step, inputs).firstBad();
        throw VitrailException.of(
                "the %s became %s in epoch %d, step %d of %d%s%s: the run has stopped and what it saved before is intact; lower"
                        + " the learning rate, warm up longer, or clip the gradient's norm (look closer: vitrail replay %s)",
                Double.isFinite(loss) ? "gradient's norm" : "loss",
                Double.isFinite(loss) ? norm : loss,
                progress.epoch() + 1,
                progress.step() + 1,
                steps,
                place.map(name -> ", first in " + name).orElse(""),
                progress.skipped() > 0 ? ", after %d steps that were skipped".formatted(progress.skipped()) : "",
                file);
    }

    /**
     * A batch as the model and the loss take it, mixed if the run mixes.
     *
     * @param part of the step, where several batches make one
     */
    private TrainingStep.Inputs inputs(Batch batch, int part) {
        var images = batch.images(device);
        var target = target(batch).to(device);
        var mixing = plan.mixing();
        if (mixing.isEmpty() || !mixing.get().isOn(progress.epoch()) || batch.size() % 2 != 0) {
            return new TrainingStep.Inputs(images, target);
        }
        var random = Mixing.random(config.get(SEED), updates() * plan.gradientAccumulation() + part);
        var mixed = mixing.get().apply(images, target, model.config().classes(), random);
        return new TrainingStep.Inputs(mixed.images(), mixed.targets());
    }

    private static Tensor target(Batch batch) {
        var classes = new long[batch.size()];
        for (int i = 0; i < classes.length; i++) {
            classes[i] = batch.labels()[i];
        }
        return Tensor.of(classes, classes.length);
    }

    private void checkLabels(Batch batch) {
        int classes = model.config().classes();
        for (int i = 0; i < batch.size(); i++) {
            int label = batch.labels()[i];
            VitrailException.require(
                    label >= 0 && label < classes,
                    "an image to train on has the label %d, but the model tells %d classes apart (0 to %d): give every image"
                            + " one of these, or the model another classifier",
                    label,
                    classes,
                    classes - 1);
        }
    }

    /** Updates made so far. */
    private long updates() {
        return (long) progress.epoch() * steps + progress.step();
    }

    private void tell(Outcome outcome) {
        long left = plan.totalSteps() - updates();
        var step = new TrainingListener.Step(
                progress.epoch() + 1,
                plan.epochs(),
                progress.step(),
                steps,
                updates(),
                outcome.loss,
                progress.meanLoss(),
                progress.top1(),
                outcome.norm,
                outcome.learningRate,
                pace.imagesPerSecond(),
                Duration.ofMillis((long) (1000 * left * pace.secondsPerStep())));
        listeners.forEach(listener -> listener.stepped(step));
    }

    private void endEpoch() {
        long start = System.nanoTime();
        var found = validate();
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
        boolean ending = stopRequested;
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
        Runnable evaluate = () -> {
            try (var pass = loaders.validation().epoch(0)) {
                LongConsumer told = images -> listeners.forEach(listener -> listener.validated(epoch, images));
                found.add(
                        model instanceof MaskedPatches masked
                                ? Evaluation.ofMaskedPatches(masked, pass, told)
                                : Evaluation.of(model, pass, told));
            }
        };
        step.ema().ifPresentOrElse(average -> average.during(evaluate), evaluate);
        return found.get(0);
    }

    private void save() {
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
