package dev.vitrail.cli;

import static dev.vitrail.train.TrainingOptions.ARCHITECTURE;
import static dev.vitrail.train.TrainingOptions.BATCH_SIZE;
import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;
import static dev.vitrail.train.TrainingOptions.IMAGE_SIZE;
import static dev.vitrail.train.TrainingOptions.LABELS;
import static dev.vitrail.train.TrainingOptions.LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.MIN_LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.MODEL;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;
import static dev.vitrail.train.TrainingOptions.ON_NAN;
import static dev.vitrail.train.TrainingOptions.SEED;

import dev.vitrail.LoadedModel;
import dev.vitrail.TrainingRun;
import dev.vitrail.Vitrail;
import dev.vitrail.VitrailException;
import dev.vitrail.data.DataProblems;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.report.RunReport;
import dev.vitrail.report.TensorBoardEvents;
import dev.vitrail.train.Objective;
import dev.vitrail.train.Optimizers;
import dev.vitrail.train.Recipe;
import dev.vitrail.train.RecipeAdvisor;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.Trainer;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingOption;
import dev.vitrail.train.TrainingResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains a model. */
@Command(
        name = "train",
        description = {
            "Trains a model from scratch or fine-tunes pretrained weights.",
            "Fine-tuning keeps the classifier if its classes are the same, or equal in number and unnamed, and replaces it otherwise. Without --data it trains on the built-in stained-glass images. The run folder's config.yaml has all training options; --set changes them."
        },
        footer = {
            "",
            "Examples:",
            "  vitrail train",
            "  vitrail train --data photos --recipe convnext",
            "  vitrail train --data photos --epochs 5 \\",
            "    --model vit_tiny_patch16_224.augreg_in21k_ft_in1k",
            "  vitrail train --data photos --set learning_rate=5e-4 --set grad_clip_norm=1",
            "  vitrail train --data photos --model vit_tiny_patch16_224 --pretrain 20",
            "  vitrail train --out runs/mine --resume"
        })
final class TrainCommand implements Callable<Integer> {
    private static final String AUTO = "auto";
    private static final int SHOWN = 4;

    @Option(names = "--data", paramLabel = "D", description = "Labelled images (default: the built-in set).")
    private @Nullable Path data;

    @Option(
            names = "--model",
            paramLabel = "M",
            description =
                    "Model: a catalogue name to train from scratch, or weights to fine-tune (default: a small ViT for the image size).")
    private @Nullable String model;

    @Option(
            names = "--recipe",
            paramLabel = "R",
            description =
                    "Recipe: a name of 'vitrail recipes', a YAML file, or auto, which chooses by the data (default ${DEFAULT-VALUE}).")
    private String recipe = AUTO;

    @Option(names = "--arch", paramLabel = "NAME", description = "Architecture of a weights file without config.json.")
    private Optional<String> architecture = Optional.empty();

    @Option(names = "--out", paramLabel = "RUN", description = "Run folder (default: a new one in runs/).")
    private Optional<Path> out = Optional.empty();

    @Option(names = "--resume", description = "Resume the run in --out with its own options.")
    private boolean resume;

    @Option(names = "--epochs", paramLabel = "N", description = "Number of epochs.")
    private Optional<Integer> epochs = Optional.empty();

    @Option(names = "--batch", paramLabel = "N", description = "Batch size per optimizer step.")
    private Optional<Integer> batch = Optional.empty();

    @Option(names = "--lr", paramLabel = "RATE", description = "Peak learning rate.")
    private Optional<Double> learningRate = Optional.empty();

    @Option(
            names = "--pretrain",
            paramLabel = "N",
            description = "Epochs of self-supervised masked patch prediction before training (ViT, DeiT, hybrids).")
    private Optional<Integer> pretrain = Optional.empty();

    @Mixin
    private InputOptions input = new InputOptions();

    @Option(
            names = "--freeze",
            negatable = true,
            description = "Train only the classifier (default: below 500 images).")
    private Optional<Boolean> freeze = Optional.empty();

    @Option(
            names = "--labels",
            paramLabel = "FILE",
            description = "CSV file with columns file and label, for a flat folder.")
    private Optional<String> labels = Optional.empty();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Mixin
    private PreparationOptions preparation = new PreparationOptions();

    @Option(names = "--seed", paramLabel = "N", description = "Random seed.")
    private Optional<Long> seed = Optional.empty();

    @Option(
            names = "--on-nan",
            description = "Action on a non-finite loss or gradient: stop, or skip the step (default stop).")
    private Optional<Trainer.OnNan> onNan = Optional.empty();

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Set a training option (see 'vitrail recipes --options'); repeatable.")
    private List<String> settings = List.of();

    @Option(names = "--workers", paramLabel = "N", description = "Image decoding threads (default: all cores).")
    private int workers;

    @Option(names = "--strict", description = "Fail at the first unreadable image or file.")
    private boolean strict;

    @Option(names = "--no-doctor", description = "Skip the checks of options, data and model before training.")
    private boolean noDoctor;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        VitrailException.require(
                !resume || out.isPresent(), "--resume needs --out RUN, the folder of the run to go on with");
        var folder = new RunFolder(out.orElseGet(TrainCommand::newFolder));
        AtomicFile.requireWritable(folder.config());
        var pretraining = new RunFolder(folder.path().resolve("pretraining"));
        var options = TrainingRun.Options.DEFAULT
                .withDevice(input.device())
                .withWorkers(workers)
                .withStrict(strict)
                .withBroken(broken -> System.err.println("vitrail: " + broken.sentence()))
                .withFound(found -> System.err.printf("doctor      %s%n", found));
        options = noDoctor ? options.withoutDoctor() : options;
        if (resume) {
            new ResumedOptions(folder, pretraining)
                    .require(
                            begun -> named(
                                    AUTO.equals(recipe)
                                            ? begun
                                            : Recipe.get(recipe).apply(begun)),
                            pretrain);
        }
        if (pretrain.isPresent() && !resume) {
            beginPretraining(folder, pretraining, pretrain.get());
        }
        boolean planned = resume || pretrain.isPresent();
        if (planned && Files.exists(pretraining.config()) && !pretrained(pretraining, folder, options)) {
            return 0;
        }
        try (var run = planned ? open(folder, options) : TrainingRun.begin(configuration(), folder, options)) {
            announce(run, folder);
            var result = run(run.trainer(), folder, folder, run.sets());
            DataFaults.tellCut(run.cut());
            report(result, run);
            if (result.finished()
                    && !json
                    && run.config().get(DATA).equals(TrainingRun.BUILT_IN)
                    && run.config().get(OBJECTIVE) == Objective.CLASSIFY) {
                show(folder, run.sets());
            }
        }
        return 0;
    }

    /** Writes what both runs are to be, so that {@code --resume} goes on with whichever was interrupted. */
    private void beginPretraining(RunFolder folder, RunFolder pretraining, int epochs) {
        VitrailException.require(epochs > 0, "--pretrain %d must be 1 or more epochs", epochs);
        VitrailException.require(
                !Files.exists(folder.config()),
                "%s holds a run already: resume it, or name another folder",
                folder.path());
        var config = configuration();
        if (strict) {
            Datasets.requireSound(TrainingRun.sets(config).faults());
        }
        TrainingConfigFile.write(
                pretraining.config(), config.pretraining(epochs).checked());
        TrainingConfigFile.write(
                folder.config(),
                config.with(MODEL, pretraining.path().toString()).with(ARCHITECTURE, Optional.empty()));
    }

    /** Makes the run that comes before the one that is asked for, or what is left of it; whether it is finished. */
    private static boolean pretrained(RunFolder pretraining, RunFolder folder, TrainingRun.Options options) {
        if (pretraining.canResume()
                && pretraining.rows().size()
                        == TrainingConfigFile.read(pretraining.config()).get(EPOCHS)) {
            return true;
        }
        try (var run = open(pretraining, options)) {
            announce(run, pretraining);
            boolean finished =
                    run(run.trainer(), pretraining, folder, run.sets()).finished();
            System.err.println();
            return finished;
        }
    }

    /** The run that a folder describes, begun if nothing of it was saved yet. */
    private static TrainingRun open(RunFolder folder, TrainingRun.Options options) {
        return folder.canResume() || !Files.exists(folder.config())
                ? TrainingRun.resume(folder, options)
                : TrainingRun.begin(TrainingConfigFile.read(folder.config()), folder, options);
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

    /** The recipe's options, then those that the command names. */
    private TrainingConfig configuration() {
        var start = decoding.applyTo(TrainingConfig.STANDARD)
                .with(DATA, data == null ? TrainingRun.BUILT_IN : data.toString())
                .with(LABELS, labels)
                .with(ARCHITECTURE, architecture)
                .with(IMAGE_SIZE, input.size());
        start = model == null ? start : start.with(MODEL, model);
        var config = AUTO.equals(recipe) ? advised(start) : Recipe.get(recipe).apply(start);
        if (model == null && config.get(MODEL).isEmpty()) {
            config = config.with(
                    MODEL, RecipeAdvisor.model(TrainingRun.sets(start).train()));
        }
        return named(config).checked();
    }

    /** A configuration with the options that the command names. */
    private TrainingConfig named(TrainingConfig start) {
        var config = with(start, MODEL, Optional.ofNullable(model));
        config = with(config, DATA, Optional.ofNullable(data).map(Path::toString));
        config = labels.isPresent() ? config.with(LABELS, labels) : config;
        config = architecture.isPresent() ? config.with(ARCHITECTURE, architecture) : config;
        config = epochs.map(config::withEpochs).orElse(config);
        config = with(config, BATCH_SIZE, batch);
        config = with(config, LEARNING_RATE, learningRate);
        config = config.with(
                MIN_LEARNING_RATE, Math.min(config.get(MIN_LEARNING_RATE), Optimizers.learningRate(config)));
        config = preparation.applyTo(decoding.applyTo(config));
        config = with(config, SEED, seed);
        config = with(config, FREEZE_BACKBONE, freeze);
        config = with(config, ON_NAN, onNan);
        config = input.size().isPresent() ? config.with(IMAGE_SIZE, input.size()) : config;
        for (var setting : settings) {
            int equals = setting.indexOf('=');
            VitrailException.require(equals > 0, "--set %s is no KEY=VALUE, such as --set grad_clip_norm=1", setting);
            config = TrainingConfigFile.with(
                    config, setting.substring(0, equals) + ": " + setting.substring(equals + 1), "--set " + setting);
        }
        return config;
    }

    private static <T> TrainingConfig with(TrainingConfig config, TrainingOption<T> option, Optional<T> value) {
        return value.map(said -> config.with(option, said)).orElse(config);
    }

    private TrainingConfig advised(TrainingConfig start) {
        boolean trained = model != null && standsForWeights(model);
        VitrailException.require(
                !trained || data != null,
                "fine-tuning needs --data D, the images of your classes; without it only scratch training works");
        var train = TrainingRun.sets(start).train();
        var config = model == null ? start.with(MODEL, RecipeAdvisor.model(train)) : start;
        var advice = RecipeAdvisor.advise(config, trained, train);
        advice.reasons().forEach(reason -> System.err.printf("recipe      %s: %s%n", advice.recipe(), reason));
        return advice.apply(config);
    }

    /** Whatever is no plain name of the catalogue; a name that is mistyped is answered with the nearest. */
    private static boolean standsForWeights(String name) {
        if (Files.exists(Path.of(name)) || name.matches(".*[./:].*")) {
            return true;
        }
        Catalog.get(name);
        return false;
    }

    // ------------------------------------------------------------------------------------------------- what is shown

    private static void announce(TrainingRun run, RunFolder folder) {
        var config = run.config();
        var loaded = run.loaded();
        System.err.printf(Locale.ROOT, "training    %s%n", run.sets().train().describe());
        System.err.printf(
                Locale.ROOT, "validation  %s%n", run.sets().validation().describe());
        tellFaults(run.sets().faults());
        if (run.cache().isUsed()) {
            System.err.printf(
                    Locale.ROOT,
                    "cache       up to %,d MiB of decoded images stay in memory (image_cache)%n",
                    run.cache().limit() >> 20);
        }
        System.err.printf(
                Locale.ROOT,
                "model       %s, %s, %.2f M parameters, %d×%d pixels%n",
                loaded.variant().name(),
                !loaded.pretrained()
                        ? "from scratch"
                        : config.get(FREEZE_BACKBONE) ? "its classifier trained alone" : "fine-tuned",
                loaded.model().parameterCount() / 1e6,
                loaded.preprocessing().height(),
                loaded.preprocessing().width());
        notes(loaded).forEach(note -> System.err.printf(Locale.ROOT, "            %s%n", note));
        System.err.printf(
                Locale.ROOT,
                "run         %s, %s, batch %d, learning rate %s%s%n%n",
                folder.path(),
                config.get(EPOCHS) == 1 ? "1 epoch" : config.get(EPOCHS) + " epochs",
                config.get(BATCH_SIZE),
                Optimizers.learningRate(config),
                Optimizers.learningRate(config) == config.get(LEARNING_RATE)
                        ? ""
                        : " (learning_rate %s, for the images of a step)".formatted(config.get(LEARNING_RATE)));
    }

    /** What loading did besides copying; that weights from scratch are random is no news, and the doctor tells what does not fit. */
    private static List<String> notes(LoadedModel loaded) {
        return loaded.pretrained()
                ? loaded.notes().stream()
                        .filter(note -> !loaded.model().config().adjusted().equals(Optional.of(note)))
                        .toList()
                : List.of();
    }

    /** How many faults the data's files have, and the first few. */
    private static void tellFaults(DataProblems faults) {
        if (!faults.isEmpty()) {
            System.err.printf(
                    "faults      %d in the files of the data, which is used without what they concern; --strict refuses it%n",
                    faults.count());
            faults.sentences().stream().limit(SHOWN).forEach(fault -> System.err.printf("            %s%n", fault));
            if (faults.count() > SHOWN) {
                System.err.printf("            … and %d more%n", faults.count() - SHOWN);
            }
        }
    }

    /**
     * Runs until the end or Ctrl-C, which waits until the state is safe.
     *
     * @param whole what a run that is interrupted is resumed by
     */
    private static TrainingResult run(Trainer trainer, RunFolder folder, RunFolder whole, TrainAndValidation sets) {
        return new Interruption(trainer, whole).during(() -> {
            try (var display = new TrainingDisplay();
                    var events = new TensorBoardEvents(folder)) {
                trainer.listener(display).listener(events).listener(new RunReport(folder, sets));
                return trainer.run();
            }
        });
    }

    private void report(TrainingResult result, TrainingRun run) {
        double last = result.epochs().isEmpty()
                ? 0
                : result.epochs().get(result.epochs().size() - 1).validationTop1();
        double speed = result.epochs().stream()
                .mapToDouble(epoch -> epoch.imagesPerSecond())
                .average()
                .orElse(0);
        if (json) {
            Json.print(Json.object(
                    "run",
                    result.folder().toString(),
                    "finished",
                    result.finished(),
                    "epochs",
                    result.epochs().size(),
                    "val_top1",
                    100 * last,
                    "best_top1",
                    100 * result.bestTop1(),
                    "best_epoch",
                    result.bestEpoch(),
                    "seconds",
                    result.seconds(),
                    "images_per_second",
                    speed,
                    "broken",
                    run.broken(),
                    "cut",
                    run.cut(),
                    "faults",
                    run.sets().faults().count(),
                    "notes",
                    notes(run.loaded())));
            return;
        }
        if (run.broken() > 0) {
            System.out.printf("%nbroken      %d of the images could not be read%n", run.broken());
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
