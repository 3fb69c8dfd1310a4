package dev.vitrail.models;

/**
 * What every family's configuration can say and change, so that loading and training need not know the family.
 *
 * <p>A configuration is a record, validated when it is made: what cannot work is refused with the numbers and what would.
 */
public interface ModelConfig {
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

    /** The rate of stochastic depth (of the last block where it rises with depth). */
    ModelConfig withDropPath(double rate);
}
