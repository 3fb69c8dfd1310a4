package dev.vitrail.cli;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import dev.vitrail.parity.Outcome;
import dev.vitrail.parity.Parity;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs golden cases. */
@Command(
        name = "parity",
        description = {
            "Runs golden cases, computed by the original implementations, and prints each figure.",
            "A case whose figures exceed their tolerance fails, and the first block that diverges is named; a case that"
                    + " cannot be run counts as failed."
        },
        footer = {"", "Example:", "  vitrail parity core/src/test/resources/golden"})
final class ParityCommand implements Callable<Integer> {
    @Parameters(
            arity = "1..*",
            paramLabel = "PATH",
            description = "Case files (.json), their tensor files, or folders of them.")
    private List<Path> paths = List.of();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var outcomes = Parity.run(paths, outcome -> {
            if (!json) {
                System.out.println(line(outcome));
            }
        });
        long passed = outcomes.stream().filter(Outcome::passed).count();
        long failed = outcomes.size() - passed;
        if (json) {
            JsonOutput.print(
                    new Result(passed, failed, outcomes.stream().map(Case::of).toList()));
        } else {
            System.out.printf(Locale.ROOT, "%n%d passed, %d failed%n", passed, failed);
        }
        return failed == 0 ? 0 : 1;
    }

    private static String line(Outcome outcome) {
        var figures = outcome.figures().entrySet().stream()
                .map(figure -> String.format(
                        Locale.ROOT,
                        "%s %.1e",
                        figure.getKey().replace("_error", "").replace('_', ' '),
                        figure.getValue()))
                .collect(Collectors.joining("  "));
        return String.format(Locale.ROOT, "%-6s %-30s %s", outcome.passed() ? "ok" : "FAILED", outcome.id(), figures)
                + outcome.complaint().map(complaint -> "\n       " + complaint).orElse("");
    }

    /** Output of {@code --json}. */
    private record Result(long passed, long failed, List<Case> cases) {}

    private record Case(
            String id,
            String kind,
            boolean passed,
            @JsonAnyGetter Map<String, Double> figures,
            Optional<String> complaint) {
        static Case of(Outcome outcome) {
            return new Case(outcome.id(), outcome.kind(), outcome.passed(), outcome.figures(), outcome.complaint());
        }
    }
}
