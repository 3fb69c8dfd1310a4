package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.LOWEST_LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.SCHEDULE_ON_UPDATES;
import static dev.vitrail.train.TrainingOptions.WARMUP_EPOCHS;
import static dev.vitrail.train.TrainingOptions.WARMUP_LEARNING_RATE;

/** The learning rate over time that a run's options describe. */
public final class Schedules {
    private Schedules() {}

    /** The learning rate by update, counted from 0. */
    public static Schedule of(TrainingConfig config, int updatesPerEpoch) {
        boolean onUpdates = config.get(SCHEDULE_ON_UPDATES);
        long unit = onUpdates ? updatesPerEpoch : 1;
        var byUnit = CosineSchedule.of(config.get(LEARNING_RATE), config.get(EPOCHS) * unit)
                .with(o -> o.lowest = config.get(LOWEST_LEARNING_RATE))
                .warmedUp(Math.round(config.get(WARMUP_EPOCHS) * unit), config.get(WARMUP_LEARNING_RATE), false);
        return byUnit.heldFor(updatesPerEpoch / unit);
    }
}
