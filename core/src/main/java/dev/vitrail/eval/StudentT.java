package dev.vitrail.eval;

/** Student's t distribution, as far as confidence intervals of a mean need it. */
final class StudentT {
    /** The normal distribution's 97.5 % quantile. */
    private static final double NORMAL = 1.959963984540054;

    /**
     * Quantiles for 1 to 4 degrees of freedom, where the series below is too coarse; exact to the digits that stand
     * here.
     */
    private static final double[] FEW = {12.706205, 4.302653, 3.182446, 2.776445};

    private StudentT() {}

    /**
     * The 97.5 % quantile, so that a two-sided interval has 95 %; to 0.2 %.
     *
     * <p>From 5 degrees of freedom on by its expansion about the normal quantile (Abramowitz and Stegun, 1964, 26.7.5).
     *
     * @param freedom degrees of freedom, 1 or more
     */
    static double quantile975(int freedom) {
        if (freedom <= FEW.length) {
            return FEW[freedom - 1];
        }
        double z = NORMAL, z2 = z * z, v = freedom;
        double first = z * (z2 + 1) / 4;
        double second = z * ((5 * z2 + 16) * z2 + 3) / 96;
        double third = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
        return z + (first + (second + third / v) / v) / v;
    }
}
