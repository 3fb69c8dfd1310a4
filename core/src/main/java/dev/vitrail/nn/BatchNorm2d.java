package dev.vitrail.nn;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.FusedConvolution;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Recomputation;
import dev.vitrail.engine.SharedBatch;
import dev.vitrail.engine.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Batch normalisation of feature maps, {@code [B, C, H, W]} (Ioffe and Szegedy, 2015, arXiv:1502.03167), with the
 * non-linearity that may follow it.
 *
 * <p>While training it uses the statistics of the batch and updates its running ones; otherwise the running ones are
 * constants. The batch is that of this process, or that of all where they share one and sum ({@link SharedBatch#sums}).
 */
public final class BatchNorm2d extends Layer {
    private static final double EPS = 1e-5;
    /** Weight of a new batch in the running statistics. */
    private static final double MOMENTUM = 0.1;

    private final Parameter weight;
    private final Parameter bias;
    private final Parameter mean;
    private final Parameter variance;
    private final Parameter batches;
    private final double eps;
    private final @Nullable Activation activation;

    /**
     * @param width C, channels
     * @param activation applied to the result; null for none
     * @param scale initial value of the trained factors
     */
    public BatchNorm2d(long width, double eps, @Nullable Activation activation, Init scale) {
        weight = parameter("weight", scale, width);
        bias = parameter("bias", Init.zeros(), width);
        mean = buffer("running_mean", DType.F32, Init.zeros(), width);
        variance = buffer("running_var", DType.F32, Init.ones(), width);
        batches = buffer("num_batches_tracked", DType.I64, Init.zeros());
        this.eps = eps;
        this.activation = activation;
    }

    /** A layer with eps 10⁻⁵, factors of 1, and no non-linearity. */
    public BatchNorm2d(long width) {
        this(width, EPS, null, Init.ones());
    }

    /** Statistics and factors that the convolution before it takes up in inference. */
    FusedConvolution.Normalization normalization() {
        return new FusedConvolution.Normalization(mean.value(), variance.value(), weight.value(), bias.value(), eps);
    }

    @Override
    protected Tensor forward(Tensor x) {
        long values = (SharedBatch.sums() ? SharedBatch.inWhole(x.count()) : x.count()) / x.size(1); // a channel
        require(
                !training() || values > 1,
                "batch normalisation trains on more than one value a channel, found a batch of %d with maps of %d×%d:"
                        + " take larger batches or images",
                x.size(0),
                x.size(2),
                x.size(3));
        // What is computed again for the backward pass has been counted already.
        boolean counted = training() && !Recomputation.repeating();
        if (counted) {
            try (var off = Gradients.off()) {
                batches.value().plusInPlace(Tensor.of(new long[] {1}));
            }
        }
        var y = training() && SharedBatch.sums()
                ? synchronised(x, values, counted)
                : Functional.batchNorm(
                        x,
                        weight.value(),
                        bias.value(),
                        counted || !training() ? mean.value() : null,
                        counted || !training() ? variance.value() : null,
                        training(),
                        MOMENTUM,
                        eps);
        return activation == null ? y : activation.applyInPlace(y);
    }

    /**
     * Normalizes with the statistics of all processes' images: their mean first and then the squares about it, since
     * the difference of large sums would lose digits.
     */
    private Tensor synchronised(Tensor x, double values, boolean counted) {
        long channels = x.size(1);
        var full = x.to(DType.F32);
        var center = SharedBatch.sum(full.sum(false, 0, 2, 3)).times(1 / values); //   [C]
        var centered = full.minus(center.reshape(1, channels, 1, 1));
        var spread = SharedBatch.sum(centered.power(2).sum(false, 0, 2, 3)).times(1 / values); // [C]
        if (counted) {
            try (var off = Gradients.off()) {
                mean.value().lerpInPlace(center.detach(), MOMENTUM);
                // The running variance is that of the population that the batch is a sample of.
                variance.value().lerpInPlace(spread.detach().times(values / (values - 1)), MOMENTUM);
            }
        }
        var scale = spread.plus(eps).power(-0.5).times(weight.value());
        return centered.times(scale.reshape(1, channels, 1, 1))
                .plus(bias.value().reshape(1, channels, 1, 1))
                .to(x.dtype());
    }
}
