package dev.vitrail.train;

/**
 * The learning rate over time.
 *
 * <p>Time is counted in whole units, updates or epochs, whichever its user counts.
 */
@FunctionalInterface
public interface Schedule {
    /** The rate after {@code time} units, 0 before the first. */
    double rate(long time);

    /** Always the same rate. */
    static Schedule constant(double rate) {
        return time -> rate;
    }
}
