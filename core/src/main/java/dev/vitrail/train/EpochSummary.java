package dev.vitrail.train;

import dev.vitrail.VitrailException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What became of an epoch: a row of {@code summary.csv}.
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
    private static final String HEADER =
            "epoch,learning_rate,train_loss,train_top1,val_loss,val_top1,val_top5,seconds,images_per_second";

    /** Rows as CSV, under a line that names the columns. */
    static String csv(List<EpochSummary> rows) {
        return rows.stream().map(EpochSummary::line).collect(Collectors.joining("\n", HEADER + "\n", "\n"));
    }

    private String line() {
        // Numbers that a resumed run must give again are written exactly, the clock's are not.
        return String.format(
                Locale.ROOT,
                "%d,%s,%s,%s,%s,%s,%s,%.3f,%.2f",
                epoch,
                learningRate,
                trainLoss,
                trainTop1,
                validationLoss,
                validationTop1,
                validationTop5,
                seconds,
                imagesPerSecond);
    }

    /**
     * The rows of a file that {@link #csv} wrote.
     *
     * @param origin what to call it in errors
     */
    static List<EpochSummary> parse(String csv, String origin) {
        var lines = csv.lines().toList();
        VitrailException.require(
                !lines.isEmpty() && lines.get(0).equals(HEADER),
                "%s does not begin with the line '%s': it is no summary of a run, or was changed",
                origin,
                HEADER);
        return lines.subList(1, lines.size()).stream()
                .map(line -> row(line, origin))
                .toList();
    }

    private static EpochSummary row(String line, String origin) {
        try {
            var n = Arrays.stream(line.split(",", -1))
                    .mapToDouble(Double::parseDouble)
                    .toArray();
            if (n.length == 9) {
                return new EpochSummary((int) n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]);
            }
        } catch (NumberFormatException e) {
            throw new VitrailException("%s has a line that is no row of numbers: '%s'".formatted(origin, line), e);
        }
        throw VitrailException.of("%s has a line that is no row of 9 numbers: '%s'", origin, line);
    }
}
