package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.ARCHITECTURE;
import static dev.vitrail.train.TrainingOptions.DISTILLATION;
import static dev.vitrail.train.TrainingOptions.DISTILLATION_ALPHA;
import static dev.vitrail.train.TrainingOptions.DISTILLATION_TEMPERATURE;
import static dev.vitrail.train.TrainingOptions.DROP_PATH;
import static dev.vitrail.train.TrainingOptions.IMAGE_SIZE;
import static dev.vitrail.train.TrainingOptions.MODEL;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.SEED;
import static dev.vitrail.train.TrainingOptions.WEIGHT_INIT;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.MaskedPatches;
import dev.vitrail.weights.StateDict;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** Loads the models of a run: the one that is trained, its teacher, and that of a step that went wrong. */
public final class TrainingModels {
    private TrainingModels() {}

    /**
     * Loads the model that a run trains.
     *
     * @param classes names of the classes that it is to tell apart
     */
    public static LoadedModel load(TrainingConfig config, List<String> classes, Device device) {
        boolean classifies = config.get(OBJECTIVE) == Objective.CLASSIFY;
        var how = LoadOptions.DEFAULT
                .withArchitecture(config.get(ARCHITECTURE))
                .withDevice(device)
                .withDropPath(config.get(DROP_PATH))
                .withFirstWeights(config.get(WEIGHT_INIT))
                .withSeed(config.get(SEED));
        var taught = classifies ? how.withLabels(classes) : how.withClasses(0);
        var sized = config.get(IMAGE_SIZE)
                .map(size -> taught.withImage(size.height(), size.width()))
                .orElse(taught);
        return changed(LoadedModel.load(config.get(MODEL), sized), loaded -> {
            var prepared = loaded.withPreprocessing(config.preprocessing());
            return classifies ? prepared : masking(prepared, device);
        });
    }

    /** A change of a model, which is closed where the change fails. */
    private static LoadedModel changed(LoadedModel loaded, UnaryOperator<LoadedModel> change) {
        try {
            return change.apply(loaded);
        } catch (RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    /** The model, to be trained by masked patch prediction. */
    private static LoadedModel masking(LoadedModel loaded, Device device) {
        var input = loaded.preprocessing();
        var masked = new MaskedPatches(
                loaded.model(), input.mean(), input.std(), loaded.variant().name());
        masked.initialiseHead(device);
        return loaded.withModel(masked);
    }

    /**
     * Loads a run's teacher, if its options name one. A teacher sees the images that the student sees, so both must
     * want them alike and tell the same classes apart.
     */
    public static Optional<LoadedModel> teacher(TrainingConfig config, LoadedModel student, Device device) {
        return config.get(TrainingOptions.TEACHER).map(name -> teacher(name, student, device));
    }

    private static LoadedModel teacher(String name, LoadedModel student, Device device) {
        var input = student.preprocessing();
        var options = LoadOptions.DEFAULT.withDevice(device).withImage(input.height(), input.width());
        return changed(LoadedModel.load(name, options), model -> {
            VitrailException.require(
                    model.preprocessing().normalization().equals(input.normalization()),
                    "the teacher %s wants its images with mean %s and std %s, the student with %s and %s: choose a"
                            + " teacher of the same statistics",
                    name,
                    model.preprocessing().mean(),
                    model.preprocessing().std(),
                    input.mean(),
                    input.std());
            int taught = model.model().config().classes();
            int learned = student.model().config().classes();
            VitrailException.require(
                    taught == learned,
                    "the teacher %s tells %d classes apart and the data has %d: choose a teacher that was"
                            + " trained on these classes",
                    name,
                    taught,
                    learned);
            return model;
        });
    }

    /** The distillation that a run's options describe, by its teacher. */
    public static Teacher distillation(TrainingConfig config, LoadedModel teacher) {
        return new Teacher(
                teacher.model(),
                config.get(DISTILLATION),
                config.get(DISTILLATION_ALPHA),
                config.get(DISTILLATION_TEMPERATURE));
    }

    /**
     * The model of a step that went wrong, as the step began.
     *
     * @param name what to call it
     */
    public static LoadedModel of(FailedStep failed, String name, Device device) {
        var config = failed.config();
        var options = LoadOptions.DEFAULT.withDevice(device).withDropPath(config.get(DROP_PATH));
        if (config.get(OBJECTIVE) == Objective.CLASSIFY) {
            return LoadedModel.of(name, failed.description(), failed.weights(), options);
        }
        var weights = StreamSupport.stream(failed.weights().spliterator(), false)
                .collect(Collectors.partitioningBy(tensor -> MaskedPatches.adds(tensor.name())));
        var inside = new StateDict(weights.getOrDefault(false, List.of()), Map.of(), name);
        var loaded =
                changed(LoadedModel.of(name, failed.description(), inside, options), model -> masking(model, device));
        var parameters = loaded.model().parameters();
        Frame.run(() -> weights.getOrDefault(true, List.of()).forEach(tensor -> Optional.ofNullable(
                        parameters.get(tensor.name()))
                .ifPresent(parameter -> parameter.assign(Tensor.of(tensor.bytes(), tensor.dtype(), tensor.shape())
                        .to(device)))));
        return loaded;
    }

    /**
     * Makes a step again that went wrong, by the loss that it had: the run's teacher is loaded for it.
     *
     * @param model what {@link #of} gave
     * @throws VitrailException if the teacher is not where it was
     */
    public static StepDiagnosis replay(FailedStep failed, LoadedModel model, Device device) {
        var config = failed.config();
        var teacher = teacher(config, model, device);
        try {
            return failed.replay(model.model(), teacher.map(loaded -> distillation(config, loaded)));
        } finally {
            teacher.ifPresent(LoadedModel::close);
        }
    }
}
