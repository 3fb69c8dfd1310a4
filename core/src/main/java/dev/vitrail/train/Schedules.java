package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.COOLDOWN_EPOCHS;
import static dev.vitrail.train.TrainingOptions.DECAY_EPOCHS;
import static dev.vitrail.train.TrainingOptions.DECAY_RATE;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.MIN_LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.PATIENCE_EPOCHS;
import static dev.vitrail.train.TrainingOptions.SCHEDULE;
import static dev.vitrail.train.TrainingOptions.SCHEDULE_ON_UPDATES;
import static dev.vitrail.train.TrainingOptions.WARMUP_EPOCHS;
import static dev.vitrail.train.TrainingOptions.WARMUP_LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.WARMUP_PREFIX;

import dev.vitrail.train.schedule.CosineSchedule;
import dev.vitrail.train.schedule.Plateau;
import dev.vitrail.train.schedule.PolynomialSchedule;
import dev.vitrail.train.schedule.Schedule;
import dev.vitrail.train.schedule.StepSchedule;
import java.util.List;

/** The learning rate over time that a run's options describe. */
public final class Schedules {
    private Schedules() {}

    /**
     * The learning rate by update, counted from 0; for a plateau, before its factor.
     *
     * @param peak the rate at its top
     */
    static Schedule of(TrainingConfig config, double peak, int updatesPerEpoch) {
        long unit = config.get(SCHEDULE_ON_UPDATES) ? updatesPerEpoch : 1;
        double lowest = config.get(MIN_LEARNING_RATE);
        long end = Math.round((config.get(EPOCHS) - config.get(COOLDOWN_EPOCHS)) * unit);
        long warmUp = Math.round(config.get(WARMUP_EPOCHS) * unit);
        boolean first = config.get(WARMUP_PREFIX);
        // Both together take the run's length, as in the code of ConvNeXt and ViT; timm makes the run longer.
        long length = first ? Math.max(1, end - warmUp) : end;
        Schedule fall =
                switch (config.get(SCHEDULE)) {
                    case COSINE -> CosineSchedule.of(peak, length, lowest);
                    case LINEAR -> PolynomialSchedule.linear(peak, length, lowest);
                    case STEP ->
                        StepSchedule.every(
                                peak,
                                Math.max(1, Math.round(config.get(DECAY_EPOCHS) * unit)),
                                length,
                                config.get(DECAY_RATE));
                    case PLATEAU, CONSTANT -> Schedule.constant(peak);
                };
        var warm = fall.warmedUp(warmUp, config.get(WARMUP_LEARNING_RATE), first);
        return (config.get(COOLDOWN_EPOCHS) > 0 ? warm.from(end, lowest) : warm).heldFor(updatesPerEpoch / unit);
    }

    /**
     * The factor of the learning rate that follows from what validation found: 1 for all schedules but the plateau.
     *
     * @param peak the rate at the top of the schedule
     * @param epochs made so far
     */
    static double plateau(TrainingConfig config, double peak, List<EpochSummary> epochs) {
        if (config.get(SCHEDULE) != ScheduleType.PLATEAU) {
            return 1;
        }
        var plateau = new Plateau(
                config.get(DECAY_RATE),
                config.get(PATIENCE_EPOCHS),
                Plateau.ofAccuracy().threshold(),
                0,
                config.get(MIN_LEARNING_RATE) / peak,
                true);
        return plateau.after(epochs.stream()
                .filter(epoch -> epoch.epoch() > config.get(WARMUP_EPOCHS))
                .map(EpochSummary::validationTop1)
                .toList());
    }
}
