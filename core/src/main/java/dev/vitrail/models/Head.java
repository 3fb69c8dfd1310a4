package dev.vitrail.models;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.nn.Pool;
import java.util.List;

/**
 * The classifier, and how its input is made (names in parentheses are timm's).
 *
 * @param classes rows of the classifier; 0 for none (num_classes)
 * @param pool how the last features become one vector (global_pool)
 * @param dropout probability before the classifier (drop_rate)
 */
public record Head(int classes, Pool pool, double dropout) {
    public Head {
        require(classes >= 0, "classes %d must not be negative", classes);
        require(dropout >= 0 && dropout < 1, "the head's dropout %s must be in [0, 1)", dropout);
    }

    /** A head of 1000 classes without dropout. */
    public static Head of(Pool pool) {
        return new Head(1000, pool, 0);
    }

    public Head withClasses(int count) {
        return new Head(count, pool, dropout);
    }

    public Head withPool(Pool other) {
        return new Head(classes, other, dropout);
    }

    public Head withDropout(double rate) {
        return new Head(classes, pool, rate);
    }

    /**
     * This head as timm's constructor is told; the classes are its caller's to change.
     *
     * @param pools those of the architecture
     */
    public Head with(ConstructorArguments a, List<Pool> pools) {
        var name = a.text("global_pool", "");
        return new Head(classes, name.isEmpty() ? pool : Pool.of(name, pools), a.number("drop_rate", dropout));
    }

    /** Checks that an architecture has this pool, and that a classifier has one. */
    public void requirePool(List<Pool> pools) {
        Pool.of(pool.label(), pools);
        require(
                pool != Pool.NONE || classes == 0,
                "a classifier of %d classes needs a pool: avg, max, avgmax or catavgmax",
                classes);
    }
}
