package dev.vitrail.models;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;

/**
 * The images that a model is built for.
 *
 * @param height rows, pixels
 * @param width columns, pixels
 * @param channels C, color channels (timm's in_chans)
 */
public record ImageInput(int height, int width, int channels) {
    public ImageInput {
        require(
                height > 0 && width > 0,
                "an image of %d×%d pixels is empty: give positive sides, such as 224",
                height,
                width);
        require(channels > 0, "channels %d must be positive", channels);
    }

    /** Square images in color. */
    public static ImageInput square(int side) {
        return new ImageInput(side, side, 3);
    }

    public ImageInput withSize(int newHeight, int newWidth) {
        return new ImageInput(newHeight, newWidth, channels);
    }

    public ImageInput withChannels(int count) {
        return new ImageInput(height, width, count);
    }

    /**
     * Checks the size of a batch.
     *
     * @param images {@code [B, C, H, W]}
     * @throws dev.vitrail.errors.VitrailException if they have another size
     */
    public void requireSize(Tensor images) {
        images.requireDims(4, "a batch of images");
        require(
                images.size(2) == height && images.size(3) == width,
                "images of %d×%d pixels were given to a model of %d×%d: resize them, or build the model for that size",
                images.size(2),
                images.size(3),
                height,
                width);
    }
}
