package dev.vitrail.inspect;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.inspect.Rollout.Fusion;

/**
 * Settings of {@link Rollout}.
 *
 * @param fusion how heads are fused
 * @param discard share of the smallest entries of each fused matrix that become 0, at least 0 and less than 1; the
 *     entry of the class token to itself is spared
 */
public record RolloutOptions(Fusion fusion, double discard) {
    /** The paper's. */
    public static final RolloutOptions DEFAULT = new RolloutOptions(Fusion.MEAN, 0);

    /** Defaults of jacobgil/vit-explain: the maximum over heads, 90 % discarded. */
    public static final RolloutOptions SHARP = new RolloutOptions(Fusion.MAX, 0.9);

    public RolloutOptions {
        VitrailException.require(
                discard >= 0 && discard < 1, "the discarded share is at least 0 and less than 1, found %s", discard);
    }
}
