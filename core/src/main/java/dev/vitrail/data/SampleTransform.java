package dev.vitrail.data;

import dev.vitrail.images.RgbImage;
import java.nio.FloatBuffer;
import java.util.random.RandomGenerator;

/**
 * Transforms an image of any size to the values that a model takes: crop, resize, augmentation, normalisation.
 * Called from several threads at once.
 */
public interface SampleTransform {
    /** Channels of the result, three for colour. */
    default int channels() {
        return 3;
    }

    /** Height of the result, pixels. */
    int height();

    /** Width of the result, pixels. */
    int width();

    /**
     * Writes an image as {@code [channels, height, width]} floats.
     *
     * @param image the decoded image, not to be changed
     * @param random the only source of chance, so that the same position of the same epoch gives the same pixels
     * @param pixels exactly {@code channels · height · width} floats, position 0
     */
    void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels);
}
