package dev.vitrail.nn;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.PackedWeight;
import dev.vitrail.engine.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A named tensor of a module: a trained weight, or a buffer that is stored with the weights but not trained.
 *
 * <p>It is declared with its shape alone, on the {@linkplain Device#META device without storage};
 * {@link #initialise} or {@link #assign} gives it values. So a model of any size is built at once, and loading a
 * checkpoint draws no random numbers.
 */
public final class Parameter {
    private final Init init;
    private final boolean buffer;
    private boolean trainable;
    /** The values; without storage where they are only {@linkplain #packed laid out for inference}. */
    private Tensor value;

    private final PackedWeight packed = new PackedWeight();
    private final List<Runnable> derived = new ArrayList<>(0);
    /** True if the values may be given up for their layout for inference. */
    private volatile boolean once;
    /** True if they are given up at present. */
    private boolean givenUp;
    /** True once they were read as they are, so that they stay. */
    private boolean used;

    Parameter(Init init, DType dtype, boolean buffer, boolean trainable, long... shape) {
        this.init = init;
        this.buffer = buffer;
        this.trainable = trainable && !buffer;
        try (var frame = Frame.open()) {
            value = Tensor.empty(dtype, Device.META, shape).keep();
        }
    }

    /** The present values; not to be released. */
    public Tensor value() {
        return once ? whole() : value;
    }

    /**
     * Keeps the values of a linear layer's weight in one form from now on: as inference reads them, once it has. Who
     * asks for the values gets them, and they stay, beside that form. A tensor that {@link #value} gave before is gone
     * when inference has read it.
     */
    void keepOnce() {
        once = true;
    }

    private synchronized Tensor whole() {
        used = true;
        if (givenUp) {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                var placeholder = value;
                value = packed.restore(placeholder.shape()).keep();
                placeholder.release();
                givenUp = false;
            }
            value.requireGradient(trainable);
        }
        return value;
    }

    /** {@code x · valueᵀ + bias}, the values taken as {@code [out, in]}. */
    Tensor linear(Tensor x, long in, long out, @Nullable Parameter bias) {
        return Functional.linear(
                x,
                in,
                out,
                () -> matrix(value(), in, out),
                bias == null ? null : bias.value(),
                Optional.of(() -> laidOut(in, out)));
    }

    private static Tensor matrix(Tensor values, long in, long out) {
        return values.shape().length == 2 ? values : values.reshape(out, in);
    }

    private synchronized Tensor laidOut(long in, long out) {
        if (givenUp) {
            return packed.laidOut();
        }
        var laidOut = packed.layOut(matrix(value, in, out));
        if (once && !used) {
            var before = value;
            try (var frame = Frame.open()) {
                value = Tensor.empty(before.dtype(), Device.META, before.shape())
                        .keep();
            }
            before.release();
            givenUp = true;
            NativeMemory.freedForGood(value.count() * value.dtype().bytes());
        }
        return laidOut;
    }

    /** Has {@code release} free what follows from the values, whenever they are replaced or freed. */
    void derives(Runnable release) {
        derived.add(release);
    }

    /** Initializer of its values. */
    Init init() {
        return init;
    }

    public long[] shape() {
        return value.shape();
    }

    public DType dtype() {
        return value.dtype();
    }

    /** Number of elements. */
    public long count() {
        return value.count();
    }

    /** Returns whether this is state that is stored but never trained, such as a running mean. */
    public boolean isBuffer() {
        return buffer;
    }

    /** Returns whether gradients reach it: it is neither a buffer nor frozen. */
    public boolean isTrainable() {
        return trainable;
    }

    /** Freezes a trained parameter, or thaws it; a buffer stays as it is. */
    public void setTrainable(boolean wanted) {
        trainable = wanted && !buffer;
        if (value.dtype().floating()) {
            value.requireGradient(trainable);
        }
    }

    /** Draws initial values, on the given device. */
    public void initialise(Device device) {
        initialise(device, init);
    }

    /** Draws initial values by another initializer, on the given device. */
    void initialise(Device device, Init init) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var values = Tensor.empty(value.dtype(), Device.CPU, value.shape());
            init.fill(values);
            replace(values.to(device));
        }
    }

    /** Takes over the values (not a copy) as they are; the shape must be this parameter's. */
    public void assign(Tensor values) {
        if (!Arrays.equals(values.shape(), value.shape())) {
            throw new IllegalArgumentException("a parameter of shape %s cannot take values of shape %s"
                    .formatted(Arrays.toString(value.shape()), Arrays.toString(values.shape())));
        }
        replace(values);
    }

    /** Moves the values to a device. */
    public void moveTo(Device device) {
        if (!value().device().equals(device)) {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                replace(value().detach().to(device));
            }
        }
    }

    private synchronized void replace(Tensor values) {
        var before = value;
        value = values.detach().keep();
        before.release();
        packed.release();
        derived.forEach(Runnable::run);
        givenUp = false;
        if (value.dtype().floating()) {
            value.requireGradient(trainable);
        }
    }

    void release() {
        value.release();
        packed.release();
        derived.forEach(Runnable::run);
    }
}
