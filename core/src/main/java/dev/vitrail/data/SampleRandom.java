package dev.vitrail.data;

import java.util.random.RandomGenerator;

/**
 * A small random generator whose numbers depend on its seed alone: the same on every platform and in every JDK.
 *
 * <p>The bits are SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014),
 * with the mixing constants of Stafford's variant 13. The JDK's own default methods for bounded and Gaussian numbers
 * have changed between releases, so they are all written out here. A generator serves one thread.
 */
public final class SampleRandom implements RandomGenerator {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    /** An odd factor with good bits: that of the JDK's L64X128MixRandom (Steele and Vigna, 2021). */
    private static final long SPREAD = 0xD1342543DE82EF95L;

    private static final double DOUBLE_ULP = 0x1.0p-53;
    private static final float FLOAT_ULP = 0x1.0p-24f;

    private long state;

    /** The generator whose first state is {@code seed}. */
    public SampleRandom(long seed) {
        state = seed;
    }

    /**
     * The generator of one place: of (seed, epoch, position), say. Keys that differ anywhere, or only in their order,
     * give streams that have nothing in common.
     */
    public static SampleRandom of(long... keys) {
        return new SampleRandom(key(keys));
    }

    /** One number that stands for all {@code keys}, to seed something else with. */
    public static long key(long... keys) {
        long key = ~mix(keys.length);
        for (long part : keys) {
            // The factor keeps what came before apart from what is added: a plain sum of two mixed
            // numbers can cancel out.
            key = mix(key * SPREAD + mix(part + GOLDEN));
        }
        return key;
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    @Override
    public long nextLong() {
        state += GOLDEN;
        return mix(state);
    }

    @Override
    public int nextInt() {
        return (int) (nextLong() >>> 32);
    }

    @Override
    public boolean nextBoolean() {
        return nextLong() < 0;
    }

    @Override
    public int nextInt(int bound) {
        positive(bound > 0);
        return (int) below(bound);
    }

    @Override
    public int nextInt(int origin, int bound) {
        ordered(origin < bound);
        return (int) (origin + below((long) bound - origin));
    }

    @Override
    public long nextLong(long bound) {
        positive(bound > 0);
        return below(bound);
    }

    @Override
    public long nextLong(long origin, long bound) {
        ordered(origin < bound);
        long range = bound - origin;
        if (range > 0) {
            return origin + below(range);
        }
        // The range does not fit a long, so at least every second draw lies within it.
        long value = nextLong();
        while (value < origin || value >= bound) {
            value = nextLong();
        }
        return value;
    }

    /**
     * Uniform in [0, bound): the draws beyond the last whole multiple of {@code bound} are thrown away, so no
     * value is favoured.
     */
    private long below(long bound) {
        long bits = nextLong() >>> 1;
        long value = bits % bound;
        while (bits - value + (bound - 1) < 0) {
            bits = nextLong() >>> 1;
            value = bits % bound;
        }
        return value;
    }

    @Override
    public double nextDouble() {
        return (nextLong() >>> 11) * DOUBLE_ULP;
    }

    @Override
    public double nextDouble(double bound) {
        return nextDouble(0, bound);
    }

    @Override
    public double nextDouble(double origin, double bound) {
        ordered(origin < bound && bound - origin < Double.POSITIVE_INFINITY);
        double value = origin + nextDouble() * (bound - origin);
        return value < bound ? value : Math.nextDown(bound);
    }

    @Override
    public float nextFloat() {
        return (nextLong() >>> 40) * FLOAT_ULP;
    }

    @Override
    public float nextFloat(float bound) {
        return nextFloat(0, bound);
    }

    @Override
    public float nextFloat(float origin, float bound) {
        ordered(origin < bound && bound - origin < Float.POSITIVE_INFINITY);
        float value = origin + nextFloat() * (bound - origin);
        return value < bound ? value : Math.nextDown(bound);
    }

    /**
     * A standard normal number, by Box and Muller (1958); {@link StrictMath} keeps its last bit the same everywhere.
     */
    @Override
    public double nextGaussian() {
        double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - nextDouble()));
        return radius * StrictMath.cos(2 * Math.PI * nextDouble());
    }

    @Override
    public double nextGaussian(double mean, double std) {
        positive(std >= 0);
        return mean + std * nextGaussian();
    }

    @Override
    public double nextExponential() {
        return -StrictMath.log(1 - nextDouble());
    }

    private static void positive(boolean holds) {
        if (!holds) {
            throw new IllegalArgumentException("a bound above zero is needed, and a std of at least zero");
        }
    }

    private static void ordered(boolean holds) {
        if (!holds) {
            throw new IllegalArgumentException("the origin must lie below the bound, a finite distance away");
        }
    }
}
