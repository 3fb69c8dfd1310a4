package dev.vitrail.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * A convolution, its batch normalization, a sum with a shortcut and a ReLU in one pass over memory, by
 * oneDNN: for inference.
 *
 * <p>The normalization is folded into the convolution's weight and bias, which are then kept in the layout that oneDNN
 * reads. Both are made when first needed, and again when one of the tensors that they follow from, or the size of the
 * images, has changed. Safe for use by several threads, as long as none changes the weights.
 */
public final class FusedConvolution {
    /**
     * Running statistics and the trained factors and offsets of a batch normalization, {@code [out]} each.
     *
     * @param eps added to the variance
     */
    public record Normalization(Tensor mean, Tensor variance, Tensor weight, Tensor bias, double eps) {
        List<Tensor> tensors() {
            return List.of(mean, variance, weight, bias);
        }
    }

    /**
     * A tensor that is added to a convolution's result.
     *
     * @param tensor {@code [B, out, H', W']}, or null for none
     * @param overwritten whether the sum is written over the tensor where one pass computes it, which saves a copy; the
     *     tensor must not be used afterwards
     */
    public record Addend(@Nullable Tensor tensor, boolean overwritten) {
        /** Nothing is added. */
        public static final Addend NONE = new Addend(null, false);
    }

    private final long[] stride, padding;
    private final long groups;
    private @Nullable Folded folded;

    /** Weight and bias as oneDNN reads them, and what tells that they are still right. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Folded(Tensor weight, Tensor bias, List<Source> sources, long[] images, Window window) {
        boolean isOf(List<Tensor> tensors, Tensor x) {
            for (int i = 0; i < sources.size(); i++) {
                if (!sources.get(i).isOf(tensors.get(i))) {
                    return false;
                }
            }
            return Arrays.equals(images, x.shape());
        }
    }

    /** Arguments of the operators, made once. */
    private record Window(IValue padding, IValue stride, IValue groups) {
        static Window of(long[] padding, long[] stride, long groups) {
            return new Window(
                    Operator.constant(OneDnn.CONVOLVE.longs(3, padding)),
                    Operator.constant(OneDnn.CONVOLVE.longs(4, stride)),
                    Operator.constant(new IValue(groups)));
        }

        void release() {
            padding.releaseReference();
            stride.releaseReference();
            groups.releaseReference();
        }
    }

    private record Source(long address, long version) {
        static Source of(Tensor tensor) {
            return new Source(tensor.address(), tensor.handle._version());
        }

        boolean isOf(Tensor tensor) {
            return address == tensor.address() && version == tensor.handle._version();
        }
    }

    /** @param stride rows, columns; so is {@code padding}, with zeros on either side */
    public FusedConvolution(long[] stride, long[] padding, long groups) {
        this.stride = stride.clone();
        this.padding = padding.clone();
        this.groups = groups;
    }

    /**
     * Returns whether a convolution of {@code x} can be computed here: single precision, on a CPU with oneDNN, without
     * gradients.
     */
    public static boolean suits(Tensor x) {
        return Products.present().backend() == Products.Backend.ONEDNN
                && x.handle.is_cpu()
                && x.dtype() == DType.F32
                && !Gradients.recorded()
                && !GraphRecorder.follows(x)
                && !torch.is_autocast_enabled(torch.DeviceType.CPU)
                && Available.HERE;
    }

    /**
     * {@code relu(norm(conv(x)) + addend)}.
     *
     * @param x {@code [B, in, H, W]}
     * @param weight {@code [out, in / groups, kh, kw]}
     * @param bias {@code [out]}, the convolution's own
     * @param addend added to the normalized result
     * @param relu whether the result is cut below zero
     * @return {@code [B, out, H', W']}
     */
    public Tensor apply(
            Tensor x, Tensor weight, @Nullable Tensor bias, Normalization normalization, Addend addend, boolean relu) {
        var ready = of(x, weight, bias, normalization);
        var y = addend.tensor == null
                ? convolve(x, ready, relu)
                : addend.overwritten
                        ? convolveOnto(addend.tensor, x, ready, relu)
                        : convolveAndAdd(x, ready, addend.tensor, relu);
        FlopCounter.count(y.count() * (weight.count() / weight.size(0)), y.count());
        return y;
    }

    private Tensor convolve(Tensor x, Folded ready, boolean relu) {
        return OneDnn.CONVOLVE.call(
                new IValue(x.handle),
                new IValue(ready.weight.handle),
                new IValue(ready.bias.handle),
                ready.window.padding,
                ready.window.stride,
                OneDnn.DILATION,
                ready.window.groups,
                relu ? OneDnn.RELU : OneDnn.NO_FUNCTION,
                OneDnn.NO_FACTORS,
                OneDnn.NONE);
    }

    private Tensor convolveAndAdd(Tensor x, Folded ready, Tensor shortcut, boolean relu) {
        return sum(OneDnn.CONVOLVE_AND_ADD, x, shortcut, ready, relu);
    }

    private Tensor convolveOnto(Tensor shortcut, Tensor x, Folded ready, boolean relu) {
        return sum(OneDnn.CONVOLVE_ONTO, shortcut, x, ready, relu);
    }

    /** The two operators take input and shortcut in different orders. */
    private static Tensor sum(Operator operator, Tensor first, Tensor second, Folded ready, boolean relu) {
        return operator.call(
                new IValue(first.handle),
                new IValue(second.handle),
                new IValue(ready.weight.handle),
                new IValue(ready.bias.handle),
                ready.window.padding,
                ready.window.stride,
                OneDnn.DILATION,
                ready.window.groups,
                OneDnn.ADD,
                OneDnn.NONE,
                relu ? OneDnn.RELU : OneDnn.NONE,
                OneDnn.NO_FACTORS,
                OneDnn.NONE);
    }

    private synchronized Folded of(Tensor x, Tensor weight, @Nullable Tensor bias, Normalization normalization) {
        var sources = new ArrayList<>(normalization.tensors());
        sources.add(weight);
        if (bias != null) {
            sources.add(bias);
        }
        if (folded == null || !folded.isOf(sources, x)) {
            release();
            folded = fold(x, weight, bias, normalization, sources);
        }
        return folded;
    }

    private Folded fold(Tensor x, Tensor weight, @Nullable Tensor bias, Normalization n, List<Tensor> sources) {
        try (var frame = Frame.open()) {
            // In double precision, so that folding itself rounds once.
            var factor = n.weight
                    .to(DType.F64)
                    .dividedBy(n.variance.to(DType.F64).plus(n.eps).squareRoot());
            var centre = bias == null
                    ? n.mean.to(DType.F64).negated()
                    : bias.to(DType.F64).minus(n.mean.to(DType.F64));
            var offset = n.bias.to(DType.F64).plus(centre.times(factor)).to(DType.F32);
            var scaled = weight.to(DType.F64)
                    .times(factor.reshape(weight.size(0), 1, 1, 1))
                    .to(DType.F32);
            var op = OneDnn.LAY_OUT;
            var laidOut = op.call(
                    new IValue(scaled.handle),
                    op.longs(1, padding),
                    op.longs(2, stride),
                    op.longs(3, 1, 1),
                    new IValue(groups),
                    // An optional list of integers, whose elements are those of argument 1.
                    op.longs(1, x.shape()));
            return new Folded(
                    laidOut.keep(),
                    offset.keep(),
                    sources.stream().map(Source::of).toList(),
                    x.shape(),
                    Window.of(padding, stride, groups));
        }
    }

    /** Frees the folded weights; the next call makes them again. */
    public synchronized void release() {
        if (folded != null) {
            folded.weight.release();
            folded.bias.release();
            folded.window.release();
            folded = null;
        }
    }

    /** Apart, so that building a model and loading the natives, each on its thread, never wait for each other. */
    private static final class Available {
        static final boolean HERE = Operator.exists("mkldnn::_convolution_pointwise");
    }

    private static final class OneDnn {
        static final Operator LAY_OUT = Operator.of("mkldnn::_reorder_convolution_weight", "");
        static final Operator CONVOLVE = Operator.of("mkldnn::_convolution_pointwise", "");
        static final Operator CONVOLVE_AND_ADD = Operator.of("mkldnn::_convolution_pointwise", "binary");
        static final Operator CONVOLVE_ONTO = Operator.of("mkldnn::_convolution_pointwise_", "binary");
        static final IValue DILATION = Operator.constant(CONVOLVE.longs(5, 1, 1));
        static final IValue NO_FACTORS = Operator.constant(CONVOLVE.numbers(8));
        static final IValue NONE = Operator.constant(Operator.none());
        static final IValue NO_FUNCTION = Operator.constant(new IValue("none"));
        static final IValue RELU = Operator.constant(new IValue("relu"));
        static final IValue ADD = Operator.constant(new IValue("add"));
    }
}
