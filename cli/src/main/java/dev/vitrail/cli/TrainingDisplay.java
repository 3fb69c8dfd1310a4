package dev.vitrail.cli;

import dev.vitrail.eval.Evaluation;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.TrainingListener;
import java.time.Duration;
import java.util.Locale;

/** A bar for the epoch on a terminal, and a line for each epoch that has ended. */
final class TrainingDisplay implements TrainingListener, AutoCloseable {
    private final ProgressBar bar = new ProgressBar();
    private boolean headed;

    @Override
    public void stepped(Step step) {
        bar.show(
                String.format(Locale.ROOT, "epoch %d/%d", step.epoch(), step.epochs()),
                step.step(),
                step.steps(),
                String.format(
                        Locale.ROOT,
                        "loss %.3f  top-1 %.1f %%  %.0f images/s  lr %.1e  %s left",
                        step.meanLoss(),
                        100 * step.top1(),
                        step.imagesPerSecond(),
                        step.learningRate(),
                        readable(step.left())));
    }

    @Override
    public void epochEnded(EpochSummary summary, Evaluation found, boolean best) {
        bar.clear();
        if (!headed) {
            headed = true;
            System.err.println("epoch   train loss   train top-1   val loss   val top-1   images/s");
        }
        System.err.printf(
                Locale.ROOT,
                "%5d   %10.4f   %9.2f %%   %8.4f   %7.2f %%   %8.0f%s%n",
                summary.epoch(),
                summary.trainLoss(),
                100 * summary.trainTop1(),
                summary.validationLoss(),
                100 * summary.validationTop1(),
                summary.imagesPerSecond(),
                best ? "   best" : "");
    }

    private static String readable(Duration left) {
        long seconds = left.toSeconds();
        return seconds >= 3600
                ? String.format(Locale.ROOT, "%d h %02d min", seconds / 3600, seconds / 60 % 60)
                : String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60);
    }

    @Override
    public void close() {
        bar.close();
    }
}
