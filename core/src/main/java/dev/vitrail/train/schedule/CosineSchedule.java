package dev.vitrail.train.schedule;

import dev.vitrail.errors.VitrailException;

/**
 * A cosine from the base rate to the lowest, with optional restarts (Loshchilov and Hutter, 2017, <a
 * href="https://arxiv.org/abs/1608.03983">arXiv:1608.03983</a>), as timm computes it (its names in parentheses).
 *
 * @param base rate at the top of the first cosine
 * @param length units of the first cosine (t_initial)
 * @param lowest rate at its end, and for ever after the last (lr_min)
 * @param cycles cosines in all (cycle_limit)
 * @param cycleStretch length of a cosine over the one before it (cycle_mul)
 * @param cycleDecay top of a cosine over the one before it (cycle_decay)
 * @param exponent of the time along a cosine: above 1 the rate stays high longer (k_decay)
 */
public record CosineSchedule(
        double base, long length, double lowest, int cycles, double cycleStretch, double cycleDecay, double exponent)
        implements Schedule {
    public CosineSchedule {
        VitrailException.require(base > 0, "the learning rate must be positive, found %s", base);
        VitrailException.require(lowest >= 0, "the lowest learning rate must not be negative, found %s", lowest);
        VitrailException.require(length > 0, "cosine length must be at least 1, found %d", length);
        VitrailException.require(
                cycles > 0 && cycleStretch >= 1 && cycleDecay > 0 && exponent > 0,
                "%d cycles, each %s times longer and %s times as high as the one before, along time to the power of %s:"
                        + " the first, third and fourth must be positive, the second at least 1",
                cycles,
                cycleStretch,
                cycleDecay,
                exponent);
    }

    /** One cosine from {@code base} to {@code lowest} over {@code length} units. */
    public static CosineSchedule of(double base, long length, double lowest) {
        return new CosineSchedule(base, length, lowest, 1, 1, 1, 1);
    }

    @Override
    public double rate(long time) {
        double t = time;
        int cycle;
        double cycleLength = length;
        if (cycleStretch == 1) {
            cycle = (int) (t / length);
            t -= (double) cycle * length;
        } else {
            // The start of cycle i is a geometric sum, length·(1 + s + … + s^(i−1)).
            cycle = (int) Math.floor(Math.log(1 - t / length * (1 - cycleStretch)) / Math.log(cycleStretch));
            double power = Math.pow(cycleStretch, cycle);
            cycleLength = length * power;
            t -= (1 - power) / (1 - cycleStretch) * length;
        }
        if (cycle >= cycles) {
            return lowest;
        }
        double top = base * Math.pow(cycleDecay, cycle);
        double along = Math.pow(t, exponent) / Math.pow(cycleLength, exponent);
        return lowest + 0.5 * (top - lowest) * (1 + Math.cos(Math.PI * along));
    }
}
