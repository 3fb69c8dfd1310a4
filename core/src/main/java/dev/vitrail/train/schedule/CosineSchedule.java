package dev.vitrail.train.schedule;

import dev.vitrail.errors.VitrailException;

/**
 * A cosine from the base rate to the minimum, with optional restarts (Loshchilov and Hutter, 2017, <a
 * href="https://arxiv.org/abs/1608.03983">arXiv:1608.03983</a>), as timm computes it (its names in parentheses).
 *
 * @param base rate at the start of the first cycle
 * @param length steps or epochs of a cycle (t_initial)
 * @param minimum rate at the end of a cycle, and after the last (lr_min)
 * @param cycles number of cycles (cycle_limit)
 * @param cycleDecay factor of the rate at the start of each further cycle (cycle_decay)
 */
public record CosineSchedule(double base, long length, double minimum, int cycles, double cycleDecay)
        implements Schedule {
    public CosineSchedule {
        VitrailException.require(base > 0, "the learning rate must be positive, found %s", base);
        VitrailException.require(minimum >= 0, "the minimum learning rate must not be negative, found %s", minimum);
        VitrailException.require(length > 0, "cosine length must be at least 1, found %d", length);
        VitrailException.require(cycles > 0, "cosine cycles must be at least 1, found %d", cycles);
        VitrailException.require(cycleDecay > 0, "cosine cycle decay must be positive, found %s", cycleDecay);
    }

    /** One cosine from {@code base} to {@code minimum} over {@code length} steps or epochs. */
    public static CosineSchedule of(double base, long length, double minimum) {
        return new CosineSchedule(base, length, minimum, 1, 1);
    }

    @Override
    public double rate(long time) {
        long cycle = time / length;
        if (cycle >= cycles) {
            return minimum;
        }
        double top = base * Math.pow(cycleDecay, cycle);
        double progress = (double) (time % length) / length;
        return minimum + 0.5 * (top - minimum) * (1 + Math.cos(Math.PI * progress));
    }
}
