package dev.vitrail.train.schedule;

import dev.vitrail.errors.VitrailException;

/**
 * A polynomial from the base rate to the lowest, which holds for ever after: {@code lowest + (base − lowest) · (1 −
 * t/length)ᵖᵒʷᵉʳ}.
 *
 * @param base rate at the beginning
 * @param length units of the fall
 * @param lowest rate at its end
 * @param power 1 is a straight line
 */
public record PolynomialSchedule(double base, long length, double lowest, double power) implements Schedule {
    public PolynomialSchedule {
        VitrailException.require(
                base > 0 && lowest >= 0,
                "the learning rate must be positive and the lowest not negative, found %s and %s",
                base,
                lowest);
        VitrailException.require(
                length > 0 && power > 0,
                "length and power of a polynomial schedule must be positive, found %d and %s",
                length,
                power);
    }

    /** A straight line from {@code base} to {@code lowest}. */
    public static PolynomialSchedule linear(double base, long length, double lowest) {
        return new PolynomialSchedule(base, length, lowest, 1);
    }

    @Override
    public double rate(long time) {
        return time >= length ? lowest : lowest + (base - lowest) * Math.pow(1 - (double) time / length, power);
    }
}
