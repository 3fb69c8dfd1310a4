package dev.vitrail.models;

import java.util.function.Consumer;

/**
 * A configuration of many components, which is changed through its options: {@code config.with(o -> o.depth = 6)}.
 *
 * @param <C> the configuration itself
 * @param <O> its options
 */
public interface AdjustableConfig<C extends AdjustableConfig<C, O>, O extends ModelOptions<C>> extends FamilyConfig<C> {
    /** The rate of stochastic depth (of the last block where it rises with depth). */
    double dropPath();

    /** All components by their names, to be changed one by one. */
    O options();

    /** This configuration with some options changed. */
    default C with(Consumer<O> change) {
        var options = options();
        change.accept(options);
        return options.config();
    }

    @Override
    default C withClasses(int count) {
        return with(o -> o.classes = count);
    }

    @Override
    default C withChannels(int count) {
        return with(o -> o.channels = count);
    }

    @Override
    default C withImage(int height, int width) {
        return with(o -> {
            o.imageHeight = height;
            o.imageWidth = width;
        });
    }

    @Override
    default C withDropPath(double rate) {
        return with(o -> o.dropPath = rate);
    }
}
