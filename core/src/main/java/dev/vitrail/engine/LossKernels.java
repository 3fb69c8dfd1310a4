package dev.vitrail.engine;

import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** What losses need beyond {@link Kernels#crossEntropy}. */
public final class LossKernels {
    /** Elements stay as they are ({@code at::Reduction::None}). */
    private static final int UNREDUCED = 0;

    private LossKernels() {}

    /**
     * The binary cross entropy of every logit with its own target, without overflow.
     *
     * @param logits {@code [B, K]}
     * @param target {@code [B, K]}, probabilities
     * @param positiveWeight {@code [K]}, factor of the term of the positives
     * @return {@code [B, K]}
     */
    public static Tensor binaryCrossEntropy(Tensor logits, Tensor target, @Nullable Tensor positiveWeight) {
        return new Tensor(torch.binary_cross_entropy_with_logits(
                logits.handle, target.handle, new TensorOptional(), Kernels.optional(positiveWeight), UNREDUCED));
    }

    /**
     * Classes as probabilities: 1 at the class, 0 elsewhere.
     *
     * @param classes {@code [B]} I64
     * @return {@code [B, count]} F32
     */
    public static Tensor oneHot(Tensor classes, long count) {
        return new Tensor(torch.one_hot(classes.handle, count)).to(DType.F32);
    }
}
