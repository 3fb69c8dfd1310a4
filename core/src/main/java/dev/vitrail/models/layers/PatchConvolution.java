package dev.vitrail.models.layers;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.Layer;

/** Projects each patch of images of the configured size, {@code [B, C, H, W] → [B, N, D]}. */
public final class PatchConvolution extends Layer {
    private final ModelConfig config;
    private final Conv2d projection;

    /** @param projection of kernel and stride P, without padding */
    public PatchConvolution(ModelConfig config, Conv2d projection) {
        this.config = config;
        this.projection = child("proj", projection);
    }

    @Override
    protected Tensor forward(Tensor images) {
        Sizes.requireImages(images, config.imageHeight(), config.imageWidth());
        return projection.apply(images).flatten(2).transpose(1, 2);
    }
}
