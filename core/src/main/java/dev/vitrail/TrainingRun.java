package dev.vitrail;

import static dev.vitrail.VitrailException.require;
import static dev.vitrail.train.TrainingOptions.ARCHITECTURE;
import static dev.vitrail.train.TrainingOptions.BATCH_SIZE;
import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.DISTILLATION;
import static dev.vitrail.train.TrainingOptions.DISTILLATION_ALPHA;
import static dev.vitrail.train.TrainingOptions.DISTILLATION_TEMPERATURE;
import static dev.vitrail.train.TrainingOptions.DROP_PATH;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.EXIF;
import static dev.vitrail.train.TrainingOptions.IMAGE_CACHE;
import static dev.vitrail.train.TrainingOptions.IMAGE_SIZE;
import static dev.vitrail.train.TrainingOptions.LABELS;
import static dev.vitrail.train.TrainingOptions.MAX_PIXELS;
import static dev.vitrail.train.TrainingOptions.MODEL;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.PRECISION;
import static dev.vitrail.train.TrainingOptions.SEED;
import static dev.vitrail.train.TrainingOptions.SIXTEEN_BIT;
import static dev.vitrail.train.TrainingOptions.TEACHER;
import static dev.vitrail.train.TrainingOptions.TRAIN_FRACTION;
import static dev.vitrail.train.TrainingOptions.VAL_FRACTION;
import static dev.vitrail.train.TrainingOptions.WEIGHT_INIT;

import dev.vitrail.data.BrokenImage;
import dev.vitrail.data.CacheLimit;
import dev.vitrail.data.ClassWeights;
import dev.vitrail.data.Dataset;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.ImageCache;
import dev.vitrail.data.Inventory;
import dev.vitrail.data.Loader;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.Subset;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.data.Transforms;
import dev.vitrail.doctor.Diagnosis;
import dev.vitrail.doctor.RecipeDoctor;
import dev.vitrail.engine.Autocast;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.files.FolderLock;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.models.MaskedPatches;
import dev.vitrail.train.Augmentation;
import dev.vitrail.train.FailedStep;
import dev.vitrail.train.Objective;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.StepDiagnosis;
import dev.vitrail.train.Teacher;
import dev.vitrail.train.Trainer;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingLoss;
import dev.vitrail.train.TrainingResult;
import dev.vitrail.train.TrainingStep;
import dev.vitrail.weights.StateDict;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/**
 * A training run put together from its configuration alone: the data, the model, the loaders and the trainer.
 *
 * <pre>{@code
 * var config = TrainingConfig.of("vit_mini_patch4_gap_32", TrainingRun.BUILT_IN, 5);
 * try (var run = TrainingRun.begin(config, new RunFolder(Path.of("runs/mine")), TrainingRun.Options.DEFAULT)) {
 *     System.out.println(run.run().bestTop1());
 * }
 * }</pre>
 */
public final class TrainingRun implements AutoCloseable {
    /** What {@code data} names where it is to be the built-in set. */
    public static final String BUILT_IN = "built-in";

    /** Validation needs no gradients, so more images fit at once. */
    private static final int VALIDATION_BATCH = 100;

    /**
     * What does not decide the result.
     *
     * @param device where the model is trained
     * @param workers threads that decode; 0 for the machine's cores
     * @param broken is told of each picture that cannot be read
     * @param doctor whether a run that begins is first examined by the {@link RecipeDoctor}, which may refuse it
     * @param found is told of what the doctor finds and does not refuse
     * @param strict whether the run is refused where a file of the data cannot be used as a whole, and stops at the first picture that
     *     cannot be read
     */
    public record Options(
            Device device,
            int workers,
            Consumer<BrokenImage> broken,
            boolean doctor,
            Consumer<Diagnosis> found,
            boolean strict) {
        public static final Options DEFAULT = new Options(Device.CPU, 0, broken -> {}, true, found -> {}, false);

        public Options withDevice(Device other) {
            return new Options(other, workers, broken, doctor, found, strict);
        }

        public Options withWorkers(int count) {
            return new Options(device, count, broken, doctor, found, strict);
        }

        public Options withBroken(Consumer<BrokenImage> other) {
            return new Options(device, workers, other, doctor, found, strict);
        }

        public Options withFound(Consumer<Diagnosis> other) {
            return new Options(device, workers, broken, doctor, other, strict);
        }

        public Options withStrict(boolean choice) {
            return new Options(device, workers, broken, doctor, found, choice);
        }

        public Options withoutDoctor() {
            return new Options(device, workers, broken, false, found, strict);
        }

        private Loader.Options over(Loader.Options loading) {
            var options = loading.withWorkers(workers);
            return strict ? options.withOnBroken(Loader.OnBroken.FAIL) : options;
        }
    }

    private final TrainingConfig config;
    private final TrainAndValidation sets;
    private final LoadedModel loaded;
    private final Optional<LoadedModel> teacher;
    private final ImageCache cache;
    private final Loader train;
    private final Loader validation;
    private final Trainer trainer;
    private final FolderLock lock;

    private TrainingRun(
            TrainingConfig asked, RunFolder folder, boolean resume, Options options, Optional<FolderLock> early) {
        require(
                asked.get(PRECISION) != TrainingStep.Precision.F16 || options.device.kind() != Device.Kind.CPU,
                "precision f16 needs a GPU, and this run is for the CPU: set precision to bf16 or f32, or add --device cuda");
        if (asked.get(PRECISION) == TrainingStep.Precision.BF16 && options.device.kind() == Device.Kind.CPU) {
            Autocast.requireFastBf16();
        }
        this.sets = sets(asked);
        var sampler = Augmentation.sampler(asked, sets.train());
        this.config = resume ? asked : asked.forImages(sampler.length());
        if (options.strict) {
            Datasets.requireSound(sets.faults());
        }
        if (resume) {
            requireSameData(folder, sets);
        }
        this.loaded = load(config, sets, options);
        try {
            this.teacher = config.get(TEACHER).map(name -> loadTeacher(name, loaded, options.device));
        } catch (RuntimeException e) {
            loaded.close();
            throw e;
        }
        try {
            if (options.doctor && !resume) {
                RecipeDoctor.requireNoRefusal(RecipeDoctor.examine(config, loaded, sets))
                        .forEach(options.found);
            }
            boolean seenAgain =
                    config.get(EPOCHS) > 1 || sampler.length() > sets.train().size();
            cache = new ImageCache(seenAgain ? config.get(IMAGE_CACHE) : CacheLimit.OFF);
            train = new Loader(
                    cache.of(sets.train()),
                    Transforms.training(Augmentation.of(config, loaded.preprocessing())),
                    sampler,
                    options.over(Loader.Options.training(
                            Math.min(config.get(BATCH_SIZE), sampler.length()), config.get(SEED))),
                    options.broken);
            validation = new Loader(
                    cache.of(sets.validation()),
                    Transforms.evaluation(loaded.preprocessing()),
                    Sampler.sequential(sets.validation().size()),
                    options.over(Loader.Options.evaluation(
                            Math.min(VALIDATION_BATCH, sets.validation().size()))),
                    options.broken);
            var loss = new TrainingLoss(config, counts(sets.train()), teacher.map(model -> teacher(config, model)));
            var description = loaded.description(
                    config.get(OBJECTIVE) == Objective.CLASSIFY ? sets.train().classes() : List.of());
            lock = early.orElseGet(folder::lock);
            trainer = resume
                    ? Trainer.resume(config, loaded.model(), loss, description, train, validation, folder)
                    : Trainer.begin(config, loaded.model(), loss, description, train, validation, folder);
            if (!resume || !Files.exists(folder.data())) {
                keepInventory(folder);
            }
        } catch (RuntimeException e) {
            teacher.ifPresent(LoadedModel::close);
            loaded.close();
            throw e;
        }
    }

    /**
     * Begins a run; nothing is trained yet. Where an epoch has fewer images than a step is to have, {@link #config} says how many it has.
     *
     * @throws VitrailException if the data or the model cannot be had, the options do not fit, the doctor refuses, or the folder holds
     *     a run already
     */
    public static TrainingRun begin(TrainingConfig config, RunFolder folder, Options options) {
        // Nothing is made before what is asked for is found sound; what is there is nobody else's from here on.
        return locked(folder, lock -> new TrainingRun(config.checked(), folder, false, options, lock));
    }

    /**
     * Goes on with the run in a folder, from where it was saved.
     *
     * @throws VitrailException if there is none, or the data is not what it was
     */
    public static TrainingRun resume(RunFolder folder, Options options) {
        return locked(
                folder, lock -> new TrainingRun(TrainingConfigFile.read(folder.config()), folder, true, options, lock));
    }

    private static TrainingRun locked(RunFolder folder, Function<Optional<FolderLock>, TrainingRun> open) {
        var lock = Files.isDirectory(folder.path()) ? Optional.of(folder.lock()) : Optional.<FolderLock>empty();
        try {
            return open.apply(lock);
        } catch (RuntimeException | Error e) {
            lock.ifPresent(FolderLock::close);
            throw e;
        }
    }

    private void keepInventory(RunFolder folder) {
        try {
            Inventory.of(sets).write(folder.data());
        } catch (RuntimeException e) {
            trainer.close();
            throw e;
        }
    }

    /**
     * On other data a run would go on as if nothing had happened, and give what neither gives. A run that ended before it had written what
     * it learns from has not learned anything yet.
     */
    private static void requireSameData(RunFolder folder, TrainAndValidation sets) {
        if (!Files.exists(folder.data())) {
            return;
        }
        Inventory.read(folder.data()).requireSame(Inventory.of(sets), "the data of " + folder.path());
    }

    /** The data that a configuration names, of the training images as many as it asks for. */
    public static TrainAndValidation sets(TrainingConfig config) {
        var whole = config.get(DATA).equals(BUILT_IN)
                ? StainedGlass.trainAndValidation()
                : Datasets.trainAndValidation(
                        Path.of(config.get(DATA)),
                        config.get(LABELS).map(Path::of),
                        config.get(VAL_FRACTION),
                        config.get(SEED),
                        ImageDecoder.Options.DEFAULT
                                .withExifOrientation(config.get(EXIF))
                                .withMaxPixels(config.get(MAX_PIXELS))
                                .withSixteenBit(config.get(SIXTEEN_BIT)));
        return new TrainAndValidation(
                Subset.ofShare(whole.train(), config.get(TRAIN_FRACTION), config.get(SEED)), whole.validation());
    }

    private static LoadedModel load(TrainingConfig config, TrainAndValidation sets, Options options) {
        boolean classifies = config.get(OBJECTIVE) == Objective.CLASSIFY;
        var how = LoadedModel.Options.DEFAULT
                .withArchitecture(config.get(ARCHITECTURE))
                .withDevice(options.device)
                .withDropPath(config.get(DROP_PATH))
                .withFirstWeights(config.get(WEIGHT_INIT))
                .withSeed(config.get(SEED));
        var taught = classifies ? how.withLabels(sets.train().classes()) : how.withClasses(0);
        var loaded = LoadedModel.load(
                config.get(MODEL),
                config.get(IMAGE_SIZE)
                        .map(size -> taught.withImage(size.height(), size.width()))
                        .orElse(taught));
        var prepared = prepared(loaded, config);
        return classifies ? prepared : masking(prepared, options.device);
    }

    private static LoadedModel prepared(LoadedModel loaded, TrainingConfig config) {
        try {
            return loaded.withPreprocessing(config.preprocessing());
        } catch (RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    /** The model, to be taught by patches that are hidden from it. */
    private static LoadedModel masking(LoadedModel loaded, Device device) {
        try {
            var input = loaded.preprocessing();
            var masked = new MaskedPatches(
                    loaded.model(), input.mean(), input.std(), loaded.variant().name());
            masked.initialiseHead(device);
            return loaded.withModel(masked);
        } catch (RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    /**
     * The model of a step that went wrong, as the step began.
     *
     * @param name what to call it
     */
    public static LoadedModel modelOf(FailedStep failed, String name, Device device) {
        var config = failed.config();
        var options = LoadedModel.Options.DEFAULT.withDevice(device).withDropPath(config.get(DROP_PATH));
        if (config.get(OBJECTIVE) == Objective.CLASSIFY) {
            return LoadedModel.of(name, failed.description(), failed.weights(), options);
        }
        var weights = StreamSupport.stream(failed.weights().spliterator(), false)
                .collect(Collectors.partitioningBy(tensor -> MaskedPatches.adds(tensor.name())));
        var inside = new StateDict(weights.getOrDefault(false, List.of()), Map.of(), name);
        var loaded = masking(LoadedModel.of(name, failed.description(), inside, options), device);
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
     * @param model what {@link #modelOf} gave
     * @param device where the model is
     * @throws VitrailException if the teacher is not where it was
     */
    public static StepDiagnosis replay(FailedStep failed, LoadedModel model, Device device) {
        var config = failed.config();
        var teacher = config.get(TEACHER).map(name -> loadTeacher(name, model, device));
        try {
            return failed.replay(model.model(), teacher.map(loaded -> teacher(config, loaded)));
        } finally {
            teacher.ifPresent(LoadedModel::close);
        }
    }

    /** A teacher sees the images that the student sees, so both must want them alike, and tell the same classes apart. */
    private static LoadedModel loadTeacher(String name, LoadedModel student, Device device) {
        var input = student.preprocessing();
        var model = LoadedModel.load(
                name, LoadedModel.Options.DEFAULT.withDevice(device).withImage(input.height(), input.width()));
        if (!model.preprocessing().normalization().equals(input.normalization())) {
            model.close();
            throw VitrailException.of(
                    "the teacher %s wants its images with mean %s and std %s, the student with %s and %s: choose a teacher"
                            + " of the same statistics",
                    name, model.preprocessing().mean(), model.preprocessing().std(), input.mean(), input.std());
        }
        int taught = model.model().config().classes();
        int learned = student.model().config().classes();
        if (taught != learned) {
            model.close();
            throw VitrailException.of(
                    "the teacher %s tells %d classes apart and the data has %d: choose a teacher that was trained on these classes",
                    name, taught, learned);
        }
        return model;
    }

    private static Teacher teacher(TrainingConfig config, LoadedModel model) {
        return new Teacher(
                model.model(),
                config.get(DISTILLATION),
                config.get(DISTILLATION_ALPHA),
                config.get(DISTILLATION_TEMPERATURE));
    }

    /** Images of each class, of all classes that there are. */
    private static int[] counts(Dataset set) {
        return Arrays.copyOf(ClassWeights.counts(set.labels()), set.classes().size());
    }

    public TrainingConfig config() {
        return config;
    }

    public TrainAndValidation sets() {
        return sets;
    }

    public LoadedModel loaded() {
        return loaded;
    }

    /** The decoded images that are kept for the next epoch. */
    public ImageCache cache() {
        return cache;
    }

    public Trainer trainer() {
        return trainer;
    }

    /** Pictures that could not be read so far. */
    public int broken() {
        return train.broken().size() + validation.broken().size();
    }

    /** Pictures of sixteen bits or more that were cut to white so far. */
    public int cut() {
        return train.cut() + validation.cut();
    }

    /** Trains to the end, or until {@link Trainer#requestStop} is heard. */
    public TrainingResult run() {
        return trainer.run();
    }

    @Override
    public void close() {
        trainer.close();
        train.close();
        validation.close();
        cache.close();
        teacher.ifPresent(LoadedModel::close);
        loaded.close();
        lock.close();
    }
}
