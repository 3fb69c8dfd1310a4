package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.ON_NAN;

import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.RandomState;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Steps whose loss or gradient is not finite: they are kept for {@code replay} and left out, or stop the run. */
final class NonFiniteSteps {
    private static final int MOST_SKIPPED = 100;

    private final TrainingPlan plan;
    private final TrainingStep step;
    private final RunFolder folder;
    private final ProcessGroup group;
    private final Model model;
    private final Device device;

    NonFiniteSteps(TrainingPlan plan, TrainingStep step, RunFolder folder, ProcessGroup group) {
        this.plan = plan;
        this.step = step;
        this.folder = folder;
        this.group = group;
        model = plan.model().model();
        device = model.device();
    }

    /**
     * Keeps a step for {@code replay}, and discards its gradients.
     *
     * @param at where the run stands
     * @param loss of the step
     * @param norm length of its gradient; any where the loss is not finite
     * @param random the random numbers before it
     * @throws VitrailException if the run is to stop, naming the first tensor that is not finite
     */
    void leaveOut(Progress at, double loss, double norm, TrainingStep.Inputs inputs, List<byte[]> random) {
        step.discard();
        var file = folder.failedStep(at.epoch() + 1, at.step() + 1);
        boolean stop = plan.config().get(ON_NAN) == Trainer.OnNan.STOP || at.skipped() == MOST_SKIPPED;
        if (group.isFirst() && (stop || at.skipped() == 0)) {
            FailedStep.write(file, plan.config(), plan.description(), model, step, inputs, random);
        }
        if (stop) {
            throw new VitrailException(group.share(() -> diagnosed(at, loss, norm, inputs, random, file)));
        }
    }

    private String diagnosed(
            Progress at, double loss, double norm, TrainingStep.Inputs inputs, List<byte[]> random, Path file) {
        RandomState.restore(device, random);
        var place = StepDiagnosis.of(model, step, inputs).firstBad();
        return String.format(
                Locale.ROOT,
                "the %s became %s in epoch %d, step %d of %d%s%s: the run has stopped and what it saved before is"
                        + " intact; lower the learning rate, warm up longer, or clip the gradient's norm (look closer:"
                        + " vitrail replay %s)",
                Double.isFinite(loss) ? "gradient's norm" : "loss",
                Double.isFinite(loss) ? norm : loss,
                at.epoch() + 1,
                at.step() + 1,
                plan.stepsPerEpoch(),
                place.map(name -> ", first in " + name).orElse(""),
                at.skipped() > 0 ? ", after %d steps that were skipped".formatted(at.skipped()) : "",
                file);
    }
}
