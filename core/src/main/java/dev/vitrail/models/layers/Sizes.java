package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

import java.util.List;

/** Arithmetic of sizes, and sentences for those that cannot work. */
public final class Sizes {
    private Sizes() {}

    public static int ceilDiv(int a, int b) {
        return (a + b - 1) / b;
    }

    /** The multiple of {@code unit} nearest to {@code size}, at least one unit. */
    public static int nearestMultiple(int size, int unit) {
        return Math.max(1, Math.round((float) size / unit)) * unit;
    }

    /** The divisor of {@code whole} nearest to {@code wanted}. */
    public static int nearestDivisor(int whole, int wanted) {
        for (int distance = 0; ; distance++) {
            if (wanted - distance > 0 && whole % (wanted - distance) == 0) {
                return wanted - distance;
            }
            if (whole % (wanted + distance) == 0) {
                return wanted + distance;
            }
        }
    }

    /** The greatest number that divides both; of 0 and another, the other. */
    public static int commonDivisor(int a, int b) {
        return b == 0 ? a : commonDivisor(b, a % b);
    }

    /**
     * The multiple of 8 nearest to a number of channels, at least 8, and never more than a tenth below
     * it (MobileNet's rule).
     */
    public static int channels(double wanted) {
        int nearest = Math.max(8, (int) (wanted + 4) / 8 * 8);
        return nearest < 0.9 * wanted ? nearest + 8 : nearest;
    }

    public static void requireMultiple(String what, int size, String ofWhat, int unit) {
        require(size > 0 && unit > 0, "%s %d and %s %d must be positive", what, size, ofWhat, unit);
        require(
                size >= unit,
                "%s %d is less than the %s of %d pixels: take at least %4$d, or a smaller patch",
                what,
                size,
                ofWhat,
                unit);
        require(
                size % unit == 0,
                "%s %d is not a multiple of the %s of %d pixels: the nearest that are, are %d and %d",
                what,
                size,
                ofWhat,
                unit,
                size / unit * unit,
                (size / unit + 1) * unit);
    }

    /** Requires depths and widths of a residual network; widths beyond its stages are not used. */
    public static void requireStages(List<Integer> depths, List<Integer> widths) {
        require(
                !depths.isEmpty() && depths.size() <= widths.size(),
                "a residual network needs a width for each of its stages: found the depths %s and the widths %s",
                depths,
                widths);
    }
}
