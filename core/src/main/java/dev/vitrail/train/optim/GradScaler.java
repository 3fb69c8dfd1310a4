package dev.vitrail.train.optim;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.LossScaling;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Map;

/**
 * Keeps gradients within the range of F16 by scaling the loss (Micikevicius et al., 2018, <a
 * href="https://arxiv.org/abs/1710.03740">arXiv:1710.03740</a>, section 3.2): as far up as no gradient overflows. A
 * step whose gradients do is left out, and the scale halved. BF16 needs none of it.
 *
 * <pre>{@code
 * scaler.scaled(loss).backward();
 * if (scaler.unscale(gradients)) { // then clip, for gradients have their own size now
 *     optimizer.step(rate);
 * }
 * optimizer.zeroGradients();
 * scaler.update();
 * }</pre>
 */
public final class GradScaler implements AutoCloseable {
    /**
     * Rules by which the scale changes.
     *
     * @param first scale
     * @param growth its factor after {@code interval} steps without an overflow
     * @param backoff its factor after an overflow
     */
    public record Settings(double first, double growth, double backoff, int interval) {
        /** PyTorch's. */
        public static final Settings DEFAULT = new Settings(65536, 2, 0.5, 2000);

        public Settings {
            VitrailException.require(
                    first > 0 && growth > 1 && backoff > 0 && backoff < 1 && interval > 0,
                    "loss scaling needs a positive scale, a growth above 1, a backoff in (0, 1) and a positive"
                            + " interval, found %s, %s, %s and %d",
                    first,
                    growth,
                    backoff,
                    interval);
        }
    }

    /**
     * F16's smallest normal number: scaled by less, a loss of 1 would vanish, so that what overflows does not for its
     * scale.
     */
    private static final double LEAST = 0x1p-14;

    private final Settings settings;
    private final Tensor scale;
    private final Tensor steps;
    private final Tensor overflow;

    /**
     * @param device where the gradients are
     */
    public GradScaler(Settings settings, Device device) {
        this.settings = settings;
        try (var frame = Frame.open()) {
            scale = Tensor.empty(DType.F32, device).fillInPlace(settings.first).keep();
            steps = Tensor.empty(DType.I32, device).fillInPlace(0).keep();
            overflow = Tensor.empty(DType.F32, device).fillInPlace(0).keep();
        }
    }

    /** The loss times the scale; its gradients are so much larger. */
    public Tensor scaled(Tensor loss) {
        return loss.times(scale);
    }

    /**
     * Gives gradients their own size again.
     *
     * @param gradients all that the step is to use, F32
     * @return whether they are all finite; else the step must be left out
     */
    public boolean unscale(List<Tensor> gradients) {
        try (var off = Gradients.off()) {
            return Frame.compute(() -> {
                LossScaling.unscale(gradients, scale.power(-1), overflow);
                return overflow.item() == 0;
            });
        }
    }

    /** Adapts the scale to what {@link #unscale} found since the last time. */
    public void update() {
        LossScaling.update(scale, steps, overflow, settings.growth, settings.backoff, settings.interval);
        overflow.fillInPlace(0);
    }

    /**
     * Lowers the scale for a gradient that is not finite, wherever that was found.
     *
     * @return false if the scale is so low already that it cannot be the reason; it then stays
     */
    public boolean lower() {
        overflow.fillInPlace(0);
        if (scale() <= LEAST) {
            return false;
        }
        overflow.fillInPlace(1);
        update();
        return true;
    }

    /** The present scale. */
    public double scale() {
        return scale.item();
    }

    /** State kept from step to step; copying values into the tensors restores it. */
    public Map<String, Tensor> state() {
        return Map.of("scale", scale, "growth_tracker", steps);
    }

    @Override
    public void close() {
        List.of(scale, steps, overflow).forEach(Tensor::release);
    }
}
