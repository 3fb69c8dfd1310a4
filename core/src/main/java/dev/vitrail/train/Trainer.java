package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.CHECKPOINT_EVERY;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.ON_NAN;
import static dev.vitrail.train.TrainingOptions.SAVE_MINUTES;
import static dev.vitrail.train.TrainingOptions.SEED;

import dev.vitrail.data.Batch;
import dev.vitrail.data.Batches;
import dev.vitrail.distributed.PeerLostException;
import dev.vitrail.distributed.ProcessGroup;
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
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.stream.DoubleStream;
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
    private final ProcessGroup group;
    private final int steps;
    private final List<TrainingListener> listeners = new ArrayList<>();
    private final List<EpochSummary> rows = new ArrayList<>();
    private final Throughput pace = new Throughput();
    private Progress progress = Progress.start();
    private long saved = System.nanoTime();
    /** Of this process; a group stops when all have heard of it. */
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
        device = model.device();
        step = new TrainingStep(config, model, loss, group);
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
     * Begins a run of a group of processes. Each calls this with the same plan and its own loaders; rank 0 alone writes the folder.
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
     * Goes on with a run, at the step where its state was saved, or at its beginning if it ended before that. The arguments are those
     * that it began with.
     *
     * @throws VitrailException if there is none, or it belongs to another model
     */
    public static Trainer resume(TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder) {
        return resume(plan, loss, loaders, folder, ProcessGroup.single());
    }

    /**
     * Goes on with a run in a group of processes, as many or not as it began with. Rank 0 alone reads the folder, and gives the others what
     * was saved.
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
     * Asks the run to end after the step that it is making, its state saved; in a group, the others too. May be called from any thread.
     */
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
            while (progress.epoch() < plan.epochs() && !stopping()) {
                trainEpoch();
                if (progress.step() == steps) {
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

    /** Whether the run ends before its last epoch. */
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
                    "%s, so the training was stopped, and could not be saved (%s): go on from what was saved before in %s"
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
                var outcome = step(pass, Math.min(accumulated, plan.batchesPerEpoch() - progress.step() * accumulated));
                long now = System.nanoTime();
                pace.add(outcome.images, (now - before) / 1e9);
                progress = progress.stepped(outcome.loss, outcome.correct, outcome.images, (now - before) / 1e9);
                before = now;
                if (outcome.images > 0) {
                    tell(outcome);
                }
                if (now - saved > 60e9 * config.get(SAVE_MINUTES) && progress.step() < steps && !stopping()) {
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
        return step.parallel()
                .map(parallel -> together(parallel, pass, batches, rate))
                .orElseGet(() -> alone(pass, batches, rate));
    }

    private Outcome alone(Batches pass, int batches, double rate) {
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

    /** What a process finds in its share of a step, as numbers to add up over all. */
    private enum Found {
        IMAGES,
        LOSS,
        CORRECT,
        /** Shares whose loss is not finite. */
        BAD,
        STOPS
    }

    /**
     * A batch of a step, to look closer at where it went wrong.
     *
     * @param random the random numbers before it
     */
    private record Suspect(TrainingStep.Inputs inputs, List<byte[]> random) {}

    /**
     * The same as one process of a group: gradients are added up after the last batch, and then all decide alike. What goes wrong is told
     * after the whole step, and not after the batch.
     */
    private Outcome together(DataParallel parallel, Batches pass, int batches, double rate) {
        var random = RandomState.save(device);
        try (var frame = Frame.open()) {
            var buffers = step.buffers();
            try {
                var own = new double[Found.values().length];
                var sums = new ArrayList<Runnable>(1);
                var totals = Tensor.of(own, own.length);
                Optional<Suspect> suspect = Optional.empty();
                for (int i = 0; i < batches; i++) {
                    var batch = pass.next();
                    if (config.get(OBJECTIVE) == Objective.CLASSIFY) {
                        checkLabels(batch);
                    }
                    var drawn = RandomState.save(device);
                    var inputs = inputs(batch, i);
                    boolean last = i == batches - 1;
                    try (var shared = parallel.open(batch)) {
                        double part = parallel.part(batch, step.loss(), inputs.target());
                        var found = step.accumulate(
                                inputs,
                                part / batches,
                                last ? Optional.of(parallel.gradients()) : Optional.empty(),
                                forward -> {
                                    own[Found.IMAGES.ordinal()] += batch.size();
                                    own[Found.LOSS.ordinal()] += forward.loss() * part * batch.whole();
                                    own[Found.CORRECT.ordinal()] += forward.correct();
                                    own[Found.BAD.ordinal()] += Double.isFinite(forward.loss()) ? 0 : 1;
                                    own[Found.STOPS.ordinal()] = stopRequested ? 1 : 0;
                                    if (last) {
                                        Frame.run(() -> totals.copyInPlace(Tensor.of(own, own.length)));
                                        sums.add(group.beginSum(totals)::await);
                                    }
                                });
                        if (suspect.isEmpty() && (last || !Double.isFinite(found.loss()))) {
                            suspect = Optional.of(new Suspect(inputs, drawn));
                        }
                    }
                }
                parallel.gradients().finish();
                sums.forEach(Runnable::run);
                parallel.averageBuffers();
                return update(parallel, totals.toDoubles(), own, suspect.orElseThrow(), buffers, rate);
            } catch (PeerLostException e) {
                // As before the step, which the run then goes on with.
                RandomState.restore(device, random);
                step.restore(buffers);
                step.discard();
                throw e;
            }
        }
    }

    private Outcome update(
            DataParallel parallel,
            double[] all,
            double[] own,
            Suspect suspect,
            Map<String, Tensor> buffers,
            double rate) {
        stopAgreed |= all[Found.STOPS.ordinal()] > 0;
        int images = (int) all[Found.IMAGES.ordinal()];
        double loss = all[Found.BAD.ordinal()] == 0 ? all[Found.LOSS.ordinal()] / images : Double.NaN;
        double norm = Double.NaN;
        if (Double.isFinite(loss) && parallel.gradients().isFinite()) {
            parallel.gradients().unpack();
            norm = gradientNorm(true);
        }
        if (Double.isFinite(norm)) {
            step.update(rate, updates() + 1);
            return new Outcome(images, loss, all[Found.CORRECT.ordinal()], norm, rate);
        }
        if (Double.isFinite(loss) && step.lowerScale()) {
            step.discard();
        } else {
            boolean here = own[Found.BAD.ordinal()] > 0 || Double.isFinite(loss) && !Double.isFinite(step.norm());
            var worst = parallel.firstOf(here, suspect.inputs, device);
            notFinite(loss, Double.isFinite(loss) ? norm : 0, worst, suspect.random);
            step.restore(buffers);
        }
        return new Outcome(0, 0, 0, 0, rate);
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
        if (group.isFirst() && (stop || progress.skipped() == 0)) {
            FailedStep.write(file, config, description, model, step, inputs, random);
        }
        if (!stop) {
            progress = progress.skipping();
            return;
        }
        throw new VitrailException(group.share(() -> diagnosed(loss, norm, inputs, random, file)));
    }

    private String diagnosed(double loss, double norm, TrainingStep.Inputs inputs, List<byte[]> random, Path file) {
        RandomState.restore(device, random);
        var place = StepDiagnosis.of(model, step, inputs).firstBad();
        return String.format(
                Locale.ROOT,
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
        if (mixing.isEmpty() || !mixing.get().isOn(progress.epoch()) || batch.whole() % 2 != 0) {
            return new TrainingStep.Inputs(images, target);
        }
        var random = Mixing.random(config.get(SEED), updates() * plan.gradientAccumulation() + part);
        var mixed = mixing.get().apply(images, target, model.config().classes(), random, batch.whole(), batch.places());
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
