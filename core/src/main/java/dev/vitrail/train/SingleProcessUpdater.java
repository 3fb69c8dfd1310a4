package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.ON_NAN;

import dev.vitrail.data.Batches;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import java.util.Map;

/** The updates of a run in one process. */
final class SingleProcessUpdater implements Updater {
    private final TrainingPlan plan;
    private final TrainingStep step;
    private final StepInputs inputs;
    private final NonFiniteSteps nonFinite;
    private final Device device;

    SingleProcessUpdater(TrainingPlan plan, TrainingStep step, NonFiniteSteps nonFinite) {
        this.plan = plan;
        this.step = step;
        this.nonFinite = nonFinite;
        inputs = new StepInputs(plan);
        device = plan.model().model().device();
    }

    @Override
    public StepOutcome update(Batches pass, int batches, Progress at, double rate) {
        int images = 0;
        double lossSum = 0;
        double correct = 0;
        try (var frame = Frame.open()) {
            var buffers = plan.config().get(ON_NAN) == Trainer.OnNan.SKIP ? step.buffers() : Map.<String, Tensor>of();
            for (int i = 0; i < batches; i++) {
                var batch = pass.next();
                if (batch.size() == 0) {
                    continue;
                }
                inputs.checkLabels(batch);
                var random = RandomState.save(device);
                var given = inputs.of(batch, at, i);
                var found = step.accumulate(given, 1.0 / batches);
                boolean last = i == batches - 1;
                double norm = Double.isFinite(found.loss()) ? last ? step.clippedNorm() : step.norm() : 0;
                if (!Double.isFinite(found.loss() + norm)) {
                    boolean scaled = !Double.isFinite(norm) && step.lowerScale();
                    if (scaled) {
                        step.discard(); // nothing is wrong with it but the scale
                    } else {
                        nonFinite.leaveOut(at, found.loss(), norm, given, random);
                        step.restore(buffers);
                    }
                    passOver(pass, batches - i - 1);
                    return scaled
                            ? StepOutcome.none(rate)
                            : StepOutcome.none(rate).withNonFinite();
                }
                images += batch.size();
                lossSum += found.loss() * batch.size();
                correct += found.correct();
                if (last) {
                    step.update(rate, at.updates(plan.stepsPerEpoch()) + 1);
                    return StepOutcome.of(images, lossSum / images, correct, norm, rate);
                }
            }
        }
        return StepOutcome.none(rate);
    }

    /** Takes batches that are not to be used, so that the next step begins with its own. */
    private static void passOver(Batches pass, int batches) {
        for (int i = 0; i < batches; i++) {
            pass.next();
        }
    }
}
