package dev.vitrail.engine;

import java.util.List;
import org.bytedeco.pytorch.IValue;

/** The two kernels of loss scaling, which on a GPU decide without waiting for it. */
public final class LossScaling {
    private static final Operator UNSCALE = Operator.of("aten::_amp_foreach_non_finite_check_and_unscale_", "");
    private static final Operator UPDATE = Operator.of("aten::_amp_update_scale_", "");

    private LossScaling() {}

    /**
     * Multiplies gradients by the inverse of the scale, in place.
     *
     * @param inverse F32, no dimensions
     * @param overflow becomes 1 if an element is infinite or no number; F32, no dimensions
     */
    public static void unscale(List<Tensor> gradients, Tensor inverse, Tensor overflow) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            UNSCALE.run(UNSCALE.tensors(0, gradients), new IValue(overflow.handle), new IValue(inverse.handle));
        }
    }

    /**
     * Lowers the scale after an overflow, and raises it after enough steps without one, in place.
     *
     * @param scale F32, no dimensions
     * @param steps without an overflow so far: I32, no dimensions
     * @param overflow what {@link #unscale} found
     */
    public static void update(
            Tensor scale, Tensor steps, Tensor overflow, double growth, double backoff, long interval) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            UPDATE.run(
                    new IValue(scale.handle),
                    new IValue(steps.handle),
                    new IValue(overflow.handle),
                    new IValue(growth),
                    new IValue(backoff),
                    new IValue(interval));
        }
    }
}
