package dev.vitrail.nn;

import dev.vitrail.engine.Tensor;

/** Initializer of a parameter. */
@FunctionalInterface
public interface Init {
    /** Fills a tensor of the parameter's shape, in place, from the engine's random numbers. */
    void fill(Tensor values);

    /** This initializer, with all values multiplied by a factor. */
    default Init times(double factor) {
        return values -> {
            fill(values);
            values.timesInPlace(factor);
        };
    }

    static Init constant(double value) {
        return values -> values.fillInPlace(value);
    }

    static Init zeros() {
        return constant(0);
    }

    static Init ones() {
        return constant(1);
    }

    static Init normal(double std) {
        return values -> values.normalInPlace(0, std);
    }

    /** Uniform between −bound and bound. */
    static Init uniform(double bound) {
        return values -> values.uniformInPlace(-bound, bound);
    }

    /**
     * A normal distribution with mean 0, cut at ±2 (in the parameter's own units, not in stds, as the originals'
     * function of that name cuts it).
     */
    static Init truncatedNormal(double std) {
        return values -> truncate(values, 2 / std).timesInPlace(std);
    }

    /**
     * A normal distribution cut at ±2 stds, whose variance after the cut is {@code variance} (Flax's "lecun_normal").
     */
    static Init truncatedNormalOfVariance(double variance) {
        // The std of a unit normal cut at ±2.
        double shrinkage = .87962566103423978;
        return values -> truncate(values, 2).timesInPlace(Math.sqrt(variance) / shrinkage);
    }

    /** He et al. for a layer before a ReLU, normal, counted over outputs (fan-out). */
    static Init heNormalFanOut(long fanOut) {
        return normal(Math.sqrt(2.0 / fanOut));
    }

    /** Glorot and Bengio, uniform. */
    static Init xavierUniform(long fanIn, long fanOut) {
        return uniform(Math.sqrt(6.0 / (fanIn + fanOut)));
    }

    /** PyTorch's default for the weights and biases of linear layers and convolutions. */
    static Init fanInUniform(long fanIn) {
        return uniform(1 / Math.sqrt(fanIn));
    }

    /** Unit normal samples cut at ±{@code limit}, by the inverse of the distribution function. */
    private static Tensor truncate(Tensor values, double limit) {
        // P(|x| ≤ limit) = erf(limit / √2); past six stds it is 1 in single precision, and erfinv would give infinity.
        double edge = limit > 5 ? 0.9999994 : errorFunction(limit / Math.sqrt(2));
        return values.uniformInPlace(-edge, edge)
                .inverseErrorFunctionInPlace()
                .timesInPlace(Math.sqrt(2))
                .clampInPlace(-limit, limit);
    }

    /** erf by its Maclaurin series, exact to double precision for the limits in use (below 4). */
    private static double errorFunction(double x) {
        double term = x;
        double sum = x;
        for (int n = 1; n < 200; n++) {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }
        return 2 / Math.sqrt(Math.PI) * sum;
    }
}
