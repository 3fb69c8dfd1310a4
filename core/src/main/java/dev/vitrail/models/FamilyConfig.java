package dev.vitrail.models;

import java.util.List;

/**
 * A configuration of one family, which stays of its type when it is changed.
 *
 * @param <C> the configuration itself
 */
public interface FamilyConfig<C extends FamilyConfig<C>> extends ModelConfig {
    @Override
    C withClasses(int classes);

    @Override
    C withChannels(int channels);

    @Override
    C withImage(int height, int width);

    /** A family that does not say otherwise has one pool alone. */
    @Override
    default C withPool(String name) {
        if (!name.equals(poolName())) {
            throw Pools.unknown(name, List.of(poolName()));
        }
        return withClasses(classes());
    }

    @Override
    C withDropPath(double rate);
}
