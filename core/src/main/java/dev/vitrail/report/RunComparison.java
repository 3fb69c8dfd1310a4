package dev.vitrail.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.errors.VitrailException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Runs side by side.
 *
 * @param runs at least one, in the order they were named
 */
public record RunComparison(List<RunRecord> runs) {
    public RunComparison {
        runs = List.copyOf(runs);
        VitrailException.require(!runs.isEmpty(), "there is nothing to compare: name at least one run");
    }

    /** Reads runs from their folders. */
    public static RunComparison of(List<Path> folders) {
        return new RunComparison(folders.stream().map(RunRecord::read).toList());
    }

    /** Names of the runs: of each its folder's name, or where two are alike, its path. */
    public List<String> names() {
        var names = runs.stream().map(RunRecord::name).toList();
        return names.stream().distinct().count() == names.size()
                ? names
                : runs.stream().map(run -> run.folder().toString()).toList();
    }

    /** The options that are not the same in all runs, each with its value in every run, in the order of the runs. */
    public Map<String, List<JsonNode>> differences() {
        var keys = new LinkedHashSet<String>();
        runs.forEach(run -> keys.addAll(run.options().keySet()));
        var differences = new LinkedHashMap<String, List<JsonNode>>();
        for (var key : keys) {
            var values = runs.stream().map(run -> run.option(key)).toList();
            if (values.stream().distinct().count() > 1) {
                differences.put(key, values);
            }
        }
        return differences;
    }

    /**
     * Returns true if all were validated with the same data, as far as their configurations say; else accuracies are
     * not comparable.
     */
    public boolean sameData() {
        return !differences().containsKey("data");
    }

    /** The place of the run with the best epoch. */
    public int best() {
        return IntStream.range(0, runs.size())
                .reduce((a, b) ->
                        runs.get(b).best().validationTop1() > runs.get(a).best().validationTop1() ? b : a)
                .orElseThrow();
    }

    /** Renders a page with the runs' figures, their differences and their overlaid curves. */
    public String html() {
        return Page.render("report/comparison.jte", new ComparisonPage(this));
    }
}
