package dev.vitrail.images.augment;

import java.util.random.RandomGenerator;

/**
 * Random numbers of the distributions that augmentation needs. {@link StrictMath} keeps their last bit the same
 * on every machine.
 *
 * <p>Gamma-distributed numbers are drawn by Marsaglia and Tsang's method (2000, ACM TOMS 26) and kept as logarithms,
 * for where α is small most of them lie below the smallest number there is.
 */
public final class Distributions {
    private Distributions() {}

    /** A number from 0 to 1 of the Beta distribution with both parameters {@code alpha}, above 0. */
    public static double beta(double alpha, RandomGenerator random) {
        double first = logGamma(alpha, random);
        double second = logGamma(alpha, random);
        return 1 / (1 + StrictMath.exp(second - first));
    }

    /**
     * {@code count} numbers that sum to 1, of the Dirichlet distribution with all parameters {@code alpha}, above 0.
     */
    static double[] dirichlet(double alpha, int count, RandomGenerator random) {
        var numbers = new double[count];
        double largest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            numbers[i] = logGamma(alpha, random);
            largest = Math.max(largest, numbers[i]);
        }
        double sum = 0;
        for (int i = 0; i < count; i++) {
            numbers[i] = StrictMath.exp(numbers[i] - largest);
            sum += numbers[i];
        }
        for (int i = 0; i < count; i++) {
            numbers[i] /= sum;
        }
        return numbers;
    }

    /** The logarithm of a number of the Gamma distribution with shape {@code alpha} and scale 1. */
    private static double logGamma(double alpha, RandomGenerator random) {
        if (alpha < 1) {
            // The method needs a shape of at least 1; their section 6 takes the number of the shape above.
            return logGamma(alpha + 1, random) + StrictMath.log(1 - random.nextDouble()) / alpha;
        }
        double d = alpha - 1.0 / 3;
        double c = 1 / StrictMath.sqrt(9 * d);
        while (true) {
            double x = random.nextGaussian();
            double v = 1 + c * x;
            if (v <= 0) {
                continue;
            }
            double logV = 3 * StrictMath.log(v);
            double u = 1 - random.nextDouble();
            if (StrictMath.log(u) < 0.5 * x * x + d - d * v * v * v + d * logV) {
                return StrictMath.log(d) + logV;
            }
        }
    }

    /** Fills a stretch of an array with standard normal numbers, two at a time, by Marsaglia's polar method (1964). */
    static void gaussian(float[] out, int from, int to, RandomGenerator random) {
        for (int i = from; i < to; i += 2) {
            double x;
            double y;
            double square;
            do {
                x = 2 * random.nextDouble() - 1;
                y = 2 * random.nextDouble() - 1;
                square = x * x + y * y;
            } while (square >= 1 || square == 0);
            double factor = StrictMath.sqrt(-2 * StrictMath.log(square) / square);
            out[i] = (float) (x * factor);
            if (i + 1 < to) {
                out[i + 1] = (float) (y * factor);
            }
        }
    }
}
