package dev.vitrail.cli;

import dev.vitrail.cli.ProgressBar.Line;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.TrainingListener;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Two bars on a terminal, one for the epoch and one for the whole run, and a line for each epoch that has ended. */
final class TrainingDisplay implements TrainingListener, AutoCloseable {
    private final ProgressBar bars = new ProgressBar();
    private List<Line> shown = List.of();
    private double best;
    private boolean headed;

    @Override
    public void stepped(Step step) {
        shown = lines(step, best);
        bars.show(shown, step.step() == step.steps());
    }

    /**
     * The bars at a step.
     *
     * @param best top-1 of the best epoch so far, 0 to 1; 0 before the first
     */
    static List<Line> lines(Step step, double best) {
        int digits = String.valueOf(step.steps()).length();
        long all = (long) step.steps() * step.epochs();
        var run = new ArrayList<>(List.of(
                format("%3d %%", 100 * step.update() / all),
                format("%5.0f images/s", step.imagesPerSecond()),
                readable(step.left().toSeconds()) + " left"));
        if (best > 0) {
            run.add(format("best %.2f %%", 100 * best));
        }
        var epoch = format("epoch %d/%d", step.epoch(), step.epochs());
        return List.of(
                new Line(
                        epoch,
                        step.step(),
                        step.steps(),
                        List.of(
                                format("%" + digits + "d/%d", step.step(), step.steps()),
                                format("loss %.3f", step.meanLoss()),
                                format("top-1 %5.2f %%", 100 * step.top1()),
                                format("lr %.1e", step.learningRate()))),
                new Line(format("%-" + epoch.length() + "s", "run"), step.update(), all, run));
    }

    @Override
    public void validated(int epoch, long images) {
        if (!shown.isEmpty()) {
            var validating = new Line(shown.get(0).what(), 1, 1, List.of(format("validating: %d images", images)));
            bars.show(List.of(validating, shown.get(1)), false);
        }
    }

    @Override
    public void epochEnded(EpochSummary summary, Evaluation found, boolean isBest) {
        bars.clear();
        if (!headed) {
            headed = true;
            System.err.println("epoch  train loss    top-1   val loss    top-1   images/s      time");
        }
        best = isBest ? summary.validationTop1() : best;
        System.err.println(row(summary, isBest));
    }

    static String row(EpochSummary summary, boolean isBest) {
        return format(
                "%5d  %10.4f  %5.2f %%   %8.4f  %5.2f %%   %8.0f  %8s%s",
                summary.epoch(),
                summary.trainLoss(),
                100 * summary.trainTop1(),
                summary.validationLoss(),
                100 * summary.validationTop1(),
                summary.imagesPerSecond(),
                readable(Math.round(summary.seconds())),
                isBest ? "  best" : "");
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    /** Seconds as 0:12, 3:20 or 5:07:00. */
    static String readable(long seconds) {
        return seconds >= 3600
                ? format("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
                : format("%d:%02d", seconds / 60, seconds % 60);
    }

    @Override
    public void close() {
        bars.close();
    }
}
