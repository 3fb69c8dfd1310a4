package dev.vitrail.cli;

import dev.vitrail.RunOptions;
import dev.vitrail.data.DataProblems;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.report.StudyResults;
import dev.vitrail.report.StudyRow;
import dev.vitrail.report.StudyRow.State;
import dev.vitrail.study.Study;
import dev.vitrail.study.StudyFile;
import dev.vitrail.study.StudyRunner;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Trains many models to answer one question. */
@Command(
        name = "study",
        description = {
            "Trains every combination of models, recipes, fractions of the data and seeds, and reports"
                    + " accuracy against images, parameters, cost and time.",
            "The same command continues an interrupted study; finished runs are kept."
        },
        footer = {
            "",
            "Examples:",
            "  vitrail study data",
            "  vitrail study backbone --scale full",
            "  vitrail study data --data photos --budget 120",
            "  vitrail study mine.yaml --plan",
            "",
            "Exit status: 0 all runs are done; 1 some are missing or failed; 2 wrong use or bad input."
        })
final class StudyCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "STUDY",
            description =
                    "backbone (T2T-ViT's section 3.2), data (ViT, ResNet and hybrid as data grows), or a YAML file.")
    private String name = "";

    @Option(
            names = "--scale",
            paramLabel = "S",
            description = "Scale of the study, as its file names them (default: the first).")
    private Optional<String> scale = Optional.empty();

    @Option(names = "--data", paramLabel = "D", description = "Labelled images (default: the study's).")
    private Optional<Path> data = Optional.empty();

    @Option(names = "--out", paramLabel = "DIR", description = "Output folder (default: runs/study-NAME-SCALE).")
    private Optional<Path> out = Optional.empty();

    @Option(
            names = "--budget",
            paramLabel = "MIN",
            description = "Time limit in minutes; the next call continues (default: the study's).")
    private Optional<Double> budget = Optional.empty();

    @Option(names = "--plan", description = "List the runs and their state without training.")
    private boolean plan;

    @Option(names = "--retry", description = "Run failed runs again.")
    private boolean retry;

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Option(names = "--workers", paramLabel = "N", description = "Image decoding threads (default: all cores).")
    private int workers;

    @Option(names = "--strict", description = "Fail at corrupt data files and at the first unreadable image.")
    private boolean strict;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private final Set<String> broken = new HashSet<>();

    @Override
    public Integer call() {
        var study = study();
        var folder = out.orElseGet(() -> Path.of("runs", "study-" + study.folderName()));
        if (!plan) {
            AtomicFile.requireWritable(folder.resolve("study.csv"));
        }
        var options = RunOptions.DEFAULT
                .withDevice(device.device())
                .withWorkers(workers)
                .withStrict(strict)
                .withBroken(image -> {
                    if (broken.add(image.name())) { // every run meets it again
                        System.err.println("vitrail: " + image.sentence());
                    }
                });
        StudyResults results;
        DataProblems faults;
        try (var display = new StudyDisplay()) {
            var runner = new StudyRunner(study, folder, options, display);
            faults = runner.faults();
            DataFaults.tell(faults, strict);
            if (retry) {
                runner.forgive();
            }
            results = plan ? runner.results() : run(runner, study, folder);
        }
        if (json) {
            JsonOutput.print(result(results, folder, faults));
        } else if (plan) {
            plan(results);
        } else {
            print(results, folder);
        }
        return plan || results.finished() ? 0 : 1;
    }

    private Study study() {
        var study = StudyFile.read(name, scale);
        study = data.map(Path::toString).map(study::withData).orElse(study);
        return budget.map(study::withBudget).orElse(study);
    }

    /** Runs until all is done, the time is over, or Ctrl-C, which waits until the state is safe. */
    private StudyResults run(StudyRunner runner, Study study, Path folder) {
        System.err.printf(
                Locale.ROOT,
                "%s%n%d runs, at most %.4g minutes, in %s%n%n",
                study.title(),
                study.runs().size(),
                study.budgetMinutes(),
                folder);
        return new Interruption(runner::requestStop, "the same command again").during(runner::run);
    }

    // ------------------------------------------------------------------------------------------------- what is shown

    private static void plan(StudyResults results) {
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("model", "recipe", "images", "seed", "state"));
        for (var row : results.rows()) {
            rows.add(List.of(
                    row.model(),
                    row.recipe(),
                    String.format(Locale.ROOT, "%,d", row.images()),
                    String.valueOf(row.seed()),
                    row.state().text()));
        }
        Table.print(rows);
        System.out.printf("%n%d runs%n", results.rows().size());
    }

    private void print(StudyResults results, Path folder) {
        var sizes = results.sizes();
        var rows = new ArrayList<List<String>>();
        var head = new ArrayList<>(List.of("top-1, %", "params", "MACs", "images/s", "a run"));
        sizes.forEach(size -> head.add(String.format(Locale.ROOT, "%,d images", size)));
        rows.add(head);
        for (var line : results.lines()) {
            var row = new ArrayList<>(List.of(
                    line.name(),
                    millions(line.parameters()),
                    millions(line.multiplyAccumulates()),
                    String.format(Locale.ROOT, "%.0f", line.imagesPerSecond()),
                    TrainingDisplay.readable(Math.round(line.seconds()))));
            sizes.forEach(size ->
                    row.add(line.on(size).map(StudyResults.Accuracy::text).orElse("–")));
            rows.add(row);
        }
        if (rows.size() > 1) {
            System.out.println();
            Table.print(rows);
        }
        missing(results);
        if (!broken.isEmpty()) {
            System.out.printf("%nbroken  %d of the images could not be read%n", broken.size());
        }
        System.out.printf("%nplots   %s%ntable   %s%n", folder.resolve("index.html"), folder.resolve("study.csv"));
    }

    private static String millions(long count) {
        return String.format(Locale.ROOT, "%.2f M", count / 1e6);
    }

    private static void missing(StudyResults results) {
        for (var row : results.in(State.FAILED)) {
            System.out.printf("%nfailed  %s: %s%n", row.folder().getFileName(), row.failure());
        }
        var missing = missingRows(results);
        if (!missing.isEmpty()) {
            System.out.printf(
                    "%nmissing  %d of %d runs, for which the same command goes on:%n",
                    missing.size(), results.rows().size());
            missing.forEach(row -> System.out.printf(
                    "  %s%s%n", row.folder().getFileName(), row.state() == State.BEGUN ? " (begun)" : ""));
        }
    }

    private static List<StudyRow> missingRows(StudyResults results) {
        return results.rows().stream()
                .filter(row -> row.state() == State.MISSING || row.state() == State.BEGUN)
                .toList();
    }

    private Result result(StudyResults results, Path folder, DataProblems faults) {
        return new Result(
                results.name(),
                folder.toString(),
                results.finished(),
                missingRows(results).size(),
                results.in(State.FAILED).size(),
                broken.size(),
                faults.count(),
                results.rows().stream().map(Run::of).toList(),
                results.lines().stream().map(Line::of).toList());
    }

    /** Output of {@code --json}. */
    private record Result(
            String study,
            String folder,
            boolean finished,
            int missing,
            int failed,
            int broken,
            int faults,
            List<Run> runs,
            List<Line> table) {}

    /** A run; accuracies in per cent. */
    private record Run(
            String run,
            String model,
            String recipe,
            double share,
            int images,
            long seed,
            String state,
            Optional<Double> top1,
            Optional<Double> bestTop1,
            Optional<Double> nll,
            Optional<Double> seconds,
            Optional<Double> imagesPerSecond,
            Optional<String> failure) {
        static Run of(StudyRow row) {
            var found = row.result();
            return new Run(
                    row.folder().toString(),
                    row.model(),
                    row.recipe(),
                    row.share(),
                    row.images(),
                    row.seed(),
                    row.state().text(),
                    found.map(result -> 100 * result.top1()),
                    found.map(result -> 100 * result.bestTop1()),
                    found.map(StudyRow.Result::nll),
                    found.map(StudyRow.Result::seconds),
                    found.map(StudyRow.Result::imagesPerSecond),
                    Optional.of(row.failure()).filter(text -> !text.isEmpty()));
        }
    }

    private record Line(
            String name, long params, long macs, double seconds, double imagesPerSecond, List<Accuracy> accuracies) {
        static Line of(StudyResults.Line line) {
            return new Line(
                    line.name(),
                    line.parameters(),
                    line.multiplyAccumulates(),
                    line.seconds(),
                    line.imagesPerSecond(),
                    line.accuracies().stream()
                            .map(one -> new Accuracy(
                                    one.images(),
                                    one.runs(),
                                    100 * one.mean(),
                                    one.std().map(std -> 100 * std)))
                            .toList());
        }
    }

    private record Accuracy(int images, int runs, double top1, Optional<Double> std) {}
}
