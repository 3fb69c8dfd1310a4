package dev.vitrail.models;

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

    @Override
    C withDropPath(double rate);
}
