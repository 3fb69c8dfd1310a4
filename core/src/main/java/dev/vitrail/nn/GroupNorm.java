package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import org.jspecify.annotations.Nullable;

/**
 * Group normalisation of feature maps, {@code [B, C, H, W]} (Wu and He, 2018, arXiv:1803.08494), with the non-linearity
 * that follows it in residual networks.
 */
public final class GroupNorm extends Layer {
    private final Parameter weight;
    private final Parameter bias;
    private final long groups;
    private final double eps;
    private final @Nullable Activation activation;

    /**
     * @param groups divides the width
     * @param width C, channels
     * @param activation applied to the result; null for none
     * @param scale initial value of the trained factors
     */
    public GroupNorm(long groups, long width, double eps, @Nullable Activation activation, Init scale) {
        VitrailException.require(
                groups > 0 && width % groups == 0,
                "group normalisation cannot cut %d channels into %d equal groups: take channels that are a multiple of"
                        + " %2$d",
                width,
                groups);
        weight = parameter("weight", scale, width);
        bias = parameter("bias", Init.zeros(), width);
        this.groups = groups;
        this.eps = eps;
        this.activation = activation;
    }

    @Override
    protected Tensor forward(Tensor x) {
        var y = Functional.groupNorm(x, groups, weight.value(), bias.value(), eps);
        return activation == null ? y : activation.applyInPlace(y);
    }
}
