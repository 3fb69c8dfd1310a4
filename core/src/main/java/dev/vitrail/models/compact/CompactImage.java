package dev.vitrail.models.compact;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.Sizes;
import java.util.List;

/**
 * The images of vit-pytorch's models and how they are cut; both may be rectangular.
 *
 * @param height rows, pixels
 * @param width columns, pixels
 * @param patchHeight rows of a patch, pixels
 * @param patchWidth columns of a patch, pixels
 * @param channels C, colour channels
 */
public record CompactImage(int height, int width, int patchHeight, int patchWidth, int channels) {
    public CompactImage {
        require(channels > 0, "channels %d must be positive", channels);
        Sizes.requireMultiple("image height", height, "patch", patchHeight);
        Sizes.requireMultiple("image width", width, "patch", patchWidth);
    }

    /** Square colour images in square patches. */
    public static CompactImage square(int image, int patch) {
        return new CompactImage(image, image, patch, patch, 3);
    }

    CompactImage withSize(int newHeight, int newWidth) {
        return new CompactImage(newHeight, newWidth, patchHeight, patchWidth, channels);
    }

    CompactImage withChannels(int count) {
        return new CompactImage(height, width, patchHeight, patchWidth, count);
    }

    Grid grid() {
        return new Grid(gridHeight(), gridWidth());
    }

    int gridHeight() {
        return height / patchHeight;
    }

    int gridWidth() {
        return width / patchWidth;
    }

    /** The feature maps after each layer of an encoder of that name, on these patches. */
    List<FeatureInfo> featureInfo(String path, CompactTransformer.Shape encoder) {
        return CompactTransformer.featureInfo(path, encoder, patchHeight, patchWidth);
    }

    /** Patches' tokens, without others, where they lie in the image, {@code [B, N, D] → [B, D, rows, columns]}. */
    Tensor map(Tensor tokens) {
        return Positions.map(tokens, gridHeight(), gridWidth());
    }

    int patches() {
        return gridHeight() * gridWidth();
    }

    /** Throws unless these are images of this size. */
    void requireSize(Tensor images) {
        Sizes.requireImages(images, height, width);
    }
}
