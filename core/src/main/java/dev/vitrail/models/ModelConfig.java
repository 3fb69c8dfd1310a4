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

    /** The same with another rate of stochastic depth (of the last block where it rises with depth). */
    ModelConfig withDropPath(double rate);

    /**
     * The same as an original's constructor makes it when it is told more than the name. Classes, channels, images
     * and pools may be among the arguments, but whoever calls this sees to them; what an architecture does not know
     * it leaves unread.
     *
     * @throws dev.vitrail.errors.VitrailException if an argument has an impossible value
     */
    default ModelConfig withArguments(ConstructorArguments arguments) {
        return this;
    }

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
     * How the last features become one vector, by timm's name for it: {@code avg} for the mean over positions,
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
     * The same with another pool.
     *
     * @throws dev.vitrail.errors.VitrailException with the family's pools, if that is none of them
     */
    default ModelConfig withPool(String name) {
        return withHead(head().withPool(Pool.of(name, pools())));
    }
}
