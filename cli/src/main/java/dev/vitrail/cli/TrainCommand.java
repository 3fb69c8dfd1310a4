package dev.vitrail.cli;

import dev.vitrail.LoadedModel;
import dev.vitrail.Vitrail;
import dev.vitrail.VitrailException;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.Idx;
import dev.vitrail.data.Loader;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.data.Transforms;
import dev.vitrail.engine.Device;
import dev.vitrail.models.Catalog;
import dev.vitrail.report.RunReport;
import dev.vitrail.report.TensorBoardEvents;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.Trainer;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a model. */
@Command(
        name = "train",
        description = {
            "Trains a model from scratch, or goes on from published weights with a new classifier.",
            "Without --data it trains on the built-in set of stained-glass pictures, which needs no download. Every option"
                    + " of a run is in its config.yaml; --set changes any of them by name."
        },
        footer = {
            "",
            "Examples:",
            "  vitrail train",
            "  vitrail train --data photos --model vit_tiny_patch16_224.augreg_in21k_ft_in1k --epochs 5",
            "  vitrail train --data photos --model vit_small_patch16_224 --set learning_rate=5e-4 --set clip_norm=1",
            "  vitrail train --out runs/mine --resume"
        })
final class TrainCommand implements Callable<Integer> {
    private static final String BUILT_IN = "built-in";
    private static final int SHOWN = 4;
    /** Side of what counts as a small picture, pixels. */
    private static final int SMALL = 64;
    /** Images below which all layers would only learn them by heart. */
    private static final int FEW = 500;
    /** Validation needs no gradients, so more images fit at once. */
    private static final int VALIDATION_BATCH = 100;

    @Option(names = "--data", paramLabel = "D", description = "Labelled images (default: the built-in set).")
    private @Nullable Path data;

    @Option(
            names = "--model",
            paramLabel = "M",
            description =
                    "A name of the catalogue, to train from scratch; or published weights, a folder or a hub name, to"
                            + " fine-tune (default: a small ViT that suits the images).")
    private @Nullable String model;

    @Option(names = "--arch", paramLabel = "NAME", description = "Architecture of a bare weights file.")
    private Optional<String> architecture = Optional.empty();

    @Option(names = "--out", paramLabel = "RUN", description = "Folder of the run (default: a new one in runs/).")
    private Optional<Path> out = Optional.empty();

    @Option(names = "--resume", description = "Go on with the run in --out.")
    private boolean resume;

    @Option(names = "--epochs", paramLabel = "N", description = "Times that every image is seen.")
    private Optional<Integer> epochs = Optional.empty();

    @Option(names = "--batch", paramLabel = "N", description = "Images in a step.")
    private Optional<Integer> batch = Optional.empty();

    @Option(names = "--lr", paramLabel = "RATE", description = "Highest learning rate.")
    private @Nullable Double learningRate;

    @Option(names = "--size", paramLabel = "PIXELS", description = "Side of the input, where the model takes another.")
    private Optional<Integer> size = Optional.empty();

    @Option(
            names = "--freeze",
            negatable = true,
            description =
                    "Train the classifier alone, or not; by default it is trained alone where there are fewer than"
                            + " 500 images.")
    private @Nullable Boolean freeze;

    @Option(names = "--labels", paramLabel = "FILE", description = "CSV of file and label, for a flat folder.")
    private Optional<String> labels = Optional.empty();

    @Option(names = "--seed", paramLabel = "N", description = "Where all chance begins.")
    private @Nullable Long seed;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Any option of config.yaml; may be repeated.")
    private List<String> settings = List.of();

    @Option(names = "--workers", paramLabel = "N", description = "Threads that decode (default: the machine's cores).")
    private int workers;

    @Option(names = "--device", defaultValue = "cpu", description = "cpu, cuda or cuda:N (default ${DEFAULT-VALUE}).")
    private String device = "cpu";

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        VitrailException.require(
                !resume || out.isPresent(), "--resume needs --out RUN, the folder of the run to go on with");
        var folder = new RunFolder(out.orElseGet(TrainCommand::newFolder));
        var config = resume ? TrainingConfigFile.read(folder.config()) : configuration();
        var sets = open(config);
        try (var loaded = load(config, sets)) {
            try (var train = trainLoader(config, sets, loaded);
                    var validation = validationLoader(sets, loaded);
                    var trainer = trainer(config, loaded, sets, train, validation, folder)) {
                announce(config, sets, loaded, folder);
                var result = run(trainer, folder, sets);
                report(result, train.broken().size() + validation.broken().size());
                if (result.finished() && !json && data == null && config.data().equals(BUILT_IN)) {
                    show(folder, sets);
                }
            }
        }
        return 0;
    }

    private static Path newFolder() {
        for (int i = 1; ; i++) {
            var folder = Path.of("runs", String.format(Locale.ROOT, "train-%03d", i));
            if (!Files.exists(folder)) {
                return folder;
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ what is trained

    private TrainingConfig configuration() {
        var name = model == null ? defaultModel() : model;
        var start = Catalog.find(name).isPresent() && name.indexOf('.') < 0 ? scratch(name) : fineTuning(name);
        var config = start.with(o -> {
            epochs.ifPresent(value -> o.epochs = value);
            o.warmupEpochs = Math.min(o.warmupEpochs, o.epochs / 5.0);
            batch.ifPresent(value -> o.batchSize = value);
            o.learningRate = learningRate == null ? o.learningRate : learningRate;
            o.lowestLearningRate = Math.min(o.lowestLearningRate, o.learningRate);
            o.seed = seed == null ? o.seed : seed;
            size.ifPresent(value -> o.imageSize = OptionalInt.of(value));
            o.freezeBackbone = freeze == null ? o.freezeBackbone : freeze;
            o.labels = labels;
        });
        for (var setting : settings) {
            int equals = setting.indexOf('=');
            VitrailException.require(equals > 0, "--set %s is no KEY=VALUE, such as --set clip_norm=1", setting);
            config = TrainingConfigFile.with(
                    config, setting.substring(0, equals) + ": " + setting.substring(equals + 1), "--set " + setting);
        }
        return config;
    }

    private String defaultModel() {
        return data == null || Idx.has(data, Split.TRAIN) ? "vit_mini_patch4_gap_32" : "vit_tiny_patch16_224";
    }

    /**
     * From random weights. On small pictures crops would cut away what tells the classes apart, and small batches give the many
     * steps that little data needs.
     */
    private TrainingConfig scratch(String name) {
        boolean small = Catalog.get(name).config().imageHeight() <= SMALL;
        var start = TrainingConfig.of(name, data == null ? BUILT_IN : data.toString(), small ? 5 : 100);
        return small
                ? start.with(o -> {
                    o.warmupEpochs = 0.4;
                    o.batchSize = 32;
                    o.crop = TrainingConfig.CropKind.SHIFTED;
                    o.shift = 0;
                    o.labelSmoothing = 0;
                })
                : start.with(o -> {
                    o.warmupEpochs = 5;
                    o.dropPath = 0.1;
                });
    }

    /**
     * From trained weights. Where there are few images the classifier alone is trained, as whatever else moves, moves to fit
     * them: on 245 photos of ants and bees that found 97 % of the others, against 95 % with all layers. Otherwise a low rate,
     * lower still for the layers below.
     */
    private TrainingConfig fineTuning(String name) {
        if (data == null) {
            throw VitrailException.of(
                    "fine-tuning needs --data D, the images of your classes; without it only scratch training works");
        }
        boolean few = freeze == null
                ? Datasets.open(data, Split.TRAIN, labels.map(Path::of)).size() < FEW
                : freeze;
        var start = TrainingConfig.of(name, data.toString(), 5);
        return few
                ? start.with(o -> {
                    o.freezeBackbone = true;
                    o.warmupEpochs = 1;
                    o.batchSize = 4;
                    o.learningRate = 3e-3;
                    o.smallestCrop = 0.8;
                    o.labelSmoothing = 0;
                })
                : start.with(o -> {
                    o.warmupEpochs = 1;
                    o.batchSize = 16;
                    o.learningRate = 5e-4;
                    o.layerDecay = 0.75;
                    o.smallestCrop = 0.35;
                    o.dropPath = 0.1;
                });
    }

    private static TrainAndValidation open(TrainingConfig config) {
        return config.data().equals(BUILT_IN)
                ? StainedGlass.trainAndValidation()
                : Datasets.trainAndValidation(
                        Path.of(config.data()), config.labels().map(Path::of), config.holdOut(), config.seed());
    }

    private LoadedModel load(TrainingConfig config, TrainAndValidation sets) {
        var options = LoadedModel.Options.DEFAULT
                .withArchitecture(architecture)
                .withDevice(Device.parse(device))
                .withClasses(sets.train().classes().size())
                .withDropPath(config.dropPath())
                .withSeed(config.seed());
        return LoadedModel.load(
                config.model(),
                config.imageSize().isPresent()
                        ? options.withImage(
                                config.imageSize().getAsInt(),
                                config.imageSize().getAsInt())
                        : options);
    }

    private Loader trainLoader(TrainingConfig config, TrainAndValidation sets, LoadedModel loaded) {
        int count = sets.train().size();
        var options = Loader.Options.training(Math.min(config.batchSize(), count), config.seed())
                .withWorkers(workers);
        return new Loader(
                sets.train(),
                Transforms.training(config.transform(loaded.preprocessing())),
                Sampler.shuffled(count, config.seed()),
                options,
                broken -> System.err.println("vitrail: " + broken.sentence()));
    }

    private Loader validationLoader(TrainAndValidation sets, LoadedModel loaded) {
        int count = sets.validation().size();
        return new Loader(
                sets.validation(),
                Transforms.evaluation(loaded.preprocessing()),
                Sampler.sequential(count),
                Loader.Options.evaluation(Math.min(VALIDATION_BATCH, count)).withWorkers(workers),
                broken -> System.err.println("vitrail: " + broken.sentence()));
    }

    private Trainer trainer(
            TrainingConfig config,
            LoadedModel loaded,
            TrainAndValidation sets,
            Loader train,
            Loader validation,
            RunFolder folder) {
        var description = loaded.description(sets.train().classes());
        return resume
                ? Trainer.resume(config, loaded.model(), description, train, validation, folder)
                : Trainer.begin(config, loaded.model(), description, train, validation, folder);
    }

    // ------------------------------------------------------------------------------------------------- what is shown

    private void announce(TrainingConfig config, TrainAndValidation sets, LoadedModel loaded, RunFolder folder) {
        System.err.printf(Locale.ROOT, "training    %s%n", sets.train().describe());
        System.err.printf(Locale.ROOT, "validation  %s%n", sets.validation().describe());
        System.err.printf(
                Locale.ROOT,
                "model       %s, %s, %.2f M parameters, %d×%d pixels%n",
                loaded.variant().name(),
                !loaded.pretrained()
                        ? "from scratch"
                        : config.freezeBackbone() ? "its classifier trained alone" : "fine-tuned",
                loaded.model().parameterCount() / 1e6,
                loaded.preprocessing().height(),
                loaded.preprocessing().width());
        System.err.printf(
                Locale.ROOT,
                "run         %s, %d epochs, batch %d, learning rate %s%n%n",
                folder.path(),
                config.epochs(),
                config.batchSize(),
                config.learningRate());
    }

    /** Runs until the end or Ctrl-C, which waits until the state is safe. */
    private static TrainingResult run(Trainer trainer, RunFolder folder, TrainAndValidation sets) {
        var interrupted = new Interruption(trainer, folder);
        try (var display = new TrainingDisplay();
                var events = new TensorBoardEvents(folder)) {
            trainer.listener(display).listener(events).listener(new RunReport(folder, sets));
            return trainer.run();
        } finally {
            interrupted.over();
        }
    }

    private void report(TrainingResult result, int broken) {
        double last = result.epochs().isEmpty()
                ? 0
                : result.epochs().get(result.epochs().size() - 1).validationTop1();
        double speed = result.epochs().stream()
                .mapToDouble(epoch -> epoch.imagesPerSecond())
                .average()
                .orElse(0);
        if (json) {
            System.out.println(Json.text(Json.object(
                    "run", result.folder().toString(),
                    "finished", result.finished(),
                    "epochs", result.epochs().size(),
                    "val_top1", 100 * last,
                    "best_top1", 100 * result.bestTop1(),
                    "best_epoch", result.bestEpoch(),
                    "seconds", result.seconds(),
                    "images_per_second", speed,
                    "broken", broken)));
            return;
        }
        if (result.finished()) {
            System.out.printf(
                    Locale.ROOT,
                    "%nbest top-1  %.2f %% after epoch %d, in %.0f s of training (%.0f images/s)%nrun folder  %s, to look at: index.html in it%n",
                    100 * result.bestTop1(),
                    result.bestEpoch(),
                    result.seconds(),
                    speed,
                    result.folder());
        }
    }

    /** A few predictions on validation pictures, so that a first run ends with something to look at. */
    private static void show(RunFolder folder, TrainAndValidation sets) {
        var set = sets.validation();
        System.out.printf(Locale.ROOT, "%na few pictures that it has not seen:%n");
        try (var vitrail = Vitrail.load(folder.best().toString())) {
            int step = Math.max(1, set.size() / SHOWN);
            for (int i = 0; i < SHOWN; i++) {
                int index = Math.min(set.size() - 1, i * step + i);
                var found = vitrail.classify(set.image(index), 1).get(0);
                System.out.printf(
                        Locale.ROOT,
                        "  %-24s is a %-24s found: %s, %.1f %%%n",
                        set.name(index),
                        set.classes().get(set.label(index)),
                        found.label(),
                        100 * found.probability());
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%nnext: vitrail predict --model %s IMAGE…, or vitrail train --data YOUR_FOLDER%n",
                folder.path());
    }
}
