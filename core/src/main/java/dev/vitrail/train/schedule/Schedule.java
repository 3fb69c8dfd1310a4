package dev.vitrail.train.schedule;

import dev.vitrail.errors.VitrailException;

/**
 * The learning rate over time: a pure function, so that a run which is resumed goes on as it would have.
 *
 * <p>Time is counted in whole units, updates or epochs, whichever its user counts. What every schedule may have is
 * built round it: {@link #warmedUp}, {@link #from} for a cool-down, {@link #heldFor} to count epochs where its user
 * counts updates.
 */
@FunctionalInterface
public interface Schedule {
    /** The rate after {@code time} units, 0 before the first. */
    double rate(long time);

    /** Always the same rate. */
    static Schedule constant(double rate) {
        VitrailException.require(rate > 0, "the learning rate must be positive, found %s", rate);
        return time -> rate;
    }

    /**
     * A straight line from {@code start} to this schedule's first rate, then this schedule.
     *
     * @param length units of the line; 0 for none
     * @param first whether this schedule begins after the line; else the line covers its beginning
     */
    default Schedule warmedUp(long length, double start, boolean first) {
        VitrailException.require(
                length >= 0 && start >= 0,
                "length and learning rate of a warm-up must not be negative, found %d and %s",
                length,
                start);
        double top = rate(0);
        return time -> time < length ? start + time * ((top - start) / length) : rate(first ? time - length : time);
    }

    /**
     * This schedule up to {@code time}, and the constant {@code rate} from there on, such as a cool-down at the lowest
     * rate.
     */
    default Schedule from(long time, double rate) {
        VitrailException.require(
                time >= 0 && rate >= 0,
                "learning rate and start of a cooldown must not be negative, found %s and %d",
                rate,
                time);
        return now -> now < time ? rate(now) : rate;
    }

    /** Repeats each rate for {@code units} units: a schedule by epoch becomes one by update. */
    default Schedule heldFor(long units) {
        VitrailException.require(units > 0, "a rate must hold for 1 unit or more, found %d", units);
        return time -> rate(time / units);
    }
}
