package dev.vitrail.report;

import static java.util.stream.Collectors.averagingDouble;

import dev.vitrail.report.StudyRow.Result;
import dev.vitrail.report.StudyRow.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVPrinter;

/**
 * Results of a study over all its runs.
 *
 * @param name the study's
 * @param title what it asks
 * @param source where the question is from; may be empty
 * @param data what was trained on and validated with, a line each
 * @param definition the study's YAML
 * @param baseline the model or recipe that the best run is compared with; empty for the first other that is named
 * @param rows one for each run, made or not, in the order in which they are made
 */
public record StudyResults(
        String name,
        String title,
        String source,
        List<String> data,
        String definition,
        Optional<String> baseline,
        List<StudyRow> rows) {
    private static final String COLUMNS =
            "model,recipe,share,images,seed,state,epochs,top1,best_top1,nll,params,macs,seconds,images_per_second,"
                    + "folder,failure";

    public StudyResults {
        data = List.copyOf(data);
        rows = List.copyOf(rows);
    }

    /**
     * Accuracy over seeds.
     *
     * @param images that were trained on
     * @param runs that have finished
     * @param mean of their top-1, 0 to 1
     * @param std of a sample, with a denominator of one less than the runs; none for a single run
     */
    public record Accuracy(int images, int runs, double mean, Optional<Double> std) {
        static Accuracy of(List<StudyRow> finished) {
            var all = finished.stream()
                    .flatMap(row -> row.result().stream())
                    .mapToDouble(Result::top1)
                    .toArray();
            double mean = Arrays.stream(all).average().orElseThrow();
            double squares =
                    Arrays.stream(all).map(v -> (v - mean) * (v - mean)).sum();
            return new Accuracy(
                    finished.get(0).images(),
                    all.length,
                    mean,
                    all.length > 1 ? Optional.of(Math.sqrt(squares / (all.length - 1))) : Optional.empty());
        }

        /** As 96.41 ± 0.32, per cent. */
        public String text() {
            return String.format(Locale.ROOT, "%.2f", 100 * mean)
                    + std.map(d -> String.format(Locale.ROOT, " ± %.2f", 100 * d))
                            .orElse("");
        }
    }

    /**
     * A model and recipe, over sizes of the training set.
     *
     * @param name of the model, and of the recipe where the study has several
     * @param parameters of the model
     * @param multiplyAccumulates for one image
     * @param seconds of training and validation, mean over the runs on the most images
     * @param imagesPerSecond while training, mean over the same
     * @param accuracies one for each size of which a run has finished, by size
     * @param curve validation top-1 of each epoch, 0 to 1, mean over the runs on the most images
     */
    public record Line(
            String name,
            long parameters,
            long multiplyAccumulates,
            double seconds,
            double imagesPerSecond,
            List<Accuracy> accuracies,
            List<Double> curve) {
        public Line {
            accuracies = List.copyOf(accuracies);
            curve = List.copyOf(curve);
        }

        /** On that many images. */
        public Optional<Accuracy> on(int images) {
            return accuracies.stream().filter(one -> one.images() == images).findFirst();
        }
    }

    /** Sizes of the training set, ascending. */
    public List<Integer> sizes() {
        return rows.stream().map(StudyRow::images).distinct().sorted().toList();
    }

    public List<StudyRow> in(State state) {
        return rows.stream().filter(row -> row.state() == state).toList();
    }

    /** Returns true if all runs are finished. */
    public boolean finished() {
        return in(State.FINISHED).size() == rows.size();
    }

    /** One for each model and recipe of which a run has finished, in the study's order. */
    public List<Line> lines() {
        boolean recipes = rows.stream().map(StudyRow::recipe).distinct().count() > 1;
        var groups = new LinkedHashMap<String, List<StudyRow>>();
        for (var row : rows) {
            var name = recipes ? row.model() + ", " + row.recipe() : row.model();
            var group = groups.computeIfAbsent(name, key -> new ArrayList<>());
            if (row.state() == State.FINISHED) {
                group.add(row);
            }
        }
        return groups.entrySet().stream()
                .filter(group -> !group.getValue().isEmpty())
                .map(group -> line(group.getKey(), group.getValue()))
                .toList();
    }

    private static Line line(String name, List<StudyRow> finished) {
        int most = finished.stream().mapToInt(StudyRow::images).max().orElseThrow();
        var largest = finished.stream()
                .filter(row -> row.images() == most)
                .flatMap(row -> row.result().stream())
                .toList();
        var bySize =
                finished.stream().collect(Collectors.groupingBy(StudyRow::images, TreeMap::new, Collectors.toList()));
        int epochs = largest.stream().mapToInt(one -> one.curve().size()).min().orElseThrow();
        return new Line(
                name,
                largest.get(0).parameters(),
                largest.get(0).multiplyAccumulates(),
                mean(largest, Result::seconds),
                mean(largest, Result::imagesPerSecond),
                bySize.values().stream().map(Accuracy::of).toList(),
                Stream.iterate(0, epoch -> epoch + 1)
                        .limit(epochs)
                        .map(epoch -> mean(largest, one -> one.curve().get(epoch)))
                        .toList());
    }

    private static double mean(List<Result> results, ToDoubleFunction<Result> figure) {
        return results.stream().collect(averagingDouble(figure));
    }

    /** A row for each run, as RFC 4180 has it; a figure that is not known yet is empty. */
    public String csv() {
        var out = new StringBuilder();
        try (var csv = new CSVPrinter(
                out,
                CSVFormat.RFC4180
                        .builder()
                        .setRecordSeparator('\n')
                        .setHeader(COLUMNS.split(","))
                        .get())) {
            for (var row : rows) {
                csv.printRecord(cells(row));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toString();
    }

    private static List<Object> cells(StudyRow row) {
        var cells = new ArrayList<Object>(List.of(
                row.model(),
                row.recipe(),
                row.share(),
                row.images(),
                row.seed(),
                row.state().text()));
        cells.addAll(row.result()
                .map(result -> List.<Object>of(
                        result.curve().size(),
                        result.top1(),
                        result.bestTop1(),
                        result.nll(),
                        result.parameters(),
                        result.multiplyAccumulates(),
                        Format.format("%.3f", result.seconds()),
                        Format.format("%.2f", result.imagesPerSecond())))
                .orElse(Collections.nCopies(8, "")));
        cells.add(String.valueOf(row.folder().getFileName()));
        cells.add(row.failure());
        return cells;
    }
}
