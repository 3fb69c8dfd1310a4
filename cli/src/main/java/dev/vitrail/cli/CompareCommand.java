package dev.vitrail.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.report.RunComparison;
import dev.vitrail.report.RunRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows runs side by side. */
@Command(
        name = "compare",
        description = {"Compares training runs: accuracy, cost, and the options that differ."},
        footer = {"", "Example:", "  vitrail compare runs/train-001 runs/train-002 --out compare.html"})
final class CompareCommand implements Callable<Integer> {
    /** Longest value of an option that is printed as it is, characters. */
    private static final int WIDEST = 24;

    @Parameters(paramLabel = "RUN", arity = "2..*", description = "Folders of runs, whether or not they have ended.")
    private List<Path> folders = List.of();

    @Option(names = "--out", paramLabel = "FILE.html", description = "Write an HTML page with overlaid curves.")
    private Optional<Path> out = Optional.empty();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        out.ifPresent(AtomicFile::requireWritable);
        var comparison = RunComparison.of(folders);
        out.ifPresent(file -> AtomicFile.write(file, comparison.html()));
        if (json) {
            JsonOutput.print(new Result(
                    comparison.runs().stream().map(Run::of).toList(),
                    comparison.sameData(),
                    comparison.runs().get(comparison.best()).folder().toString(),
                    comparison.differences()));
            return 0;
        }
        Table.print(results(comparison));
        System.out.println();
        if (comparison.differences().isEmpty()) {
            System.out.println("their configurations are the same");
        } else {
            Table.print(differences(comparison));
        }
        if (!comparison.sameData()) {
            System.out.printf("%nthese runs learned from different data: their accuracies are not comparable%n");
        }
        out.ifPresent(file -> System.out.printf("%ncurves  %s%n", file));
        return 0;
    }

    private static List<List<String>> results(RunComparison comparison) {
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("run", "best top-1", "epoch", "last top-1", "loss", "epochs", "params", "time", "images/s"));
        for (int i = 0; i < comparison.runs().size(); i++) {
            var run = comparison.runs().get(i);
            var best = run.best();
            rows.add(List.of(
                    comparison.names().get(i),
                    String.format(
                            Locale.ROOT,
                            "%s%.2f %%",
                            comparison.sameData() && i == comparison.best() ? "* " : "",
                            100 * best.validationTop1()),
                    String.valueOf(best.epoch()),
                    String.format(Locale.ROOT, "%.2f %%", 100 * run.last().validationTop1()),
                    String.format(Locale.ROOT, "%.4f", best.validationLoss()),
                    run.finished() ? run.planned() : run.epochs().size() + "/" + run.planned(),
                    String.format(Locale.ROOT, "%.2f M", run.parameters() / 1e6),
                    TrainingDisplay.readable(Math.round(run.seconds())),
                    String.format(Locale.ROOT, "%.0f", run.imagesPerSecond())));
        }
        return rows;
    }

    private static List<List<String>> differences(RunComparison comparison) {
        var rows = new ArrayList<List<String>>();
        var head = new ArrayList<>(List.of("option"));
        head.addAll(comparison.names());
        rows.add(head);
        comparison.differences().forEach((option, values) -> {
            var row = new ArrayList<>(List.of(option));
            values.forEach(value -> row.add(shortened(RunRecord.text(value))));
            rows.add(row);
        });
        return rows;
    }

    private static String shortened(String value) {
        return value.length() > WIDEST ? "…" + value.substring(value.length() - WIDEST + 1) : value;
    }

    /** Output of {@code --json}. */
    private record Result(List<Run> runs, boolean sameData, String best, Map<String, List<JsonNode>> differences) {}

    /** A run; accuracies in per cent. */
    private record Run(
            String run,
            String model,
            long params,
            boolean finished,
            int epochs,
            double bestTop1,
            int bestEpoch,
            double bestNll,
            double lastTop1,
            double seconds,
            double imagesPerSecond,
            Map<String, JsonNode> config) {
        static Run of(RunRecord run) {
            var best = run.best();
            return new Run(
                    run.folder().toString(),
                    run.model(),
                    run.parameters(),
                    run.finished(),
                    run.epochs().size(),
                    100 * best.validationTop1(),
                    best.epoch(),
                    best.validationLoss(),
                    100 * run.last().validationTop1(),
                    run.seconds(),
                    run.imagesPerSecond(),
                    run.options());
        }
    }
}
