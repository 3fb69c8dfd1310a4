package dev.vitrail.models.vit;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import org.jspecify.annotations.Nullable;

/**
 * Cuts an image, or a stem's feature map, into patches and projects each to a token, {@code [B, C, H, W] → [B, N, D]}
 * (the ViT paper's eq. 1 and its hybrid, section 3.1).
 */
final class PatchEmbedding extends Layer {
    private final ViTConfig config;
    private final ViTConfig.Patches cut;
    private final @Nullable Layer stem;
    private final Conv2d projection;

    PatchEmbedding(ViTConfig c) {
        config = c;
        cut = c.patches();
        stem = cut.stem().isPresent() ? child("backbone", cut.stem().get().create(c.channels())) : null;
        int in = cut.stem().map(ViTConfig.Stem::channels).orElse(c.channels());
        var patch = new long[] {cut.size().height(), cut.size().width()};
        var shape = new Conv2d.Shape(
                in,
                c.encoder().width(),
                patch,
                patch,
                new long[] {0, 0},
                1,
                !c.norms().pre());
        boolean jax = c.weightInit() != ViTConfig.InitScheme.TIMM;
        projection = child(
                "proj",
                new Conv2d(
                        shape,
                        jax ? Init.truncatedNormalOfVariance(1.0 / shape.fanIn()) : Init.fanInUniform(shape.fanIn()),
                        jax ? Init.zeros() : Init.fanInUniform(shape.fanIn())));
    }

    /** Rows of patches in an image of that height. */
    long rows(long height) {
        return Sizes.ceilDiv((int) height, cut.unit().height());
    }

    /** Columns of patches in an image of that width. */
    long columns(long width) {
        return Sizes.ceilDiv((int) width, cut.unit().width());
    }

    private int stride() {
        return cut.stem().map(ViTConfig.Stem::stride).orElse(1);
    }

    @Override
    protected Tensor forward(Tensor images) {
        images.requireDims(4, "a batch of images");
        VitrailException.require(
                images.size(1) == config.channels(),
                "images of %1$d channels were given to a model of %2$d: convert them, or build the model for %1$d",
                images.size(1),
                config.channels());
        if (!cut.dynamicPad()) {
            requireFitting(images.size(2), images.size(3));
        }
        var x = stem == null ? images : stem.apply(images);
        if (cut.dynamicPad()) {
            x = padded(x, cut.size().height(), cut.size().width());
        }
        return projection.apply(x).flatten(2).transpose(1, 2);
    }

    private void requireFitting(long height, long width) {
        VitrailException.require(
                cut.dynamicSize()
                        ? positions(height) % cut.size().height() == 0
                                && positions(width) % cut.size().width() == 0
                        : height == config.imageHeight() && width == config.imageWidth(),
                cut.dynamicSize()
                        ? "images of %d×%d pixels cannot be cut into patches of %3$d×%4$d: resize them to multiples"
                        : "images of %d×%d pixels were given to a model of %5$d×%6$d: resize them, or build the model"
                                + " for that size",
                height,
                width,
                cut.unit().height(),
                cut.unit().width(),
                config.imageHeight(),
                config.imageWidth());
    }

    /** Positions of the map that patches are cut from, along a side of the image. */
    private long positions(long side) {
        return Sizes.ceilDiv((int) side, stride());
    }

    private static Tensor padded(Tensor x, long unitHeight, long unitWidth) {
        long bottom = Math.floorMod(-x.size(2), unitHeight), right = Math.floorMod(-x.size(3), unitWidth);
        return bottom == 0 && right == 0 ? x : Functional.pad(x, 0, 0, right, 0, bottom);
    }
}
