package dev.vitrail.train;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Results of an epoch: a row of {@code summary.csv} and, for what the clock says, one of {@code timing.csv}.
 *
 * @param epoch counted from 1
 * @param learningRate of its last step
 * @param trainLoss mean over its steps, with smoothing and all that training adds
 * @param trainTop1 share of its images that were classified rightly while training, 0 to 1
 * @param validationLoss mean negative log-likelihood over the validation images, nats
 * @param validationTop1 0 to 1
 * @param validationTop5 0 to 1
 * @param seconds of training and validation together
 * @param imagesPerSecond while training
 */
public record EpochSummary(
        int epoch,
        double learningRate,
        double trainLoss,
        double trainTop1,
        double validationLoss,
        double validationTop1,
        double validationTop5,
        double seconds,
        double imagesPerSecond) {
    private static final String COLUMNS = "epoch,learning_rate,train_loss,train_top1,val_loss,val_top1,val_top5";
    private static final String TIMING_COLUMNS = "epoch,seconds,images_per_second";

    /** All of it, in the order of the components. */
    double[] numbers() {
        return new double[] {
            epoch,
            learningRate,
            trainLoss,
            trainTop1,
            validationLoss,
            validationTop1,
            validationTop5,
            seconds,
            imagesPerSecond
        };
    }

    /** Restores what {@link #numbers} returned. */
    static EpochSummary of(double[] n) {
        return new EpochSummary((int) n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]);
    }

    /** Results that a repeated run reproduces digit for digit: the rows of {@code summary.csv}. */
    static String csv(List<EpochSummary> rows) {
        return text(COLUMNS, rows, row -> "%d,%s,%s,%s,%s,%s,%s"
                .formatted(
                        row.epoch,
                        row.learningRate,
                        row.trainLoss,
                        row.trainTop1,
                        row.validationLoss,
                        row.validationTop1,
                        row.validationTop5));
    }

    /** Times, which differ from run to run: the rows of {@code timing.csv}. */
    static String timingCsv(List<EpochSummary> rows) {
        return text(
                TIMING_COLUMNS,
                rows,
                row -> String.format(Locale.ROOT, "%d,%.3f,%.2f", row.epoch, row.seconds, row.imagesPerSecond));
    }

    private static String text(String columns, List<EpochSummary> rows, Function<EpochSummary, String> line) {
        return rows.stream().map(line).collect(Collectors.joining("\n", columns + "\n", "\n"));
    }

    /**
     * The rows that {@link #csv} and {@link #timingCsv} wrote into two files.
     *
     * @throws VitrailException if a file cannot be read, was changed, or lacks an epoch that the other has
     */
    static List<EpochSummary> read(Path summary, Path timing) {
        var clock = new HashMap<Double, double[]>();
        rows(timing, TIMING_COLUMNS).forEach(times -> clock.put(times[0], times));
        return rows(summary, COLUMNS).stream()
                .map(n -> {
                    var times = clock.getOrDefault(n[0], new double[0]);
                    VitrailException.require(
                            times.length == 3, "%s lacks the epoch %.0f, which %s has", timing, n[0], summary);
                    return new EpochSummary((int) n[0], n[1], n[2], n[3], n[4], n[5], n[6], times[1], times[2]);
                })
                .toList();
    }

    private static List<double[]> rows(Path file, String columns) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new VitrailException("cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
        VitrailException.require(
                !lines.isEmpty() && lines.get(0).equals(columns),
                "%s does not begin with the line '%s': it is no table of a run's epochs, or was changed",
                file,
                columns);
        int width = columns.split(",", -1).length;
        return lines.stream().skip(1).map(line -> row(line, width, file)).toList();
    }

    private static double[] row(String line, int width, Path file) {
        try {
            var numbers = Arrays.stream(line.split(",", -1))
                    .mapToDouble(Double::parseDouble)
                    .toArray();
            if (numbers.length == width) {
                return numbers;
            }
        } catch (NumberFormatException e) {
            throw new VitrailException("%s has a line that is no row of numbers: '%s'".formatted(file, line), e);
        }
        throw VitrailException.of("%s has a line that is no row of %d numbers: '%s'", file, width, line);
    }
}
