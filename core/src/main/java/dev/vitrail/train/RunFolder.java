package dev.vitrail.train;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.FolderLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The folder of a run: {@code config.yaml} (what repeats it), {@code summary.csv} (a row an epoch, the same
 * bytes whenever the run is made again), {@code timing.csv} (what the clock said), {@code data.json.gz} (the names,
 * sizes and labels of the images that it began with), {@code last/} and {@code best/} (a model each, in timm's layout),
 * and in {@code last/} the state that a run goes on from.
 *
 * <p>Every file is replaced as a whole. The state is written last, after the listeners', so a run that ends between two
 * files makes the epoch again that they belong to, and gives the same files.
 */
public record RunFolder(Path path) {
    public Path config() {
        return path.resolve("config.yaml");
    }

    public Path summary() {
        return path.resolve("summary.csv");
    }

    public Path timing() {
        return path.resolve("timing.csv");
    }

    /** The {@link dev.vitrail.data.Inventory} of the images to train on, then of those for validation. */
    public Path data() {
        return path.resolve("data.json.gz");
    }

    public Path last() {
        return path.resolve("last");
    }

    public Path best() {
        return path.resolve("best");
    }

    /** The state to go on from. */
    public Path state() {
        return last().resolve("resume.safetensors");
    }

    /**
     * File that keeps a step with a non-finite value.
     *
     * @param epoch counted from 1
     * @param step counted from 1
     */
    Path failedStep(int epoch, int step) {
        return path.resolve("failed-epoch%d-step%d.safetensors".formatted(epoch, step));
    }

    /** The model of an epoch that is kept whatever follows; the epoch is counted from 1. */
    public Path kept(int epoch) {
        return path.resolve("epoch-%d".formatted(epoch));
    }

    /**
     * Keeps the run to this process until the lock is closed.
     *
     * @throws VitrailException if another process has it
     */
    public FolderLock lock() {
        return FolderLock.of(path);
    }

    /** Returns whether a run has saved a state to go on from. */
    public boolean canResume() {
        return Files.isRegularFile(config()) && Files.isRegularFile(state());
    }

    /**
     * Begins a run here. One that ended before it saved anything leaves nothing to go on with, and may be begun again.
     */
    void begin(TrainingConfig config) {
        VitrailException.require(
                !Files.exists(state()) && !Files.exists(best()),
                "%s holds a run already: resume it, or name another folder",
                path);
        TrainingConfigFile.write(config(), config);
    }

    /** Removes what a killed process was writing in the run's folders. */
    void removeUnfinished() {
        AtomicFile.removeUnfinished(path);
        try (var inside = Files.list(path)) {
            inside.filter(Files::isDirectory).forEach(AtomicFile::removeUnfinished);
        } catch (IOException e) {
            throw new VitrailException("cannot list %s: %s".formatted(path, e.getMessage()), e);
        }
    }

    void requireBegun() {
        VitrailException.require(
                Files.isRegularFile(config()),
                "%s holds no run to go on with: expected config.yaml, so begin it first",
                path);
    }

    /** The rows of the epochs before {@code epoch}, which counts from 0. */
    List<EpochSummary> rowsBefore(int epoch) {
        if (epoch == 0) {
            return List.of();
        }
        return rows().stream().filter(row -> row.epoch() <= epoch).toList();
    }

    /** A row for each epoch that was made. */
    public List<EpochSummary> rows() {
        return EpochSummary.read(summary(), timing());
    }

    void writeRows(List<EpochSummary> rows) {
        AtomicFile.write(timing(), EpochSummary.timingCsv(rows));
        AtomicFile.write(summary(), EpochSummary.csv(rows));
    }
}
