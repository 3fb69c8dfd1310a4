package dev.vitrail.cli;

import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;
import static dev.vitrail.train.TrainingOptions.OBJECTIVE;

import dev.vitrail.RunOptions;
import dev.vitrail.TrainingJob;
import dev.vitrail.TrainingRun;
import dev.vitrail.Vitrail;
import dev.vitrail.data.DataProblems;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.distributed.PeerLostException;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.distributed.Rendezvous;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Startup;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.report.RunReport;
import dev.vitrail.report.TensorBoardEvents;
import dev.vitrail.train.Objective;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingData;
import dev.vitrail.train.TrainingRequest;
import dev.vitrail.train.TrainingResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Trains a model. */
@Command(
        name = "train",
        modelTransformer = TrainingFlags.class,
        description = {
            "Trains a model from scratch or fine-tunes pretrained weights.",
            "Fine-tuning keeps the classifier if its classes are the same, or equal in number and unnamed, and replaces"
                    + " it otherwise. Without --data it trains on the built-in stained-glass images. The run folder's"
                    + " config.yaml has all training options; --set changes them."
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
            "  vitrail train --data photos --processes 4",
            "  vitrail train --out runs/mine --resume"
        })
final class TrainCommand implements Callable<Integer> {
    private static final int SHOWN = 4;

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--recipe",
            paramLabel = "R",
            description = "Recipe: a name of 'vitrail recipes', a YAML file, or auto, which chooses by the data"
                    + " (default ${DEFAULT-VALUE}).")
    private String recipe = TrainingRequest.AUTO;

    @Option(names = "--out", paramLabel = "RUN", description = "Run folder (default: a new one in runs/).")
    private Optional<Path> out = Optional.empty();

    @Option(names = "--resume", description = "Resume the run in --out with its own options.")
    private boolean resume;

    @Option(
            names = "--pretrain",
            paramLabel = "N",
            description = "Epochs of self-supervised masked patch prediction before training (ViT, DeiT, hybrids).")
    private Optional<Integer> pretrain = Optional.empty();

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Option(names = "--workers", paramLabel = "N", description = "Image decoding threads (default: all cores).")
    private int workers;

    @Option(names = "--strict", description = "Fail at the first unreadable image or file.")
    private boolean strict;

    @Option(names = "--no-doctor", description = "Skip the checks of options, data and model before training.")
    private boolean noDoctor;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(
            names = "--processes",
            paramLabel = "N",
            description = "Train in N processes of this machine, which share every batch (data parallel).")
    private Optional<Integer> processes = Optional.empty();

    @Option(
            names = "--nodes",
            paramLabel = "N",
            description = "Number of machines, each with --processes processes (default ${DEFAULT-VALUE}).")
    private int nodes = 1;

    @Option(
            names = "--node-rank",
            paramLabel = "R",
            description = "Number of this machine among --nodes, from 0 (default ${DEFAULT-VALUE}).")
    private int nodeRank;

    @Option(
            names = "--master",
            paramLabel = "HOST:PORT",
            description = "Address of machine 0 and a free port of it, for --nodes.")
    private Optional<String> master = Optional.empty();

    @Option(
            names = "--join-timeout",
            paramLabel = "S",
            description = "Seconds that processes wait for each other to start (default ${DEFAULT-VALUE}).")
    private int joinTimeout = (int) ProcessGroup.Settings.DEFAULT.join().toSeconds();

    @Override
    public Integer call() {
        VitrailException.require(
                !resume || out.isPresent(), "--resume needs --out RUN, the folder of the run to go on with");
        VitrailException.require(
                joinTimeout > 0, "--join-timeout is a number of seconds, 1 or more, found %d", joinTimeout);
        var place = Rendezvous.of(System.getenv());
        if (processes.isPresent() || nodes > 1 || nodeRank > 0 || master.isPresent()) {
            VitrailException.require(
                    place.isEmpty(),
                    "the environment variables RANK and WORLD_SIZE are set, as torchrun does for processes that it"
                            + " starts: leave out --processes, --nodes, --node-rank and --master, or unset them");
            VitrailException.require(
                    processes.isPresent(),
                    "--nodes, --node-rank and --master need --processes N, the processes of each machine");
            var launcher = new TrainingProcesses(processes.get(), nodes, nodeRank, master);
            if (processes.get() * nodes > 1) {
                return launcher.run(Objects.requireNonNull(spec)
                        .root()
                        .commandLine()
                        .getParseResult()
                        .originalArgs());
            }
        }
        var settings = ProcessGroup.Settings.DEFAULT.withJoin(Duration.ofSeconds(joinTimeout));
        if (place.isEmpty() || place.get().worldSize() == 1) {
            return train(ProcessGroup.single(), device.device());
        }
        endWithLauncher();
        return ProcessGroup.run(
                place.get(),
                settings,
                group -> train(group, device.deviceOf(place.get().localRank())),
                TrainCommand::leave);
    }

    /** Nobody would end processes whose launcher was killed. */
    private static void endWithLauncher() {
        var launcher = Long.getLong(TrainingProcesses.LAUNCHER);
        if (launcher != null) {
            ProcessHandle.of(launcher)
                    .map(ProcessHandle::onExit)
                    .orElseGet(() -> CompletableFuture.completedFuture(ProcessHandle.current()))
                    .thenRun(() -> System.exit(TrainingProcesses.LOST));
        }
    }

    /** Ends this process in the middle of its work, which takes too long to hear that another process is gone. */
    private static void leave(VitrailException lost) {
        System.err.printf("vitrail: %s, so the training was stopped%n", lost.getMessage());
        System.err.flush();
        Startup.leave(lost instanceof PeerLostException ? TrainingProcesses.LOST : ExitCode.USAGE);
    }

    /** Trains as one process of a group; the first alone speaks. */
    private int train(ProcessGroup group, Device trained) {
        var folder = new RunFolder(out.orElseGet(TrainCommand::newFolder));
        var chosen = RunOptions.DEFAULT
                .withDevice(trained)
                .withWorkers(workers)
                .withStrict(strict)
                .withGroup(group)
                .withBroken(broken -> System.err.println("vitrail: " + broken.sentence()))
                .withFound(found -> System.err.printf("doctor      %s%n", found));
        var options = noDoctor ? chosen.withoutDoctor() : chosen;
        var request = new TrainingRequest(recipe, TrainingFlags.read(Objects.requireNonNull(spec)));
        var first = pretrain.map(OptionalInt::of).orElseGet(OptionalInt::empty);
        var job = resume
                ? TrainingJob.resume(request, first, folder, options)
                : TrainingJob.begin(request, first, folder, options, reason -> {
                    if (group.isFirst()) {
                        System.err.printf("recipe      %s%n", reason);
                    }
                });
        job.run((stage, run) -> {
            if (group.isFirst()) {
                announce(run, stage, group);
            }
            var result = run(run, stage, folder, options.device(), group);
            if (group.isFirst() && stage.equals(folder)) {
                end(result, run);
            } else if (group.isFirst() && result.finished()) {
                System.err.println();
            }
            return result;
        });
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

    /** Says what came out. */
    private void end(TrainingResult result, TrainingRun run) {
        DataFaults.tellCut(run.loaders().cut());
        report(result, run);
        if (result.finished()
                && !json
                && run.config().get(DATA).equals(TrainingData.BUILT_IN)
                && run.config().get(OBJECTIVE) == Objective.CLASSIFY) {
            show(new RunFolder(result.folder()), run.sets());
        }
    }

    private static void announce(TrainingRun run, RunFolder folder, ProcessGroup group) {
        var config = run.config();
        var loaded = run.loaded();
        System.err.printf(Locale.ROOT, "training    %s%n", run.sets().train().describe());
        System.err.printf(
                Locale.ROOT, "validation  %s%n", run.sets().validation().describe());
        tellFaults(run.sets().faults());
        var cache = run.loaders().cache();
        if (cache.isUsed()) {
            System.err.printf(
                    Locale.ROOT,
                    "cache       up to %,d MiB of decoded images stay in memory (image_cache)%n",
                    cache.limit() >> 20);
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
        var plan = run.plan();
        plan.reasons().forEach(reason -> System.err.printf("plan        %s%n", reason));
        System.err.printf(
                Locale.ROOT,
                "run         %s, %s of %,d steps, batch %d%s%s, learning rate %s%n%n",
                folder.path(),
                plan.epochs() == 1 ? "1 epoch" : plan.epochs() + " epochs",
                plan.stepsPerEpoch(),
                plan.batchSize(),
                plan.gradientAccumulation() == 1 ? "" : " × " + plan.gradientAccumulation(),
                group.isSingle() ? "" : " shared by %d processes".formatted(group.size()),
                plan.peakLearningRate());
    }

    /**
     * Notes on loading pretrained weights, beyond copying. Empty for random weights; the note on images that do not fit
     * is left to the doctor.
     */
    private static List<String> notes(LoadedModel loaded) {
        return loaded.pretrained()
                ? loaded.notes().stream()
                        .filter(note -> !loaded.model().config().adjusted().equals(Optional.of(note)))
                        .toList()
                : List.of();
    }

    /** Number of problems of the data's files, and the first few. */
    private static void tellFaults(DataProblems faults) {
        if (!faults.isEmpty()) {
            System.err.printf(
                    "faults      %d in the files of the data, which is used without what they concern;"
                            + " --strict refuses it%n",
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
    private static TrainingResult run(
            TrainingRun run, RunFolder folder, RunFolder whole, Device device, ProcessGroup group) {
        var trainer = run.trainer();
        return new Interruption(trainer, whole).during(() -> {
            if (!group.isFirst()) {
                return left(trainer.run(), group);
            }
            try (var display = new TrainingDisplay();
                    var events = new TensorBoardEvents(folder)) {
                trainer.listener(display).listener(events).listener(new RunReport(folder, run.sets(), device));
                return left(trainer.run(), group);
            }
        });
    }

    /** Leaves the group before the process ends that was told to: the others would take it for lost. */
    private static TrainingResult left(TrainingResult result, ProcessGroup group) {
        if (!result.finished()) {
            group.close();
        }
        return result;
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
            JsonOutput.print(new Result(
                    result.folder().toString(),
                    result.finished(),
                    result.epochs().size(),
                    100 * last,
                    100 * result.bestTop1(),
                    result.bestEpoch(),
                    result.seconds(),
                    speed,
                    run.loaders().broken(),
                    run.loaders().cut(),
                    run.sets().faults().count(),
                    notes(run.loaded())));
            return;
        }
        if (run.loaders().broken() > 0) {
            System.out.printf(
                    "%nbroken      %d of the images could not be read%n",
                    run.loaders().broken());
        }
        if (result.finished()) {
            System.out.printf(
                    Locale.ROOT,
                    "%nbest top-1  %.2f %% after epoch %d, in %.0f s of training (%.0f images/s)%nrun folder "
                            + " %s, to look at: index.html in it%n",
                    100 * result.bestTop1(),
                    result.bestEpoch(),
                    result.seconds(),
                    speed,
                    result.folder());
        }
    }

    /** A few predictions on validation images, so that a first run ends with something to look at. */
    private static void show(RunFolder folder, TrainAndValidation sets) {
        var set = sets.validation();
        System.out.printf(Locale.ROOT, "%na few images that it has not seen:%n");
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

    /** Output of {@code --json}; accuracies in per cent. */
    private record Result(
            String run,
            boolean finished,
            int epochs,
            double valTop1,
            double bestTop1,
            int bestEpoch,
            double seconds,
            double imagesPerSecond,
            int broken,
            int cut,
            int faults,
            List<String> notes) {}
}
