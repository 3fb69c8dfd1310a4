package dev.vitrail.cli;

import dev.vitrail.cli.ProgressBar.Line;
import dev.vitrail.report.StudyRow;
import dev.vitrail.study.StudyListener;
import dev.vitrail.study.StudyRun;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Three bars on a terminal, for the epoch, the run and the study, and a line for each run that begins and
 * that has ended.
 */
final class StudyDisplay implements StudyListener, AutoCloseable {
    private static final String STUDY = "study";

    private final ProgressBar bars = new ProgressBar();
    private int number;
    private int count;

    @Override
    public void runBegins(StudyRun run, int which, int all, boolean resumed) {
        number = which;
        count = all;
        bars.clear();
        System.err.printf(
                Locale.ROOT,
                "run %d of %d  %s, %s, %s %% of the images, seed %d%s%n",
                which,
                all,
                run.model(),
                run.recipe(),
                new DecimalFormat("0.###", DecimalFormatSymbols.getInstance(Locale.ROOT)).format(100 * run.share()),
                run.seed(),
                resumed ? ", goes on" : "");
    }

    @Override
    public void stepped(Step step) {
        var lines = new ArrayList<>(TrainingDisplay.lines(step, 0));
        int width = lines.get(0).what().length();
        lines.add(new Line(
                String.format("%-" + width + "s", STUDY),
                number - 1L,
                count,
                List.of("run %d/%d".formatted(number, count))));
        bars.show(lines, step.step() == step.steps());
    }

    @Override
    public void runEnded(StudyRow row) {
        bars.clear();
        System.err.println(row.result()
                .map(found -> String.format(
                        Locale.ROOT,
                        "    top-1 %.2f %% in %s",
                        100 * found.top1(),
                        TrainingDisplay.readable(Math.round(found.seconds()))))
                .orElse(row.failure().isEmpty() ? "    stopped on its way" : "    failed: " + row.failure()));
    }

    @Override
    public void close() {
        bars.close();
    }
}
