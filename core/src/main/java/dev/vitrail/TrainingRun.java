package dev.vitrail;

import static dev.vitrail.errors.VitrailException.require;
import static dev.vitrail.train.TrainingOptions.PRECISION;

import dev.vitrail.data.ClassWeights;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.Inventory;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.doctor.RecipeDoctor;
import dev.vitrail.engine.Autocast;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.Trainer;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingData;
import dev.vitrail.train.TrainingLoaders;
import dev.vitrail.train.TrainingLoss;
import dev.vitrail.train.TrainingModels;
import dev.vitrail.train.TrainingPlan;
import dev.vitrail.train.TrainingResult;
import dev.vitrail.train.TrainingStep;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.function.Consumer;

/**
 * A training run put together from its configuration alone: the data, the model, the loaders and the trainer.
 *
 * <pre>{@code
 * var config = TrainingConfig.of("vit_mini_patch4_gap_32", TrainingData.BUILT_IN, 5);
 * try (var run = TrainingRun.begin(config, new RunFolder(Path.of("runs/mine")), RunOptions.DEFAULT)) {
 *     System.out.println(run.run().bestTop1());
 * }
 * }</pre>
 */
public final class TrainingRun implements AutoCloseable {
    /** Resources of a run, closed in the reverse order. */
    private static final class Resources {
        private final Deque<Runnable> opened = new ArrayDeque<>();

        <T> T add(T resource, Consumer<T> close) {
            opened.push(() -> close.accept(resource));
            return resource;
        }

        void close() {
            while (!opened.isEmpty()) {
                opened.pop().run();
            }
        }
    }

    private final TrainingPlan plan;
    private final TrainingLoaders loaders;
    private final Trainer trainer;
    private final Resources resources;

    private TrainingRun(
            TrainingConfig config, RunFolder folder, boolean resume, RunOptions options, Resources resources) {
        this.resources = resources;
        require(
                config.get(PRECISION) != TrainingStep.Precision.F16
                        || options.device().type() != Device.Type.CPU,
                "precision f16 needs a GPU, and this run is for the CPU: set precision to bf16 or f32, or add"
                        + " --device cuda");
        if (config.get(PRECISION) == TrainingStep.Precision.BF16
                && options.device().type() == Device.Type.CPU) {
            Autocast.requireFastBf16();
        }
        // Nothing is made before what is asked for is found sound; what is there is nobody else's from here on.
        var group = options.group();
        boolean exists = Files.isDirectory(folder.path());
        if (exists && group.isFirst()) {
            resources.add(folder.lock(), lock -> lock.close());
        }
        var data = TrainingData.open(config);
        if (options.strict()) {
            Datasets.requireSound(data.faults());
        }
        if (resume && group.isFirst()) {
            requireSameData(folder, data);
        }
        if (!group.isSingle()) {
            group.requireSame("the data", Inventory.of(data).summary());
        }
        var model = resources.add(
                TrainingModels.load(config, data.train().classes(), options.device()), LoadedModel::close);
        if (!group.isSingle()) {
            group.requireSame("the weights of the model", model.checksum());
        }
        plan = TrainingPlan.resolve(config, data, model);
        var teacher = TrainingModels.teacher(config, model, options.device());
        teacher.ifPresent(loaded -> resources.add(loaded, LoadedModel::close));
        if (options.doctor() && !resume && group.isFirst()) {
            RecipeDoctor.requireNoRefusal(RecipeDoctor.examine(plan)).forEach(options.found());
        }
        loaders = resources.add(
                TrainingLoaders.of(plan, options.workers(), options.strict(), options.broken(), group),
                TrainingLoaders::close);
        // Images of each class, of all classes that there are.
        int[] counts = Arrays.copyOf(
                ClassWeights.counts(data.train().labels()),
                data.train().classes().size());
        var loss = new TrainingLoss(
                plan.config(), counts, teacher.map(loaded -> TrainingModels.distillation(config, loaded)));
        if (!exists && group.isFirst()) {
            resources.add(folder.lock(), lock -> lock.close());
        }
        trainer = resources.add(
                resume
                        ? Trainer.resume(plan, loss, loaders, folder, group)
                        : Trainer.begin(plan, loss, loaders, folder, group),
                Trainer::close);
        if (group.isFirst() && (!resume || !Files.exists(folder.data()))) {
            Inventory.of(data).write(folder.data());
        }
    }

    /**
     * Begins a run; nothing is trained yet. {@link #plan} says what follows from the options, and why.
     *
     * @throws VitrailException if the data or the model cannot be had, the options do not fit, the doctor refuses, or
     *     the folder holds a run already
     */
    public static TrainingRun begin(TrainingConfig config, RunFolder folder, RunOptions options) {
        options.group().requireSame("the options", TrainingConfigFile.text(config));
        return open(config, folder, false, options);
    }

    /**
     * Goes on with the run in a folder, from where it was saved. In a group, rank 0 alone reads the folder.
     *
     * @throws VitrailException if there is none, or the data is not what it was
     */
    public static TrainingRun resume(RunFolder folder, RunOptions options) {
        var config = options.group().share(() -> TrainingConfigFile.text(TrainingConfigFile.read(folder.config())));
        return open(
                TrainingConfigFile.with(
                        TrainingConfig.STANDARD, config, folder.config().toString()),
                folder,
                true,
                options);
    }

    private static TrainingRun open(TrainingConfig config, RunFolder folder, boolean resume, RunOptions options) {
        var resources = new Resources();
        try {
            return new TrainingRun(config.checked(), folder, resume, options, resources);
        } catch (RuntimeException | Error e) {
            resources.close();
            throw e;
        }
    }

    /**
     * Requires the data that the run began with: on other data it would go on as if nothing had happened, and give what
     * neither gives. A run that ended before it had written the inventory of its data has not learned anything yet.
     */
    private static void requireSameData(RunFolder folder, TrainAndValidation sets) {
        if (!Files.exists(folder.data())) {
            return;
        }
        Inventory.read(folder.data()).requireSame(Inventory.of(sets), "the data of " + folder.path());
    }

    /** The resolved run: its data and model, batch, steps and learning rate, and why. */
    public TrainingPlan plan() {
        return plan;
    }

    public TrainingConfig config() {
        return plan.config();
    }

    public TrainAndValidation sets() {
        return plan.data();
    }

    public LoadedModel loaded() {
        return plan.model();
    }

    /** The loaders of the run, which know the images that could not be read. */
    public TrainingLoaders loaders() {
        return loaders;
    }

    public Trainer trainer() {
        return trainer;
    }

    /** Trains to the end, or until {@link Trainer#requestStop} is heard. */
    public TrainingResult run() {
        return trainer.run();
    }

    @Override
    public void close() {
        resources.close();
    }
}
