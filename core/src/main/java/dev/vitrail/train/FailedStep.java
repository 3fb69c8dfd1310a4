package dev.vitrail.train;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.StoredTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A step that went wrong, in one safetensors file: its images and targets as the model got them (of several batches,
 * those of the one that it went wrong with), the random numbers as they were before it, the weights, and what is needed
 * to build the model and its loss again, but for a teacher, whose name is in the options.
 */
public final class FailedStep {
    private static final String IMAGES = "images", TARGET = "target", MODEL = "model/";
    private static final String CLASS_WEIGHTS = "class_weights";
    private static final String DESCRIPTION = "model_description", CONFIG = "config";

    private final StateDict file;

    private FailedStep(StateDict file) {
        this.file = file;
    }

    static void write(
            Path file,
            TrainingConfig config,
            FolderConfig description,
            Model model,
            TrainingStep step,
            TrainingStep.Inputs inputs,
            List<byte[]> random) {
        var tensors = new LinkedHashMap<String, Tensor>();
        tensors.put(IMAGES, inputs.images());
        tensors.put(TARGET, inputs.target());
        model.parameters().forEach((name, parameter) -> tensors.put(MODEL + name, parameter.value()));
        tensors.putAll(step.scaling());
        var stored = RunState.stored(tensors);
        step.loss()
                .classWeights()
                .ifPresent(weights -> stored.add(StoredTensor.of(CLASS_WEIGHTS, weights, weights.length)));
        stored.addAll(RunState.random(random));
        Safetensors.write(
                file,
                stored,
                Map.of("format", "pt", CONFIG, TrainingConfigFile.text(config), DESCRIPTION, description.text()));
    }

    /**
     * Reads a step that a run has left behind.
     *
     * @throws VitrailException if the file is none
     */
    public static FailedStep read(Path file) {
        var state = Safetensors.read(file);
        VitrailException.require(
                state.find(IMAGES).isPresent()
                        && state.find(TARGET).isPresent()
                        && !RunState.random(state).isEmpty()
                        && state.metadata().containsKey(CONFIG)
                        && state.metadata().containsKey(DESCRIPTION),
                "%s holds no step to replay: a run that meets a number which is not finite leaves such a file"
                        + " in its folder",
                file);
        return new FailedStep(state);
    }

    /** The run's options. */
    public TrainingConfig config() {
        return TrainingConfigFile.with(TrainingConfig.STANDARD, metadata(CONFIG), file.origin());
    }

    /** The model's description, as its folder would have it. */
    public FolderConfig description() {
        return FolderConfig.parse(metadata(DESCRIPTION), file.origin());
    }

    private String metadata(String field) {
        return file.metadata().getOrDefault(field, "");
    }

    /** The weights that the step began with, by the names of the model's parameters. */
    public StateDict weights() {
        var weights = new ArrayList<StoredTensor>();
        file.forEach(tensor -> {
            if (tensor.name().startsWith(MODEL)) {
                weights.add(new StoredTensor(
                        tensor.name().substring(MODEL.length()), tensor.dtype(), tensor.shape(), tensor.bytes()));
            }
        });
        return new StateDict(weights, Map.of(), file.origin());
    }

    /**
     * Makes the step again, as far as the update, with the random numbers, the loss and its scale that it had.
     *
     * @param model with {@link #weights}
     * @param teacher the run's, if it had one
     */
    public StepDiagnosis replay(Model model, Optional<Teacher> teacher) {
        var weights = file.find(CLASS_WEIGHTS).map(StoredTensor::toFloats);
        return Frame.compute(() -> {
            var device = model.device();
            var inputs = new TrainingStep.Inputs(
                    tensor(IMAGES).to(device), tensor(TARGET).to(device));
            try (var step = new TrainingStep(config(), model, new TrainingLoss(config(), weights, teacher))) {
                step.begin();
                step.scaling().forEach((name, scale) -> {
                    if (file.find(name).isPresent()) {
                        scale.copyInPlace(tensor(name));
                    }
                });
                RandomState.restore(device, RunState.random(file));
                return StepDiagnosis.of(model, step, inputs);
            } finally {
                model.train(false);
            }
        });
    }

    private Tensor tensor(String name) {
        var stored = file.get(name);
        return Tensor.of(stored.bytes(), stored.dtype(), stored.shape());
    }
}
