package dev.vitrail.engine;

import java.util.List;
import org.bytedeco.pytorch.IValue;

/**
 * The updates of optimisers as libtorch's fused kernels: one pass over memory for a whole list of parameters.
 *
 * <p>All lists run parallel. Nothing here is recorded for a backward pass.
 */
public final class FusedOptimizers {
    private static final Operator ADAMW = Operator.of("aten::_fused_adamw_", "");
    private static final Operator SGD = Operator.of("aten::_fused_sgd_", "");

    private FusedOptimizers() {}

    /**
     * One step of AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101), in place.
     *
     * @param means running means of the gradients
     * @param squares running means of their squares
     * @param steps each the number of this step, counted from 1: F32, no dimensions
     */
    public static void adamW(
            List<Tensor> parameters,
            List<Tensor> gradients,
            List<Tensor> means,
            List<Tensor> squares,
            List<Tensor> steps,
            double learningRate,
            double beta1,
            double beta2,
            double weightDecay,
            double eps) {
        unrecorded(
                parameters,
                () -> ADAMW.run(
                        ADAMW.tensors(0, parameters),
                        ADAMW.tensors(1, gradients),
                        ADAMW.tensors(2, means),
                        ADAMW.tensors(3, squares),
                        ADAMW.tensors(4, List.of()), // the largest squares, which AMSGrad alone keeps
                        ADAMW.tensors(5, steps),
                        new IValue(learningRate),
                        new IValue(beta1),
                        new IValue(beta2),
                        new IValue(weightDecay),
                        new IValue(eps),
                        new IValue(false),
                        new IValue(false),
                        Operator.none(),
                        Operator.none()));
    }

    /**
     * One step of SGD, in place.
     *
     * @param buffers the momentum's running sums, zeros before the first step; empty if {@code momentum} is 0
     * @param nesterov whether the gradient is taken where the momentum leads (Sutskever et al., 2013)
     */
    public static void sgd(
            List<Tensor> parameters,
            List<Tensor> gradients,
            List<Tensor> buffers,
            double learningRate,
            double momentum,
            boolean nesterov,
            double weightDecay) {
        unrecorded(
                parameters,
                () -> SGD.run(
                        SGD.tensors(0, parameters),
                        SGD.tensors(1, gradients),
                        SGD.tensors(2, buffers),
                        new IValue(weightDecay),
                        new IValue(momentum),
                        new IValue(learningRate),
                        new IValue(0.0),
                        new IValue(nesterov),
                        new IValue(false),
                        new IValue(false),
                        Operator.none(),
                        Operator.none()));
    }

    private static void unrecorded(List<Tensor> parameters, Runnable update) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            update.run();
            // These kernels, unlike libtorch's others, do not count their changes, by which a PackedWeight knows its
            // own age.
            parameters.forEach(
                    parameter -> parameter.handle.unsafeGetTensorImpl().bump_version());
        }
    }
}
