package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ConstructorArguments;

/**
 * Dropout probabilities of an encoder in training, each in [0, 1) (names in parentheses are timm's).
 *
 * @param position after the positions are added (pos_drop_rate)
 * @param projection after projections (proj_drop_rate)
 * @param attention of attention weights (attn_drop_rate)
 * @param path rate of stochastic depth, of the last block where it rises with depth (drop_path_rate)
 */
public record Dropouts(double position, double projection, double attention, double path) {
    public static final Dropouts NONE = new Dropouts(0, 0, 0, 0);

    public Dropouts {
        requireProbability("position dropout", position);
        requireProbability("projection dropout", projection);
        requireProbability("attention dropout", attention);
        requireProbability("drop path", path);
    }

    /** Checks that a rate is in [0, 1). */
    public static void requireProbability(String name, double value) {
        require(value >= 0 && value < 1, "%s %s must be in [0, 1)", name, value);
    }

    public Dropouts withPath(double rate) {
        return new Dropouts(position, projection, attention, rate);
    }

    /** These as timm's constructor is told. */
    public Dropouts with(ConstructorArguments a) {
        return new Dropouts(
                a.number("pos_drop_rate", position),
                a.number("proj_drop_rate", projection),
                a.number("attn_drop_rate", attention),
                a.number("drop_path_rate", path));
    }
}
