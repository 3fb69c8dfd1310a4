package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.SEED;

import dev.vitrail.data.Batch;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;

/** Turns the batches of a loader into inputs of a training step. */
final class StepInputs {
    private final TrainingPlan plan;
    private final Model model;
    private final Device device;

    StepInputs(TrainingPlan plan) {
        this.plan = plan;
        model = plan.model().model();
        device = model.device();
    }

    /**
     * A batch as the model and the loss take it, mixed if the run mixes.
     *
     * @param at where the run stands
     * @param part number of the batch among those of the update
     */
    TrainingStep.Inputs of(Batch batch, Progress at, int part) {
        var images = batch.images(device);
        var target = target(batch).to(device);
        var mixing = plan.mixing();
        if (mixing.isEmpty() || !mixing.get().isOn(at.epoch()) || batch.whole() % 2 != 0) {
            return new TrainingStep.Inputs(images, target);
        }
        var random = Mixing.random(
                plan.config().get(SEED), at.updates(plan.stepsPerEpoch()) * plan.gradientAccumulation() + part);
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

    /**
     * @throws VitrailException if an image has a label that the model does not have; of patches to predict, none is
     *     read
     */
    void checkLabels(Batch batch) {
        if (plan.config().get(OBJECTIVE) != Objective.CLASSIFY) {
            return;
        }
        int classes = model.config().classes();
        for (int i = 0; i < batch.size(); i++) {
            int label = batch.labels()[i];
            VitrailException.require(
                    label >= 0 && label < classes,
                    "an image to train on has the label %d, but the model tells %d classes apart (0 to %d): give every"
                            + " image one of these, or the model another classifier",
                    label,
                    classes,
                    classes - 1);
        }
    }
}
