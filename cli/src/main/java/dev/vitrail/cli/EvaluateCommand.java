package dev.vitrail.cli;

import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.report.EvaluationPage;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
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

    @Mixin
    private EvaluationData data = new EvaluationData();

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
        var set = data.open();
        DataFaults.tell(set.faults(), strict);
        try (var loaded = backend.applyTo(models.loadClassifier(), batch)) {
            var matched = EvaluationData.matched(set, loaded, models.classNames());
            var options =
                    LoaderOptions.evaluation(Math.min(batch, matched.size())).withWorkers(workers);
            options = strict ? options.withOnBroken(Loader.OnBroken.FAIL) : options;
            try (var run = new EvaluationRun(loaded, matched, options)) {
                var result = run.evaluate();
                result.requireFinite();
                out.ifPresent(file -> AtomicFile.write(
                        file, EvaluationPage.html(loaded.variant().name(), result, matched)));
                DataFaults.tellCut(run.loader().cut());
                report(
                        result,
                        run.loader().broken().size(),
                        run.loader().cut(),
                        set.faults().count(),
                        loaded.notes());
            }
        }
        return 0;
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

    /** Output of {@code --json}; {@code top1} and {@code top5} in per cent. */
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
