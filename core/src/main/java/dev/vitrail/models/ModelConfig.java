package dev.vitrail.models;

import java.util.List;
import java.util.Optional;

/**
 * What every family's configuration can say and change, so that loading and training need not know the family.
 *
 * <p>A configuration is a record, validated when it is made: what cannot work is refused with the numbers and what would.
 */
public interface ModelConfig {
    /** Makes a model of this configuration, its parameters declared but without values. */
    Model create();

    /** Rows of the classifier; 0 for none. */
    int classes();

    /** Colour channels of the input. */
    int channels();

    /** Rows of the input, in pixels. */
    int imageHeight();

    /** Columns of the input, in pixels. */
    int imageWidth();

    ModelConfig withClasses(int classes);

    ModelConfig withChannels(int channels);

    ModelConfig withImage(int height, int width);

    /**
     * What a model pads, and which windows it makes smaller, for images of a size.
     *
     * @param height rows, pixels
     * @param width columns, pixels
     * @return sentences for a person; empty if the size fits
     */
    default List<String> adjustments(int height, int width) {
        return List.of();
    }

    /** {@link #adjustments} for the configured size, in one sentence; empty if it fits. */
    default Optional<String> adjusted() {
        var all = adjustments(imageHeight(), imageWidth());
        return all.isEmpty()
                ? Optional.empty()
                : Optional.of("for images of %d×%d pixels, %s"
                        .formatted(imageHeight(), imageWidth(), String.join("; ", all)));
    }

    /** How the last features become one vector, by timm's name for it: {@code avg} for the mean over positions, {@code token}, … */
    String poolName();

    /**
     * The same with another pool.
     *
     * @throws dev.vitrail.errors.VitrailException with the family's pools, if that is none of them
     */
    ModelConfig withPool(String name);

    /**
     * The same as an original's constructor makes it when it is told more than the name. Classes, channels, images and pools may be among
     * the arguments, but whoever calls this sees to them; what an architecture does not know it leaves unread.
     *
     * @throws dev.vitrail.errors.VitrailException if an argument has an impossible value
     */
    default ModelConfig withArguments(ConstructorArguments arguments) {
        return this;
    }

    /** The rate of stochastic depth (of the last block where it rises with depth). */
    ModelConfig withDropPath(double rate);
}
