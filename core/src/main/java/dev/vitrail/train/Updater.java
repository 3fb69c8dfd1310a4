package dev.vitrail.train;

import dev.vitrail.data.Batches;

/** Makes the updates of a run, each by the gradients of one or more batches. */
interface Updater {
    /**
     * Makes one update.
     *
     * @param pass where the batches are taken from
     * @param batches number of them
     * @param at where the run stands
     * @param rate the learning rate
     * @throws dev.vitrail.errors.VitrailException if the loss or a gradient is not finite and the run is to stop
     */
    StepOutcome update(Batches pass, int batches, Progress at, double rate);
}
