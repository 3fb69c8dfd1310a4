package dev.vitrail.inspect;

/**
 * Settings of {@link Cka}.
 *
 * @param unitTokens whether each token is divided by its L2 norm first
 * @param unbiased whether HSIC is estimated without bias; else by centered Gram matrices
 */
public record CkaOptions(boolean unitTokens, boolean unbiased) {
    /** Unit tokens, without bias. */
    public static final CkaOptions DEFAULT = new CkaOptions(true, true);

    /** Tokens by their norms, without bias. */
    public static final CkaOptions RAW = new CkaOptions(false, true);

    /** Tokens by their norms, with bias: near 1 for few images. */
    public static final CkaOptions BIASED = new CkaOptions(false, false);
}
