package dev.vitrail.report;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Optional;

/**
 * Writes a run's numbers for TensorBoard ({@code tensorboard --logdir runs}), in the run's folder. The axis is the
 * number of updates made.
 *
 * <p>A run that goes on writes a file of its own, which begins by saying from which update on: TensorBoard then forgets
 * what an earlier session, which was killed, had written of those updates, so that no curve runs back over itself.
 */
public final class TensorBoardEvents implements TrainingListener, AutoCloseable {
    private static final String NAME = "events.out.tfevents.";
    /** Updates from one point of the curves to the next: closer ones cannot be told apart. */
    private static final int EVERY = 10;

    private static final long FLUSH_NANOS = 2_000_000_000;

    private final Path folder;
    private Optional<EventFile> file = Optional.empty();
    private long updates;
    private long flushed;

    public TensorBoardEvents(RunFolder run) {
        folder = run.path();
    }

    @Override
    public void stepped(Step step) {
        updates = step.update();
        var events = file(updates);
        if (step.update() % EVERY != 0 && step.update() != 1) {
            return;
        }
        var values = new LinkedHashMap<String, Double>();
        values.put("train/loss", step.loss());
        values.put("train/learning_rate", step.learningRate());
        values.put("train/gradient_norm", step.gradientNorm());
        values.put("train/images_per_second", step.imagesPerSecond());
        events.scalars(step.update(), values);
        if (System.nanoTime() - flushed > FLUSH_NANOS) {
            flush(events);
        }
    }

    @Override
    public void epochEnded(EpochSummary summary, Evaluation found, boolean best) {
        var values = new LinkedHashMap<String, Double>();
        values.put("epoch/loss", summary.trainLoss());
        values.put("epoch/top1", summary.trainTop1());
        values.put("epoch/images_per_second", summary.imagesPerSecond());
        values.put("validation/loss", summary.validationLoss());
        values.put("validation/top1", summary.validationTop1());
        values.put("validation/top5", summary.validationTop5());
        values.put("validation/calibration_error", found.calibration().expectedError());
        var events = file(updates);
        events.scalars(updates, values);
        flush(events);
    }

    private void flush(EventFile events) {
        events.flush();
        flushed = System.nanoTime();
    }

    /** The file of this session, begun with its first event. */
    private EventFile file(long update) {
        if (file.isEmpty()) {
            long session = sessions() + 1;
            // TensorBoard reads files in the order of their names: by second, then by session.
            var events = new EventFile(folder.resolve(String.format(
                    Locale.ROOT, "%s%010d.vitrail.%03d", NAME, System.currentTimeMillis() / 1000, session)));
            file = Optional.of(events);
            if (session > 1) {
                events.startAt(update);
            }
        }
        return file.get();
    }

    private long sessions() {
        if (!Files.isDirectory(folder)) {
            return 0;
        }
        try (var files = Files.list(folder)) {
            return files.filter(file -> String.valueOf(file.getFileName()).startsWith(NAME))
                    .count();
        } catch (IOException e) {
            throw new VitrailException("cannot list %s: %s".formatted(folder, e.getMessage()), e);
        }
    }

    @Override
    public void close() {
        file.ifPresent(EventFile::close);
    }
}
