package dev.vitrail.models;

import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;

/**
 * The configuration of a model, which makes it. What all families have can be read and changed without
 * knowing the family.
 *
 * <p>A configuration is a record of small records, validated when it is made: a value that cannot work is refused with
 * the numbers and with what would.
 */
public interface ModelConfig {
    /** Makes a model of this configuration, its parameters declared but without values. */
    Model create();

    /** The images that the model is built for. */
    ImageInput image();

    /** The classifier and its pool. */
    Head head();

    /** The pools that the architecture has. */
    List<Pool> pools();

    ModelConfig withImage(ImageInput image);

    ModelConfig withHead(Head head);

    /** This configuration with another rate of stochastic depth (of the last block where it rises with depth). */
    ModelConfig withDropPath(double rate);

    /**
     * This configuration as the original's constructor makes it from these arguments. Classes, channels, image sizes
     * and pools may be among them, but are left to the caller; arguments that the architecture does not have stay
     * unread.
     *
     * @throws dev.vitrail.errors.VitrailException if an argument has an impossible value
     */
    default ModelConfig withArguments(ConstructorArguments arguments) {
        return this;
    }

    /**
     * Adjustments of a model to images of a size: padding, and windows that it makes smaller.
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

    /** Rows of the classifier; 0 for none. */
    default int classes() {
        return head().classes();
    }

    /** Color channels of the input. */
    default int channels() {
        return image().channels();
    }

    /** Rows of the input, pixels. */
    default int imageHeight() {
        return image().height();
    }

    /** Columns of the input, pixels. */
    default int imageWidth() {
        return image().width();
    }

    /**
     * Pooling of the last features into one vector, by timm's name for it: {@code avg} for the mean over positions,
     * {@code token}, …
     */
    default String poolName() {
        return head().pool().label();
    }

    default ModelConfig withClasses(int classes) {
        return withHead(head().withClasses(classes));
    }

    default ModelConfig withChannels(int channels) {
        return withImage(image().withChannels(channels));
    }

    default ModelConfig withImage(int height, int width) {
        return withImage(image().withSize(height, width));
    }

    /**
     * This configuration with another pool.
     *
     * @throws dev.vitrail.errors.VitrailException with the family's pools, if that is none of them
     */
    default ModelConfig withPool(String name) {
        return withHead(head().withPool(Pool.of(name, pools())));
    }
}
