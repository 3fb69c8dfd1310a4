package dev.vitrail.train.schedule;

import dev.vitrail.errors.VitrailException;
import java.util.List;

/**
 * A factor of the learning rate that falls whenever validation has stopped getting better, as PyTorch's
 * ReduceLROnPlateau and timm's scheduler round it compute it. (timm's names in parentheses.)
 *
 * <p>It is a pure function of what validation found so far, which a run's summary keeps, so there is no further state
 * to save. It does not warm up; its user multiplies it by a warm-up, and counts no epoch of that.
 *
 * @param factor of each fall (decay_rate)
 * @param patience epochs without a better figure that are borne (patience_t)
 * @param threshold share by which a figure must beat the best to count as better
 * @param rest epochs after a fall that are not counted (cooldown_t)
 * @param lowest the least that the factor may become
 * @param higherIsBetter whether the figure is one to raise, such as accuracy; else one to lower, such as the loss
 */
public record Plateau(double factor, int patience, double threshold, int rest, double lowest, boolean higherIsBetter) {
    public Plateau {
        VitrailException.require(
                factor > 0 && factor < 1 && lowest >= 0 && lowest <= 1,
                "a plateau's factor must be in (0, 1) and the least of all in [0, 1], found %s and %s",
                factor,
                lowest);
        VitrailException.require(
                patience >= 0 && rest >= 0 && threshold >= 0,
                "a plateau's patience %d, rest %d and threshold %s must not be negative",
                patience,
                rest,
                threshold);
    }

    /** A tenth after ten epochs without a better accuracy, as timm has it. */
    public static Plateau ofAccuracy() {
        return new Plateau(0.1, 10, 1e-4, 0, 0, true);
    }

    /**
     * The factor for the next epoch.
     *
     * @param figures what validation found after each epoch so far
     */
    public double after(List<Double> figures) {
        double scale = 1;
        double best = higherIsBetter ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        int worse = 0, resting = 0;
        for (double figure : figures) {
            if (beats(figure, best)) {
                best = figure;
                worse = 0;
            } else {
                worse++;
            }
            if (resting > 0) {
                resting--;
                worse = 0;
            }
            if (worse > patience) {
                scale = Math.max(scale * factor, lowest);
                resting = rest;
                worse = 0;
            }
        }
        return scale;
    }

    private boolean beats(double figure, double best) {
        return higherIsBetter ? figure > best * (1 + threshold) : figure < best * (1 - threshold);
    }
}
