package dev.vitrail.nn;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A tensor that follows from a configuration: made when first used, kept for each device, freed with its module. */
public final class Constant {
    private final Supplier<Tensor> make;
    private @Nullable Tensor value;

    Constant(Supplier<Tensor> make) {
        this.make = make;
    }

    /** The value, on the device of {@code like}. */
    public synchronized Tensor on(Device device) {
        if (value == null || !value.device().equals(device)) {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                var made = make.get().to(device).keep();
                release();
                value = made;
            }
        }
        return value;
    }

    synchronized void release() {
        if (value != null) {
            value.release();
            value = null;
        }
    }
}
