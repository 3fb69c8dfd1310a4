package dev.vitrail.serve.batching;

import java.util.Arrays;

/**
 * The measured costs of batches by their size: an exponential moving average of the time that each size took, and
 * linear interpolation between measured sizes. Not thread-safe.
 */
public final class BatchCosts {
    /** Weight of a new measurement. One outlier, such as a pause of the machine, moves the average by a fifth. */
    private static final double NEW = 0.2;

    /** A larger batch must give this much more throughput: latency is worth a percent. */
    private static final double WORTH = 1.01;

    private final double[] nanos;

    /** @param most largest size of a batch */
    public BatchCosts(int most) {
        nanos = new double[most + 1];
        Arrays.fill(nanos, Double.NaN);
        nanos[0] = 0;
    }

    /** Largest size of a batch. */
    public int most() {
        return nanos.length - 1;
    }

    /** Adds a measurement. */
    public void add(int size, long measured) {
        nanos[size] = Double.isNaN(nanos[size]) ? measured : (1 - NEW) * nanos[size] + NEW * measured;
    }

    /** Expected time of a batch in nanoseconds; 0 before the first measurement. */
    public double nanos(int size) {
        if (!Double.isNaN(nanos[size])) {
            return nanos[size];
        }
        int below = size;
        while (Double.isNaN(nanos[below])) {
            below--;
        }
        for (int above = size + 1; above < nanos.length; above++) {
            if (!Double.isNaN(nanos[above])) {
                double share = (double) (size - below) / (above - below);
                return nanos[below] + share * (nanos[above] - nanos[below]);
            }
        }
        return below == 0 ? 0 : nanos[below] * size / below;
    }

    /**
     * The size of most images/s among those that are expected to take no longer than a time; 1 if even that takes
     * longer.
     */
    public int best(long within) {
        int best = 1;
        for (int n = 2; n < nanos.length && nanos(n) <= within; n++) {
            if (n * nanos(best) > WORTH * best * nanos(n)) {
                best = n;
            }
        }
        return best;
    }

    /** Time saved where two batches run as one, in nanoseconds; negative where that takes longer. */
    public double saving(int first, int second) {
        return nanos(first) + nanos(second) - nanos(first + second);
    }
}
