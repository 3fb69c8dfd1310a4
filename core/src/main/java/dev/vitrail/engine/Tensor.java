package dev.vitrail.engine;

import dev.vitrail.errors.VitrailException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * A libtorch tensor. Made inside a {@link Frame}, it dies with it; {@link #keep()} and {@link #release()} are for what
 * lives longer, such as a parameter.
 *
 * <p>Dimensions may be counted from the end: −1 is the last. Operations give new tensors, except those whose name ends
 * in {@code InPlace}. Layers of networks are in {@link Functional}.
 */
public final class Tensor {
    final org.bytedeco.pytorch.Tensor handle;

    Tensor(org.bytedeco.pytorch.Tensor handle) {
        if (PointerScope.getInnerScope() == null) {
            handle.close();
            throw new IllegalStateException(
                    "a tensor was made outside every frame and would never be freed: wrap the call in Frame.open()");
        }
        // What libtorch lends from inside a list, a tuple or a leaf would die with that: it is given a life of its own.
        this.handle = handle.referenceCount() < 0 ? new org.bytedeco.pytorch.Tensor(handle) : handle;
    }

    // ---------------------------------------------------------------------------------------------------- making

    public static Tensor zeros(long... shape) {
        Natives.load();
        return new Tensor(torch.zeros(shape));
    }

    public static Tensor ones(long... shape) {
        Natives.load();
        return new Tensor(torch.ones(shape));
    }

    /** Memory that holds anything. */
    public static Tensor empty(DType dtype, Device device, long... shape) {
        Natives.load();
        return new Tensor(
                torch.torch_empty(shape, options(dtype, device), new org.bytedeco.pytorch.MemoryFormatOptional()));
    }

    /** Samples of the normal distribution with mean 0 and std 1. */
    public static Tensor randn(long... shape) {
        Natives.load();
        return new Tensor(torch.randn(shape));
    }

    /** Samples of the uniform distribution over [0, 1). */
    public static Tensor rand(long... shape) {
        return zeros(shape).uniformInPlace(0, 1);
    }

    /** A copy of the values, F32. */
    public static Tensor of(float[] values, long... shape) {
        Natives.load();
        checkCount(values.length, shape);
        try (var data = new FloatPointer(values)) {
            return new Tensor(
                    torch.from_blob(data, shape, options(DType.F32, Device.CPU)).clone());
        }
    }

    /** A copy of the values, F64. */
    public static Tensor of(double[] values, long... shape) {
        Natives.load();
        checkCount(values.length, shape);
        try (var data = new DoublePointer(values)) {
            return new Tensor(
                    torch.from_blob(data, shape, options(DType.F64, Device.CPU)).clone());
        }
    }

    /** A copy of the values, I64. */
    public static Tensor of(long[] values, long... shape) {
        Natives.load();
        checkCount(values.length, shape);
        try (var data = new LongPointer(values)) {
            return new Tensor(
                    torch.from_blob(data, shape, options(DType.I64, Device.CPU)).clone());
        }
    }

    /** A copy of the values, U8. */
    public static Tensor of(byte[] values, long... shape) {
        Natives.load();
        checkCount(values.length, shape);
        try (var data = new BytePointer(values)) {
            return new Tensor(
                    torch.from_blob(data, shape, options(DType.U8, Device.CPU)).clone());
        }
    }

    /**
     * A copy of raw elements.
     *
     * @param data little-endian, row-major, all of its remaining bytes; left unchanged
     */
    public static Tensor of(ByteBuffer data, DType dtype, long... shape) {
        Natives.load();
        checkCount(data.remaining() / dtype.bytes(), shape);
        var tensor = empty(dtype, Device.CPU, shape);
        if (data.remaining() > 0) {
            new BytePointer(tensor.handle.data_ptr())
                    .capacity(data.remaining())
                    .asByteBuffer()
                    .put(data.duplicate());
        }
        return tensor;
    }

    /**
     * A copy of raw single-precision elements, and whether all of them are finite.
     *
     * @param data as for {@link #of(ByteBuffer, DType, long...)}
     */
    public static Checked checked(ByteBuffer data, long... shape) {
        Natives.load();
        checkCount(data.remaining() / Float.BYTES, shape);
        var tensor = empty(DType.F32, Device.CPU, shape);
        boolean finite = data.remaining() == 0
                || FiniteCopy.copy(
                        data.duplicate(),
                        new BytePointer(tensor.handle.data_ptr())
                                .capacity(data.remaining())
                                .asByteBuffer());
        return new Checked(tensor, finite);
    }

    /** A tensor, and whether it holds neither NaN nor infinity. */
    public record Checked(Tensor tensor, boolean finite) {}

    private static void checkCount(long count, long[] shape) {
        long expected = 1;
        for (long side : shape) {
            expected = Math.multiplyExact(expected, side);
        }
        if (expected != count) {
            throw new IllegalArgumentException(
                    "the shape %s has %d elements, found %d".formatted(Arrays.toString(shape), expected, count));
        }
    }

    static TensorOptions options(DType dtype, Device device) {
        var options = new TensorOptions(dtype.scalarType);
        return device.equals(Device.CPU)
                ? options
                : options.device(new org.bytedeco.pytorch.DeviceOptional(device.handle()));
    }

    public static Tensor cat(int dim, Tensor... parts) {
        return cat(dim, List.of(parts));
    }

    public static Tensor cat(int dim, List<Tensor> parts) {
        return GraphRecorder.record("cat", new Tensor(torch.cat(Operator.vector(parts), dim)), parts, dim);
    }

    /** Tensors of one shape side by side along a new dimension. */
    public static Tensor stack(int dim, List<Tensor> parts) {
        return GraphRecorder.record("stack", new Tensor(torch.stack(Operator.vector(parts), dim)), parts, dim);
    }

    // --------------------------------------------------------------------------------------------------- reading

    public long[] shape() {
        return handle.sizes().vec().get();
    }

    public long size(int dim) {
        return handle.size(dim);
    }

    public int dims() {
        return (int) handle.dim();
    }

    /** Number of elements. */
    public long count() {
        return handle.numel();
    }

    public DType dtype() {
        return DType.of(handle.scalar_type());
    }

    public Device device() {
        if (handle.is_meta()) {
            return Device.META;
        }
        return handle.is_cuda() ? new Device(Device.Type.CUDA, handle.device().index()) : Device.CPU;
    }

    /** The only element, as a number. */
    public double item() {
        return handle.item_double();
    }

    /** The only element of an integer tensor. */
    public long itemLong() {
        return handle.item_long();
    }

    /** All elements, row-major, converted to 32-bit floats. */
    public float[] toFloats() {
        return Frame.compute(() -> {
            var values = new float[Math.toIntExact(count())];
            if (values.length == 0) {
                return values; // it has no memory to read
            }
            var dense = plain(DType.F32);
            new FloatPointer(dense.data_ptr()).get(values);
            return values;
        });
    }

    /** All elements, row-major, converted to 64-bit floats. */
    public double[] toDoubles() {
        return Frame.compute(() -> {
            var values = new double[Math.toIntExact(count())];
            if (values.length == 0) {
                return values;
            }
            var dense = plain(DType.F64);
            new DoublePointer(dense.data_ptr()).get(values);
            return values;
        });
    }

    /** All elements, row-major, converted to 64-bit integers. */
    public long[] toLongs() {
        return Frame.compute(() -> {
            var values = new long[Math.toIntExact(count())];
            if (values.length == 0) {
                return values;
            }
            var dense = plain(DType.I64);
            new LongPointer(dense.data_ptr()).get(values);
            return values;
        });
    }

    /** All elements as they lie in memory: little-endian, row-major. */
    public byte[] toBytes() {
        return Frame.compute(() -> {
            var values = new byte[Math.toIntExact(Math.multiplyExact(count(), (long) dtype().bytes()))];
            if (values.length == 0) {
                return values;
            }
            var dense = plain(dtype());
            new BytePointer(dense.data_ptr()).get(values);
            return values;
        });
    }

    private org.bytedeco.pytorch.Tensor plain(DType dtype) {
        var dense = handle.detach();
        if (!device().equals(Device.CPU)) {
            dense = new Tensor(dense).to(Device.CPU).handle;
        }
        if (dtype() != dtype) {
            dense = dense.to(dtype.scalarType);
        }
        return dense.contiguous();
    }

    // ------------------------------------------------------------------------------------------------ conversion

    public Tensor to(DType dtype) {
        return GraphRecorder.record("to", new Tensor(handle.to(dtype.scalarType)), this, dtype.name());
    }

    public Tensor to(Device device) {
        if (device.equals(device())) {
            return this;
        }
        return GraphRecorder.record("alias", new Tensor(handle.to(device.handle(), handle.scalar_type())), this);
    }

    public Tensor contiguous() {
        return GraphRecorder.record("alias", new Tensor(handle.contiguous()), this);
    }

    /**
     * Feature maps {@code [B, C, H, W]} with the channels of a position side by side in memory, as oneDNN's
     * convolutions prefer them; shape and values stay, only the strides change.
     */
    public Tensor channelsLast() {
        return GraphRecorder.record("alias", new Tensor(handle.contiguous(torch.MemoryFormat.ChannelsLast)), this);
    }

    /** A copy with memory of its own. */
    public Tensor copy() {
        return GraphRecorder.record("alias", new Tensor(handle.clone()), this);
    }

    // ------------------------------------------------------------------------------------------------ arithmetic

    public Tensor plus(Tensor y) {
        return GraphRecorder.record("add", new Tensor(handle.add(y.handle)), this, y);
    }

    public Tensor plus(double y) {
        return GraphRecorder.record("add", new Tensor(handle.add(new Scalar(y))), this, y);
    }

    public Tensor minus(Tensor y) {
        return GraphRecorder.record("sub", new Tensor(handle.sub(y.handle)), this, y);
    }

    public Tensor times(Tensor y) {
        return GraphRecorder.record("mul", new Tensor(handle.mul(y.handle)), this, y);
    }

    public Tensor times(double y) {
        return GraphRecorder.record("mul", new Tensor(handle.mul(new Scalar(y))), this, y);
    }

    public Tensor dividedBy(Tensor y) {
        return GraphRecorder.record("div", new Tensor(handle.div(y.handle)), this, y);
    }

    public Tensor negated() {
        return GraphRecorder.record("neg", new Tensor(handle.neg()), this);
    }

    public Tensor power(double exponent) {
        return GraphRecorder.record("pow", new Tensor(handle.pow(new Scalar(exponent))), this, exponent);
    }

    public Tensor squareRoot() {
        return GraphRecorder.record("sqrt", new Tensor(handle.sqrt()), this);
    }

    public Tensor exp() {
        return GraphRecorder.record("exp", new Tensor(handle.exp()), this);
    }

    public Tensor floor() {
        return GraphRecorder.record("floor", new Tensor(handle.floor()), this);
    }

    public Tensor atMost(double limit) {
        return GraphRecorder.record(
                "clamp_max",
                new Tensor(handle.clamp(new ScalarOptional(), new ScalarOptional(new Scalar(limit)))),
                this,
                limit);
    }

    public Tensor atLeast(double limit) {
        return GraphRecorder.record(
                "clamp_min",
                new Tensor(handle.clamp(new ScalarOptional(new Scalar(limit)), new ScalarOptional())),
                this,
                limit);
    }

    /** The matrix product over the last two dimensions; the dimensions before them broadcast. */
    public Tensor matmul(Tensor y) {
        var product = new Tensor(handle.matmul(y.handle));
        FlopCounter.count(product.count() * size(-1), product.count());
        return GraphRecorder.record("matmul", product, this, y);
    }

    /** The Moore–Penrose inverse of a matrix. */
    public Tensor pseudoInverse() {
        return new Tensor(torch.linalg_pinv(handle));
    }

    /**
     * The eigenvalues of a symmetric matrix, ascending, {@code [n]}; and its eigenvectors, of length 1, {@code [n, n]},
     * each a column. Only the lower triangle is read.
     */
    public List<Tensor> symmetricEigen() {
        var pair = torch.linalg_eigh(handle);
        return List.of(new Tensor(pair.get0()), new Tensor(pair.get1()));
    }

    /** The identity matrix. */
    public static Tensor identity(long size) {
        Natives.load();
        return new Tensor(torch.eye(size));
    }

    /** 1 where the elements are equal, else 0, as BOOL. */
    public Tensor equalTo(Tensor y) {
        return new Tensor(handle.eq(y.handle));
    }

    /** 1 where an element is that number, else 0, as BOOL. */
    public Tensor equalTo(double y) {
        return new Tensor(handle.eq(new Scalar(y)));
    }

    /** 1 where an element exceeds the limit, else 0, as BOOL. */
    public Tensor greaterThan(double limit) {
        return new Tensor(handle.gt(new Scalar(limit)));
    }

    /** This tensor with {@code value} where {@code mask} (BOOL) is 1. */
    public Tensor maskedFill(Tensor mask, double value) {
        return new Tensor(handle.masked_fill(mask.handle, new Scalar(value)));
    }

    // ------------------------------------------------------------------------------------------------- reduction

    /** The sum of all elements. */
    public Tensor sum() {
        return new Tensor(handle.sum());
    }

    public Tensor sum(boolean keepDims, long... dims) {
        return GraphRecorder.record(
                "sum", new Tensor(handle.sum(dims, keepDims, new ScalarTypeOptional())), this, dims, keepDims);
    }

    /** The mean of all elements. */
    public Tensor mean() {
        return new Tensor(handle.mean());
    }

    public Tensor mean(boolean keepDims, long... dims) {
        return GraphRecorder.record(
                "mean", new Tensor(handle.mean(dims, keepDims, new ScalarTypeOptional())), this, dims, keepDims);
    }

    /** The largest element. */
    public Tensor max() {
        return new Tensor(handle.max());
    }

    /** The largest element along each of the dimensions. */
    public Tensor max(boolean keepDims, long... dims) {
        return GraphRecorder.record("amax", new Tensor(torch.amax(handle, dims, keepDims)), this, dims, keepDims);
    }

    /** The index of the largest element along a dimension, I64. */
    public Tensor argmax(int dim) {
        return new Tensor(handle.argmax(new LongOptional(dim), false));
    }

    /** Euclidean length along the dimensions. */
    public Tensor norm(boolean keepDims, long... dims) {
        return GraphRecorder.record(
                "norm",
                new Tensor(torch.linalg_vector_norm(handle, new Scalar(2.0), dims, keepDims, new ScalarTypeOptional())),
                this,
                dims,
                keepDims);
    }

    /** Variance along the dimensions, divided by the count (not by the count less one). */
    public Tensor variance(boolean keepDims, long... dims) {
        return GraphRecorder.record("var", new Tensor(handle.var(dims, false, keepDims)), this, dims, keepDims);
    }

    /** The largest {@code k} elements of the last dimension, descending: values, then indices (I64). */
    public List<Tensor> topk(int k) {
        var pair = handle.topk(k, -1, true, true);
        return List.of(new Tensor(pair.get0()), new Tensor(pair.get1()));
    }

    // ----------------------------------------------------------------------------------------------------- shape

    public Tensor reshape(long... shape) {
        return GraphRecorder.record("reshape", new Tensor(handle.reshape(shape)), this, shape);
    }

    public Tensor permute(long... dims) {
        return GraphRecorder.record("permute", new Tensor(handle.permute(dims)), this, dims);
    }

    public Tensor transpose(int a, int b) {
        return GraphRecorder.record("transpose", new Tensor(handle.transpose(a, b)), this, a, b);
    }

    /** Joins the dimensions {@code from … to} into one. */
    public Tensor flatten(int from, int to) {
        return GraphRecorder.record("flatten", new Tensor(handle.flatten(from, to)), this, from, to);
    }

    public Tensor flatten(int from) {
        return flatten(from, -1);
    }

    /** All elements in one dimension. */
    public Tensor flat() {
        return flatten(0, -1);
    }

    public Tensor expand(long... shape) {
        return GraphRecorder.record("expand", new Tensor(handle.expand(shape)), this, shape);
    }

    public Tensor repeat(long... times) {
        return GraphRecorder.record("repeat", new Tensor(handle.repeat(times)), this, times);
    }

    public Tensor unsqueeze(int dim) {
        return GraphRecorder.record("unsqueeze", new Tensor(handle.unsqueeze(dim)), this, dim);
    }

    public Tensor squeeze(int dim) {
        return GraphRecorder.record("squeeze", new Tensor(handle.squeeze(dim)), this, dim);
    }

    public Tensor select(int dim, long index) {
        return GraphRecorder.record("select", new Tensor(handle.select(dim, index)), this, dim, index);
    }

    /** {@code length} elements along a dimension, from {@code start}. */
    public Tensor narrow(int dim, long start, long length) {
        return GraphRecorder.record("narrow", new Tensor(handle.narrow(dim, start, length)), this, dim, start, length);
    }

    /** The entries of a dimension that {@code indices} (I64, one dimension) names, in its order. */
    public Tensor indexSelect(int dim, Tensor indices) {
        if (handle.is_meta()) {
            var shape = shape();
            shape[Math.floorMod(dim, shape.length)] = indices.count();
            return empty(dtype(), Device.META, shape);
        }
        return GraphRecorder.record(
                "index_select", new Tensor(handle.index_select(dim, indices.handle)), this, dim, indices);
    }

    /**
     * Elements at the positions that {@code indices} (I64, of the same number of dimensions) names along a dimension.
     */
    public Tensor gather(int dim, Tensor indices) {
        return GraphRecorder.record("gather", new Tensor(handle.gather(dim, indices.handle)), this, dim, indices);
    }

    /**
     * These elements, with those at the positions that {@code indices} names (as {@link #gather} takes them) replaced.
     */
    public Tensor scatter(int dim, Tensor indices, Tensor values) {
        return new Tensor(handle.scatter(dim, indices.handle, values.handle));
    }

    public Tensor roll(long[] shifts, long[] dims) {
        // libtorch cannot roll what has no storage.
        return handle.is_meta()
                ? empty(dtype(), Device.META, shape())
                : GraphRecorder.record("roll", new Tensor(handle.roll(shifts, dims)), this, shifts, dims);
    }

    public Tensor flip(long... dims) {
        return GraphRecorder.record("flip", new Tensor(handle.flip(dims)), this, dims);
    }

    public List<Tensor> unbind(int dim) {
        return GraphRecorder.record("unbind", Operator.list(handle.unbind(dim)), this, dim);
    }

    /** {@code parts} pieces along a dimension, equal if that divides it. */
    public List<Tensor> chunk(int parts, int dim) {
        return GraphRecorder.record("chunk", Operator.list(handle.chunk(parts, dim)), this, parts, dim);
    }

    // -------------------------------------------------------------------------------------------------- in place

    /** Adds a number to every element. */
    public Tensor plusInPlace(double y) {
        handle.add_(new Scalar(y));
        return GraphRecorder.overwrite("add", this, y);
    }

    public Tensor plusInPlace(Tensor y) {
        handle.add_(y.handle);
        return GraphRecorder.overwrite("add", this, y);
    }

    /** {@code this + factor · y}. */
    public Tensor plusInPlace(Tensor y, double factor) {
        handle.add_(y.handle, new Scalar(factor));
        return this;
    }

    public Tensor timesInPlace(double y) {
        handle.mul_(new Scalar(y));
        return GraphRecorder.overwrite("mul", this, y);
    }

    public Tensor timesInPlace(Tensor y) {
        handle.mul_(y.handle);
        return GraphRecorder.overwrite("mul", this, y);
    }

    /** {@code this + weight · (y − this)}. */
    public Tensor lerpInPlace(Tensor y, double weight) {
        handle.lerp_(y.handle, new Scalar(weight));
        return this;
    }

    public Tensor copyInPlace(Tensor y) {
        handle.copy_(y.handle);
        return this;
    }

    public Tensor fillInPlace(double value) {
        handle.fill_(new Scalar(value));
        return this;
    }

    /** Replaces the elements by samples of a normal distribution. */
    public Tensor normalInPlace(double mean, double std) {
        handle.normal_(mean, std, new org.bytedeco.pytorch.GeneratorOptional());
        return this;
    }

    /** Replaces the elements by samples of the uniform distribution over [low, high). */
    public Tensor uniformInPlace(double low, double high) {
        handle.uniform_(low, high, new org.bytedeco.pytorch.GeneratorOptional());
        return this;
    }

    /** Replaces the elements by 1 with that probability, else 0. */
    public Tensor bernoulliInPlace(double probability) {
        handle.bernoulli_(probability, new org.bytedeco.pytorch.GeneratorOptional());
        return this;
    }

    /** Replaces each element by its inverse error function. */
    public Tensor inverseErrorFunctionInPlace() {
        handle.erfinv_();
        return this;
    }

    public Tensor clampInPlace(double low, double high) {
        handle.clamp_(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high)));
        return this;
    }

    // --------------------------------------------------------------------------------------------------- gradient

    /** Says whether gradients of this leaf are wanted. */
    public Tensor requireGradient(boolean wanted) {
        handle.set_requires_grad(wanted);
        return this;
    }

    public boolean requiresGradient() {
        return handle.requires_grad();
    }

    /** A tensor of the same values, cut off from what is recorded. */
    public Tensor detach() {
        return GraphRecorder.record("alias", new Tensor(handle.detach()), this);
    }

    /** Adds the gradient of this scalar to every leaf that it depends on. */
    public void backward() {
        handle.backward();
    }

    /** Adds the gradient of {@code ⟨this, outer⟩} to every leaf that it depends on. */
    public void backward(Tensor outer) {
        handle.backward(outer.handle, new BoolOptional(), false, new TensorArrayRefOptional());
    }

    /** Returns whether a backward pass has reached this leaf. */
    public boolean hasGradient() {
        return Frame.compute(() -> handle.grad().defined());
    }

    /** The gradient of this leaf. */
    public Tensor gradient() {
        var gradient = new Tensor(handle.grad());
        if (!gradient.handle.defined()) {
            throw new IllegalStateException("no backward pass has reached this tensor");
        }
        return gradient;
    }

    /** Adds to the gradient of this leaf, as a backward pass does. */
    void addGradient(Tensor gradient) {
        Frame.run(() -> {
            var present = handle.mutable_grad();
            if (present.defined()) {
                present.add_(gradient.handle);
            } else {
                present.put(gradient.handle);
            }
        });
    }

    /** Forgets the gradient of this leaf. */
    public void clearGradient() {
        Frame.run(() -> handle.mutable_grad().reset());
    }

    // ------------------------------------------------------------------------------------------------------ life

    /** Keeps this tensor alive outside every frame, as a parameter must be, until {@link #release}. */
    public Tensor keep() {
        handle.retainReference();
        return this;
    }

    /** Gives back what {@link #keep} held. */
    public void release() {
        handle.releaseReference();
    }

    /** The address of the first element, to tell whether two tensors share memory. */
    long address() {
        Pointer data = handle.data_ptr();
        return data.address();
    }

    @Override
    public String toString() {
        return dtype() + Arrays.toString(shape()) + (device().equals(Device.CPU) ? "" : " on " + device());
    }

    /** Throws unless the tensor has this many dimensions; {@code what} names it in the sentence. */
    public Tensor requireDims(int dims, String what) {
        VitrailException.require(
                dims() == dims, "%s needs %d dimensions, found the shape %s", what, dims, Arrays.toString(shape()));
        return this;
    }
}
