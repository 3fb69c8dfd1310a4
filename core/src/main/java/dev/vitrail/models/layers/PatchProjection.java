package dev.vitrail.models.layers;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Parameter;

/**
 * Cuts images into patches and projects each to a vector, {@code [B, C, H, W] → [B, H/P, W/P, D]}, the images padded
 * with zeros at the bottom and on the right to whole patches.
 *
 * <p>It is the convolution of kernel and stride P whose names and shapes its parameters have, computed as a linear
 * layer over patches: the result then lies channels last, as tokens do, without another copy.
 */
public final class PatchProjection extends Layer {
    private final int patch;
    private final Parameter weight;
    private final Parameter bias;

    public PatchProjection(int channels, int width, int patch) {
        this.patch = patch;
        long fanIn = (long) channels * patch * patch;
        weight = parameter("weight", Init.fanInUniform(fanIn), width, channels, patch, patch);
        bias = parameter("bias", Init.fanInUniform(fanIn), width);
    }

    @Override
    protected Tensor forward(Tensor images) {
        images.requireDims(4, "a batch of images");
        long bottom = Math.floorMod(-images.size(2), (long) patch),
                right = Math.floorMod(-images.size(3), (long) patch);
        var x = bottom == 0 && right == 0 ? images : Functional.pad(images, 0, 0, right, 0, bottom);
        long B = x.size(0), C = x.size(1), rows = x.size(2) / patch, columns = x.size(3) / patch, P = patch;
        var patches = x.reshape(B, C, rows, P, columns, P)
                .permute(0, 2, 4, 1, 3, 5)
                .reshape(B, rows, columns, C * P * P); //                          [B, H/P, W/P, C·P²]
        return Functional.linear(patches, weight.value().flatten(1), bias.value());
    }
}
