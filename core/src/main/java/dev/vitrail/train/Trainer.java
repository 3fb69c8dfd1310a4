package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.BATCH_SIZE;
import static dev.vitrail.train.TrainingOptions.CLIP_NORM;
import static dev.vitrail.train.TrainingOptions.EMA_DECAY;
import static dev.vitrail.train.TrainingOptions.EMA_WARMUP;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;
import static dev.vitrail.train.TrainingOptions.SEED;

import dev.vitrail.VitrailException;
import dev.vitrail.data.Batch;
import dev.vitrail.data.Loader;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Kernels;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Parameter;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.ModelFolder;
import dev.vitrail.weights.StoredTensor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Trains a model, epoch after epoch, and keeps its run folder such that the run can go on from there whatever happens.
 *
 * <p>The same configuration, model and data give the same weights, byte for byte, whether or not the run was stopped and
 * resumed on its way, on one machine and with one number of threads.
 */
public final class Trainer implements AutoCloseable {
    private final TrainingConfig config;
    private final Model model;
    private final FolderConfig description;
    private final Loader train;
    private final Loader validation;
    private final RunFolder folder;
    private final Device device;
    private final Optimizer optimizer;
    private final Optional<Ema> ema;
    private final Schedule schedule;
    private final TrainingLoss loss;
    private final List<TrainingListener> listeners = new ArrayList<>();
    private final List<EpochSummary> rows = new ArrayList<>();
    private final Pace pace = new Pace();
    private Progress progress = Progress.start();
    private volatile boolean stopRequested;

    private Trainer(
            TrainingConfig config,
            Model model,
            FolderConfig description,
            Loader train,
            Loader validation,
            RunFolder folder) {
        this.config = config;
        this.model = model;
        this.description = description;
        this.train = train;
        this.validation = validation;
        this.folder = folder;
        if (config.get(FREEZE_BACKBONE)) {
            FineTuning.freezeBackbone(model);
        }
        device = model.parameters().values().iterator().next().value().device();
        optimizer = Optimizers.of(config, model);
        ema = config.get(EMA_DECAY).isPresent() ? Optional.of(new Ema(model)) : Optional.empty();
        schedule = Schedules.of(config, train.batches());
        loss = new TrainingLoss(config);
    }

    /**
     * Begins a run.
     *
     * @param model with its first weights, or those to be fine-tuned; remains the caller's to close
     * @param description written beside the weights, so that they can be loaded by the folder's name
     * @param folder made if it is missing
     * @throws VitrailException if the folder holds a run already
     */
    public static Trainer begin(
            TrainingConfig config,
            Model model,
            FolderConfig description,
            Loader train,
            Loader validation,
            RunFolder folder) {
        var trainer = new Trainer(config, model, description, train, validation, folder);
        try {
            folder.begin(config);
            RandomState.seed(config.get(SEED) + 1); // the first weights have drawn from the seed itself
            return trainer;
        } catch (RuntimeException e) {
            trainer.close();
            throw e;
        }
    }

    /**
     * Goes on with a run, at the step where its state was saved. The arguments are those that it began with.
     *
     * @throws VitrailException if there is none, or it belongs to another model
     */
    public static Trainer resume(
            TrainingConfig config,
            Model model,
            FolderConfig description,
            Loader train,
            Loader validation,
            RunFolder folder) {
        folder.requireResumable();
        var trainer = new Trainer(config, model, description, train, validation, folder);
        try {
            trainer.progress = RunState.read(folder.state(), model, trainer.optimizer, trainer.ema);
            trainer.rows.addAll(folder.rowsBefore(trainer.progress.epoch()));
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
            while (progress.epoch() < config.get(EPOCHS) && !stopRequested) {
                trainEpoch();
                if (progress.step() == train.batches()) {
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
                progress.epoch() == config.get(EPOCHS),
                rows,
                progress.bestTop1(),
                progress.bestEpoch(),
                rows.stream().mapToDouble(EpochSummary::seconds).sum() + progress.epochSeconds());
    }

    private void trainEpoch() {
        // A frozen backbone is used as it will be used later: without dropout, its batch statistics fixed.
        model.train(!config.get(FREEZE_BACKBONE));
        long before = System.nanoTime();
        try (var pass = train.epoch(progress.epoch(), progress.step())) {
            while (progress.step() < train.batches() && !stopRequested) {
                var batch = pass.next();
                var outcome = batch.size() == 0 ? Outcome.NONE : step(batch);
                long now = System.nanoTime();
                pace.add(batch.size(), (now - before) / 1e9);
                progress = progress.stepped(outcome.loss, outcome.correct, batch.size(), (now - before) / 1e9);
                before = now;
                tell(outcome);
            }
        }
    }

    /** What a step found: its loss, its images that were classified rightly, its gradient's length before clipping. */
    private record Outcome(double loss, long correct, double norm, double learningRate) {
        static final Outcome NONE = new Outcome(0, 0, 0, 0);
    }

    private Outcome step(Batch batch) {
        checkLabels(batch);
        double rate = schedule.rate(updates());
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            var images = images(batch).to(device);
            var target = target(batch).to(device);
            var logits = model.apply(images);
            var mean = loss.of(logits, target);
            double value = mean.item();
            requireFinite(value, "loss");
            mean.backward();
            double norm =
                    Kernels.clipGradientNorm(trained(), config.get(CLIP_NORM).orElse(Double.POSITIVE_INFINITY));
            requireFinite(norm, "gradient's norm");
            optimizer.step(rate);
            optimizer.zeroGradients();
            ema.ifPresent(average -> average.update(emaSettings().decayAt(updates() + 1)));
            long correct = logits.argmax(1).equalTo(target).to(DType.I64).sum().itemLong();
            return new Outcome(value, correct, norm, rate);
        }
    }

    /** The values that are trained; not to be kept, as averaging gives a parameter new ones. */
    private List<Tensor> trained() {
        return optimizer.groups().stream()
                .flatMap(group -> group.parameters().values().stream())
                .map(Parameter::value)
                .toList();
    }

    private static Tensor images(Batch batch) {
        return Tensor.of(
                batch.bytes().duplicate().rewind(),
                DType.F32,
                batch.size(),
                batch.channels(),
                batch.height(),
                batch.width());
    }

    private static Tensor target(Batch batch) {
        var classes = new long[batch.size()];
        for (int i = 0; i < classes.length; i++) {
            classes[i] = batch.labels()[i];
        }
        return Tensor.of(classes, classes.length);
    }

    private Ema.Settings emaSettings() {
        return new Ema.Settings(config.get(EMA_DECAY).orElseThrow(), config.get(EMA_WARMUP));
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

    private void requireFinite(double value, String what) {
        VitrailException.require(
                Double.isFinite(value),
                "the %s became %s in epoch %d, step %d of %d: the run has stopped and what it saved before is intact; lower the"
                        + " learning rate, warm up longer, or clip the gradient's norm",
                what,
                value,
                progress.epoch() + 1,
                progress.step() + 1,
                train.batches());
    }

    /** Updates made so far. */
    private long updates() {
        return (long) progress.epoch() * train.batches() + progress.step();
    }

    private void tell(Outcome outcome) {
        long left = (long) config.get(EPOCHS) * train.batches() - updates();
        var step = new TrainingListener.Step(
                progress.epoch() + 1,
                config.get(EPOCHS),
                progress.step(),
                train.batches(),
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
                schedule.rate(updates() - 1),
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
        folder.writeRows(rows);
        save();
        listeners.forEach(listener -> listener.epochEnded(row, found, best));
    }

    /** Validates what the run is to give: the mean of the weights if there is one, else the weights. */
    private Evaluation validate() {
        int epoch = progress.epoch() + 1;
        var found = new ArrayList<Evaluation>(1);
        Runnable evaluate = () -> {
            try (var pass = validation.epoch(0)) {
                found.add(Evaluation.of(
                        model, pass, images -> listeners.forEach(listener -> listener.validated(epoch, images))));
            }
        };
        ema.ifPresentOrElse(average -> average.during(evaluate), evaluate);
        return found.get(0);
    }

    private void save() {
        var weights = weights();
        ModelFolder.write(folder.last(), description, weights);
        RunState.write(folder.state(), progress, model, optimizer, ema);
        listeners.forEach(listener -> listener.saved(folder.path()));
    }

    private List<StoredTensor> weights() {
        return RunState.stored(ema.map(Ema::state).orElseGet(this::ownWeights));
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
                                config.get(BATCH_SIZE),
                                Math.max(1, config.get(BATCH_SIZE) / 2),
                                folder.canResume() ? "the run can be resumed" : "nothing was saved yet"),
                cause);
    }

    /** Frees what training added to the model; the model itself is the caller's. */
    @Override
    public void close() {
        optimizer.zeroGradients();
        optimizer.close();
        ema.ifPresent(Ema::close);
    }
}
