package dev.vitrail.models;

/**
 * The components of a configuration, open to change; here those that every family has.
 *
 * <p>A family's options are an inner class of its configuration, so that each field is declared and filled in one line.
 *
 * @param <C> the configuration
 */
public abstract class ModelOptions<C> {
    public int imageHeight, imageWidth, channels, classes;
    public double dropPath;

    public ModelOptions(AdjustableConfig<?, ?> config) {
        imageHeight = config.imageHeight();
        imageWidth = config.imageWidth();
        channels = config.channels();
        classes = config.classes();
        dropPath = config.dropPath();
    }

    /** A configuration of the options as they are now; what cannot work is refused. */
    public abstract C config();
}
