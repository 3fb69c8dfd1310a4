package dev.vitrail.train;

import java.nio.file.Path;
import java.util.List;

/**
 * Result of a run.
 *
 * @param folder the run's
 * @param finished whether all epochs were made; else it was asked to stop, and can be resumed
 * @param epochs those made, in order
 * @param bestTop1 of the best epoch's validation, 0 to 1; 0 before the first
 * @param bestEpoch its number, counted from 1; 0 before the first
 * @param seconds of training and validation, over all sessions of the run
 */
public record TrainingResult(
        Path folder, boolean finished, List<EpochSummary> epochs, double bestTop1, int bestEpoch, double seconds) {
    public TrainingResult {
        epochs = List.copyOf(epochs);
    }
}
