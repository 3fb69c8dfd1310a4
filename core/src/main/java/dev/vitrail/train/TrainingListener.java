package dev.vitrail.train;

import dev.vitrail.eval.Evaluation;
import java.nio.file.Path;
import java.time.Duration;

/** Receives events of a run on the training thread; implementations must not block. */
public interface TrainingListener {
    /**
     * A step that was made.
     *
     * @param epoch counted from 1
     * @param epochs of the whole run
     * @param step in this epoch, counted from 1
     * @param steps of this epoch
     * @param update counted over the whole run, from 1
     * @param loss of this step's batch
     * @param meanLoss of this epoch so far
     * @param top1 share of this epoch's images so far that were classified rightly, 0 to 1
     * @param gradientNorm before clipping
     * @param learningRate that the step was made with
     * @param imagesPerSecond over the last steps
     * @param left estimated time to the end of the run
     */
    record Step(
            int epoch,
            int epochs,
            int step,
            int steps,
            long update,
            double loss,
            double meanLoss,
            double top1,
            double gradientNorm,
            double learningRate,
            double imagesPerSecond,
            Duration left) {}

    /** A step was made; one that was left out, for a number that was not finite, is not told. */
    default void stepped(Step step) {}

    /** Validation has seen that many images. */
    default void validated(int epoch, long images) {}

    /**
     * An epoch has ended, and its rows and models are written. Its state is saved after this, so that a run which is
     * killed before makes the epoch again and tells of it again; where the run was asked to stop, it is saved before. A
     * listener's exception is told, and the run goes on.
     *
     * @param found what validation found
     * @param best whether no epoch before it was better
     */
    default void epochEnded(EpochSummary summary, Evaluation found, boolean best) {}

    /** The state of the run is safe in this folder. */
    default void saved(Path folder) {}
}
