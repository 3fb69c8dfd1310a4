package dev.vitrail.train;

import dev.vitrail.data.Batches;
import dev.vitrail.distributed.PeerLostException;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * The updates of a run in a group of processes, each of which has a share of every batch. Gradients are summed over all
 * processes after the last batch of an update, with the numbers by which all decide alike.
 */
final class DataParallelUpdater implements Updater {
    private final TrainingPlan plan;
    private final TrainingStep step;
    private final DataParallel parallel;
    private final ProcessGroup group;
    private final BooleanSupplier stopRequested;
    private final StepInputs inputs;
    private final NonFiniteSteps nonFinite;
    private final Device device;

    /** @param stopRequested whether this process asks the run to end */
    DataParallelUpdater(
            TrainingPlan plan,
            TrainingStep step,
            DataParallel parallel,
            ProcessGroup group,
            BooleanSupplier stopRequested,
            NonFiniteSteps nonFinite) {
        this.plan = plan;
        this.step = step;
        this.parallel = parallel;
        this.group = group;
        this.stopRequested = stopRequested;
        this.nonFinite = nonFinite;
        inputs = new StepInputs(plan);
        device = plan.model().model().device();
    }

    /** Findings of a process in its share of a step, as numbers to add up over all. */
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
     * Makes a step as in one process, except that a number which is not finite is reported after the step and not after
     * its batch.
     */
    @Override
    public StepOutcome update(Batches pass, int batches, Progress at, double rate) {
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
                    inputs.checkLabels(batch);
                    var drawn = RandomState.save(device);
                    var given = inputs.of(batch, at, i);
                    boolean last = i == batches - 1;
                    try (var shared = parallel.open(batch)) {
                        double part = parallel.part(batch, step.loss(), given.target());
                        var found = step.accumulate(
                                given,
                                part / batches,
                                last ? Optional.of(parallel.gradients()) : Optional.empty(),
                                forward -> {
                                    own[Found.IMAGES.ordinal()] += batch.size();
                                    own[Found.LOSS.ordinal()] += forward.loss() * part * batch.whole();
                                    own[Found.CORRECT.ordinal()] += forward.correct();
                                    own[Found.BAD.ordinal()] += Double.isFinite(forward.loss()) ? 0 : 1;
                                    own[Found.STOPS.ordinal()] = stopRequested.getAsBoolean() ? 1 : 0;
                                    if (last) {
                                        Frame.run(() -> totals.copyInPlace(Tensor.of(own, own.length)));
                                        sums.add(group.beginSum(totals)::await);
                                    }
                                });
                        if (suspect.isEmpty() && (last || !Double.isFinite(found.loss()))) {
                            suspect = Optional.of(new Suspect(given, drawn));
                        }
                    }
                }
                parallel.gradients().finish();
                sums.forEach(Runnable::run);
                parallel.averageBuffers();
                return decide(totals.toDoubles(), own, suspect.orElseThrow(), buffers, at, rate);
            } catch (PeerLostException e) {
                // As before the step, which the run then goes on with.
                RandomState.restore(device, random);
                step.restore(buffers);
                step.discard();
                throw e;
            }
        }
    }

    /** Makes the update or leaves it out: all processes have the same sums, and decide alike. */
    private StepOutcome decide(
            double[] all, double[] own, Suspect suspect, Map<String, Tensor> buffers, Progress at, double rate) {
        boolean stops = all[Found.STOPS.ordinal()] > 0;
        int images = (int) all[Found.IMAGES.ordinal()];
        double loss = all[Found.BAD.ordinal()] == 0 ? all[Found.LOSS.ordinal()] / images : Double.NaN;
        double norm = Double.NaN;
        if (Double.isFinite(loss) && parallel.gradients().isFinite()) {
            parallel.gradients().unpack();
            norm = step.clippedNorm();
        }
        if (Double.isFinite(norm)) {
            step.update(rate, at.updates(plan.stepsPerEpoch()) + 1);
            return StepOutcome.of(images, loss, all[Found.CORRECT.ordinal()], norm, rate)
                    .withStops(stops);
        }
        if (Double.isFinite(loss) && step.lowerScale()) {
            step.discard();
            return StepOutcome.none(rate).withStops(stops);
        }
        boolean here = own[Found.BAD.ordinal()] > 0 || Double.isFinite(loss) && !Double.isFinite(step.norm());
        var worst = parallel.firstOf(here, suspect.inputs, device);
        nonFinite.leaveOut(at, loss, Double.isFinite(loss) ? norm : 0, worst, suspect.random);
        step.restore(buffers);
        return StepOutcome.none(rate).withNonFinite().withStops(stops);
    }
}
