package dev.vitrail.bench;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingLoss;
import dev.vitrail.train.TrainingOptions;
import dev.vitrail.train.TrainingStep;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A training step as {@code vitrail train} makes it, of a model from the catalogue, on the same batch again and again.
 */
final class VitrailStep implements PeerStep {
    private final Model model;
    private final TrainingStep step;
    private final StepInput input;
    private final ByteBuffer images;
    private long update;

    VitrailStep(String name, int batch) {
        var config = TrainingConfig.STANDARD
                .with(TrainingOptions.LABEL_SMOOTHING, 0.0)
                .with(TrainingOptions.WEIGHT_DECAY, StepInput.WEIGHT_DECAY);
        model = Catalog.get(name).create();
        model.initialise(0, Device.CPU);
        model.train(true);
        input = new StepInput(
                batch,
                model.config().imageHeight(),
                model.config().imageWidth(),
                model.config().classes());
        step = new TrainingStep(config, model, TrainingLoss.ofLabels(config));
        images = ByteBuffer.allocateDirect(4 * input.images().length).order(ByteOrder.nativeOrder());
        images.asFloatBuffer().put(input.images());
    }

    @Override
    public double run() {
        return Frame.compute(() -> run(new TrainingStep.Inputs(images(), labels())));
    }

    /** A step on other images, in the caller's frame. */
    double run(TrainingStep.Inputs inputs) {
        var pass = step.accumulate(inputs, 1);
        step.update(StepInput.LEARNING_RATE, ++update);
        return pass.loss();
    }

    Model model() {
        return model;
    }

    TrainingStep step() {
        return step;
    }

    Tensor images() {
        return Tensor.of(images, DType.F32, input.batch(), 3, input.height(), input.width());
    }

    Tensor labels() {
        return Tensor.of(input.labels(), input.batch());
    }

    /**
     * The weights as they are: how many parameters, and of each how many values, then the values, in the model's order.
     */
    void writeWeights(Path file) throws IOException {
        var parameters = model.parameters().values();
        try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
            out.writeInt(parameters.size());
            for (var parameter : parameters) {
                var values = parameter.value().toFloats();
                out.writeInt(values.length);
                for (float value : values) {
                    out.writeFloat(value);
                }
            }
        }
    }

    @Override
    public void close() {
        step.close();
        model.close();
    }
}
