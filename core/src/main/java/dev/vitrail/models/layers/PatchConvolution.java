package dev.vitrail.models.layers;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.ImageInput;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.Layer;

/** Projects each patch of images of the configured size, {@code [B, C, H, W] → [B, N, D]}. */
public final class PatchConvolution extends Layer {
    private final ImageInput image;
    private final Conv2d projection;

    /** @param projection of kernel and stride P, without padding */
    public PatchConvolution(ImageInput image, Conv2d projection) {
        this.image = image;
        this.projection = child("proj", projection);
    }

    @Override
    protected Tensor forward(Tensor images) {
        image.requireSize(images);
        return projection.apply(images).flatten(2).transpose(1, 2);
    }
}
