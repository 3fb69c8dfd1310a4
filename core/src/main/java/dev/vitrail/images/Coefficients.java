package dev.vitrail.images;

/**
 * The weights of one axis of a resize: for each output position, where its source pixels start and what each counts.
 *
 * <p>Weights are fixed-point with {@value #PRECISION} fractional bits (32 bits, less 8 for the pixel and 2 for
 * overshoot), rounded half away from zero. Every position has the same number of slots, a multiple of {@value #GROUP};
 * slots without a source pixel weigh 0.
 */
final class Coefficients {
    static final int PRECISION = 32 - 8 - 2;
    static final int HALF = 1 << (PRECISION - 1);
    static final int GROUP = 4;

    private final int[] start;
    private final int[] end;
    private final int[] weights;
    private final int slots;

    /**
     * Weights for the output positions {@code from} to {@code from + count} of an axis.
     *
     * @param size source pixels along the axis
     * @param low where the sampled stretch begins, in source pixels
     * @param high where it ends
     * @param outputs how many output pixels the stretch becomes
     */
    Coefficients(int size, float low, float high, int outputs, int from, int count, Interpolation filter) {
        double scale = (double) (high - low) / outputs;
        double stretch = Math.max(scale, 1);
        double support = filter.support() * stretch;
        double inverse = 1 / stretch;
        start = new int[count];
        end = new int[count];
        int widest = 0;
        for (int i = 0; i < count; i++) {
            double center = low + (from + i + 0.5) * scale;
            start[i] = Math.max((int) (center - support + 0.5), 0);
            end[i] = Math.min((int) (center + support + 0.5), size);
            widest = Math.max(widest, end[i] - start[i]);
        }
        slots = Math.max((widest + GROUP - 1) / GROUP * GROUP, GROUP);
        weights = new int[Math.multiplyExact(count, slots)];
        var row = new double[slots];
        for (int i = 0; i < count; i++) {
            double center = low + (from + i + 0.5) * scale;
            int taps = Math.max(end[i] - start[i], 0);
            double sum = 0;
            for (int j = 0; j < taps; j++) {
                row[j] = filter.weight((j + start[i] - center + 0.5) * inverse);
                sum += row[j];
            }
            for (int j = 0; j < taps; j++) {
                double weight = (sum == 0 ? row[j] : row[j] / sum) * (1 << PRECISION);
                weights[i * slots + j] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
            }
        }
    }

    int count() {
        return start.length;
    }

    /** The first source pixel of output {@code i}. */
    int start(int i) {
        return start[i];
    }

    /** One past the last source pixel of output {@code i}. */
    int end(int i) {
        return end[i];
    }

    /** Number of weights of each output in {@link #weights()}. */
    int slots() {
        return slots;
    }

    /** The weights, {@link #slots()} for each output; not to be changed. */
    int[] weights() {
        return weights;
    }

    /** The first source pixel that any output reads. */
    int first() {
        return start[0];
    }

    /** One past the last source pixel that any output reads. */
    int last() {
        return end[end.length - 1];
    }
}
