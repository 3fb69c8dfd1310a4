package dev.vitrail.cli;

import dev.vitrail.data.ClassNames;
import dev.vitrail.data.Dataset;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.Loader;
import dev.vitrail.data.Relabelled;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.Transforms;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.ProcessEnd;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.report.EvaluationPage;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures accuracy on labelled images. */
@Command(
        name = "evaluate",
        description = {"Evaluates a model on labelled images: top-1, top-5, negative log-likelihood."},
        footer = {"", "Example:", "  vitrail evaluate --model runs/shapes --data photos --out evaluation.html"})
final class EvaluateCommand implements Callable<Integer> {
    @Mixin
    private ModelOptions models = new ModelOptions();

    @Option(
            names = "--data",
            paramLabel = "D",
            description = "D/class/image, D/train and D/val, a flat folder with --labels, .tar (WebDataset) or .parquet"
                    + " files, or IDX files; without it, the built-in set.")
    private Optional<Path> data = Optional.empty();

    @Option(
            names = "--labels",
            paramLabel = "FILE",
            description = "CSV file with columns file and label, for a flat folder.")
    private Optional<Path> labels = Optional.empty();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Option(
            names = "--split",
            defaultValue = "validation",
            description = "${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}).")
    private Split split = Split.VALIDATION;

    @Option(names = "--batch", defaultValue = "32", description = "Batch size (default ${DEFAULT-VALUE}).")
    private int batch;

    @Mixin
    private BackendOption backend = new BackendOption();

    @Option(names = "--workers", paramLabel = "N", description = "Image decoding threads (default: all cores).")
    private int workers;

    @Option(names = "--strict", description = "Fail at the first unreadable image or file.")
    private boolean strict;

    @Option(
            names = "--out",
            paramLabel = "FILE.html",
            description = "Write an HTML report: confusion matrix, classes, calibration, worst mistakes.")
    private Optional<Path> out = Optional.empty();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        VitrailException.require(batch > 0, "--batch %d must be positive", batch);
        out.ifPresent(AtomicFile::requireWritable);
        var set = dataset();
        DataFaults.tell(set.faults(), strict);
        try (var loaded = backend.applyTo(models.loadClassifier(), batch)) {
            var matched = set.classes().isEmpty() ? set : matched(set, loaded);
            var options =
                    Loader.Options.evaluation(Math.min(batch, matched.size())).withWorkers(workers);
            options = strict ? options.withOnBroken(Loader.OnBroken.FAIL) : options;
            try (var loader = new Loader(
                            matched,
                            Transforms.evaluation(loaded.preprocessing()),
                            Sampler.sequential(matched.size()),
                            options,
                            broken -> System.err.println("vitrail: " + broken.sentence()));
                    var progress = new ProgressBar();
                    var heartbeat = new Heartbeat(false);
                    var batches = loader.epoch(0)) {
                var done = new AtomicLong();
                Runnable ending =
                        () -> System.err.printf("vitrail: stopped after %d of %d images%n", done.get(), matched.size());
                ProcessEnd.await(ending);
                Evaluation result;
                try {
                    result = Evaluation.of(loaded.model(), batches, images -> {
                        done.set(images);
                        progress.show("evaluating", images, matched.size(), "");
                        heartbeat.show(images, 0);
                    });
                } finally {
                    ProcessEnd.over(ending);
                }
                progress.close();
                result.requireFinite();
                out.ifPresent(file -> AtomicFile.write(
                        file, EvaluationPage.html(loaded.variant().name(), result, matched)));
                DataFaults.tellCut(loader.cut());
                report(
                        result,
                        loader.broken().size(),
                        loader.cut(),
                        set.faults().count(),
                        loaded.notes());
            }
        }
        return 0;
    }

    /** Whether names are ImageNet's, taken for their number alone, and none of the data's classes is called so. */
    private static boolean isGuess(ClassNames names, Dataset set) {
        return !names.aliases().isEmpty()
                && set.classes().stream().noneMatch(name -> names.indexOf(name).isPresent());
    }

    /** A model that knows the names of its classes tells which of its outputs each class of the data is. */
    private Dataset matched(Dataset set, LoadedModel loaded) {
        return models.classNames()
                .or(() -> loaded.classNames().filter(names -> !isGuess(names, set)))
                .map(names -> Relabelled.of(set, names))
                .orElseGet(() -> Relabelled.unnamed(set, loaded.model().config().classes()));
    }

    private Dataset dataset() {
        return data.map(folder -> Datasets.open(folder, split, labels, decoding.options()))
                .orElseGet(() -> StainedGlass.of(split));
    }

    private void report(Evaluation result, int broken, int cut, int faults, List<String> notes) {
        if (json) {
            JsonOutput.print(new Result(
                    result.images(),
                    result.correct1(),
                    result.correct5(),
                    100 * result.top1(),
                    100 * result.top5(),
                    result.nll(),
                    result.calibration().expectedError(),
                    broken,
                    cut,
                    faults,
                    result.imagesPerSecond(),
                    notes));
            return;
        }
        System.out.printf(
                Locale.ROOT,
                "%-12s %d%s%n",
                "images",
                result.images(),
                broken > 0 ? ", %d broken".formatted(broken) : "");
        System.out.printf(Locale.ROOT, "%-12s %.2f %%  (%d)%n", "top-1", 100 * result.top1(), result.correct1());
        System.out.printf(Locale.ROOT, "%-12s %.2f %%  (%d)%n", "top-5", 100 * result.top5(), result.correct5());
        System.out.printf(Locale.ROOT, "%-12s %.4f%n", "NLL", result.nll());
        System.out.printf(
                Locale.ROOT,
                "%-12s %.2f %% expected error%n",
                "calibration",
                100 * result.calibration().expectedError());
        System.out.printf(Locale.ROOT, "%-12s %.1f images/s%n", "speed", result.imagesPerSecond());
    }

    /** What {@code --json} prints; {@code top1} and {@code top5} in per cent. */
    private record Result(
            long images,
            long correct1,
            long correct5,
            double top1,
            double top5,
            double nll,
            double calibrationError,
            int broken,
            int cut,
            int faults,
            double imagesPerSecond,
            List<String> notes) {}
}
