package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ImageInput;

/**
 * The size of the patches that images are cut into.
 *
 * @param height rows, pixels
 * @param width columns, pixels
 */
public record Patch(int height, int width) {
    public Patch {
        require(height > 0 && width > 0, "patch sides must be positive, found %d×%d pixels", height, width);
    }

    public static Patch square(int side) {
        return new Patch(side, side);
    }

    /** This patch of a map whose positions are that many pixels apart, in pixels of the image. */
    public Patch times(int stride) {
        return new Patch(height * stride, width * stride);
    }

    /** Patches of images that are padded to whole ones. */
    public Grid grid(ImageInput image) {
        return new Grid(Sizes.ceilDiv(image.height(), height), Sizes.ceilDiv(image.width(), width));
    }

    /**
     * Checks that images are cut without a rest.
     *
     * @throws dev.vitrail.errors.VitrailException with the nearest sizes that are
     */
    public void requireDivides(ImageInput image) {
        Sizes.requireMultiple("image height", image.height(), "patch", height);
        Sizes.requireMultiple("image width", image.width(), "patch", width);
    }
}
