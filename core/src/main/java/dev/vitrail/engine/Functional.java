package dev.vitrail.engine;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The layers of networks as functions, each the fastest exact kernel that libtorch has for them.
 *
 * <p>Operands that may be absent, such as a bias, are {@code null} when they are.
 */
public final class Functional {
    /** Elements of a loss stay as they are ({@code at::Reduction::None}). */
    private static final int UNREDUCED = 0;

    private Functional() {}

    /**
     * {@code x · weightᵀ + bias} over the last dimension, by the fastest right way ({@link LinearKernel}).
     *
     * @param x {@code […, in]}
     * @param weight {@code [out, in]}
     * @param bias {@code [out]}
     * @return {@code […, out]}
     */
    public static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
        return linear(x, weight.size(1), weight.size(0), () -> weight, bias, Optional.empty());
    }

    /**
     * {@code x · weightᵀ + bias} with a layer's own weight, whose layout for inference is kept in {@code packed}: where
     * no gradients are recorded, the weight need not be laid out at every call.
     */
    public static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias, PackedWeight packed) {
        return linear(x, weight.size(1), weight.size(0), () -> weight, bias, Optional.of(() -> packed.layOut(weight)));
    }

    /**
     * {@code x · weightᵀ + bias} with a weight that is requested only in the form that the product reads.
     *
     * @param weight gives {@code [out, in]}
     * @param laidOut gives the same from {@link PackedWeight#layOut}; empty where it cannot be laid out
     */
    public static Tensor linear(
            Tensor x,
            long in,
            long out,
            Supplier<Tensor> weight,
            @Nullable Tensor bias,
            Optional<Supplier<Tensor>> laidOut) {
        long rows = in == 0 ? 0 : x.count() / in;
        boolean cpu = x.handle.is_cpu();
        var product = new LinearKernel.Product(
                rows,
                in,
                out,
                cpu && x.dtype() == DType.F32,
                cpu && torch.is_autocast_enabled(torch.DeviceType.CPU),
                Gradients.recorded(),
                laidOut.isPresent() && PackedWeight.available());
        if (GraphRecorder.follows(x)) {
            var matrix = weight.get();
            return GraphRecorder.record("linear", plain(x, matrix, bias), x, matrix, bias);
        }
        var kernel = LinearKernel.of(product, Products.present(), torch.get_num_threads());
        FlopCounter.count(kernel, rows * in * out, rows * out);
        return kernel == LinearKernel.PACKED
                ? PackedWeight.product(x, laidOut.orElseThrow().get(), in, out, bias)
                : linear(kernel, x, weight.get(), bias, Optional.empty());
    }

    /** {@code x · weightᵀ + bias} in a way of the caller's choice, right or not on this machine: for measurements. */
    public static Tensor linear(
            LinearKernel kernel, Tensor x, Tensor weight, @Nullable Tensor bias, Optional<PackedWeight> packed) {
        return switch (kernel) {
            case PLAIN -> plain(x, weight, bias);
            case BLAS -> BlasProducts.linear(x, weight, bias);
            case CONVOLUTION -> convolution(x, weight, bias);
            case PACKED ->
                PackedWeight.product(x, packed.orElseThrow().layOut(weight), weight.size(1), weight.size(0), bias);
        };
    }

    /**
     * libtorch's own. Of more than two dimensions it takes one or another product, as they lie in memory, whose last
     * digits differ: it is given two.
     */
    private static Tensor plain(Tensor x, Tensor weight, @Nullable Tensor bias) {
        var shape = x.shape();
        long in = weight.size(1);
        if (shape.length <= 2 || in == 0) {
            return new Tensor(torch.linear(x.handle, weight.handle, optional(bias)));
        }
        shape[shape.length - 1] = weight.size(0);
        return new Tensor(torch.linear(x.handle.reshape(-1, in), weight.handle, optional(bias))
                .reshape(shape));
    }

    /**
     * A linear layer as a 1×1 convolution over rows that are laid out as pixels, channels last. The numbers in memory
     * are the same, but the product goes to oneDNN, forwards and backwards, instead of to the BLAS.
     */
    private static Tensor convolution(Tensor x, Tensor weight, @Nullable Tensor bias) {
        long in = weight.size(1), out = weight.size(0), rows = x.count() / in;
        var pixels = x.handle.reshape(1, rows, 1, in).permute(0, 3, 1, 2);
        var y = torch.conv2d(
                pixels,
                weight.handle.reshape(out, in, 1, 1),
                optional(bias),
                new long[] {1, 1},
                new long[] {0, 0},
                new long[] {1, 1},
                1);
        var shape = x.shape();
        shape[shape.length - 1] = out;
        return new Tensor(y.permute(0, 2, 3, 1).reshape(shape));
    }

    /**
     * A convolution over images.
     *
     * @param x {@code [B, in, H, W]}
     * @param weight {@code [out, in / groups, kh, kw]}
     * @param bias {@code [out]}
     * @param stride rows, columns
     * @param padding rows, columns of zeros on either side
     * @return {@code [B, out, H', W']}
     */
    public static Tensor conv2d(
            Tensor x, Tensor weight, @Nullable Tensor bias, long[] stride, long[] padding, long groups) {
        Tensor y;
        if (x.handle.is_meta()) {
            y = Tensor.empty(x.dtype(), Device.META, convolvedShape(x, weight, stride, padding));
        } else if (BlasProducts.suitsConvolution(x, weight, stride) && groups == 1) {
            y = BlasProducts.convolution(x, weight, bias, stride, padding);
        } else {
            y = new Tensor(
                    torch.conv2d(x.handle, weight.handle, optional(bias), stride, padding, new long[] {1, 1}, groups));
        }
        FlopCounter.count(y.count() * (weight.count() / weight.size(0)), y.count());
        return GraphRecorder.record("conv2d", y, x, weight, bias, stride, padding, groups);
    }

    /** Shape of a convolution's output, {@code [B, out, H, W]}; libtorch's own cannot tell it without storage. */
    private static long[] convolvedShape(Tensor x, Tensor weight, long[] stride, long[] padding) {
        long rows = convolved(x.size(2), weight.size(2), stride[0], padding[0]);
        long columns = convolved(x.size(3), weight.size(3), stride[1], padding[1]);
        return new long[] {x.size(0), weight.size(0), rows, columns};
    }

    /** Positions of a window along a side. */
    private static long convolved(long side, long kernel, long stride, long padding) {
        return (side + 2 * padding - kernel) / stride + 1;
    }

    /** A tensor of the same shape without storage: some operators of libtorch fail on the device META. */
    private static Tensor like(Tensor x) {
        return Tensor.empty(x.dtype(), Device.META, x.shape());
    }

    /**
     * A factor for each channel: a depthwise 1×1 convolution of tokens.
     *
     * @param x {@code […, C]}
     * @param weight C factors, of any shape
     */
    public static Tensor scaleChannels(Tensor x, Tensor weight) {
        FlopCounter.count(x.count(), x.count());
        return x.times(weight.reshape(weight.count()));
    }

    /** Layer normalisation over the last dimension (Ba et al., 2016, arXiv:1607.06450). */
    public static Tensor layerNorm(Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
        if (x.handle.is_meta()) {
            return like(x);
        }
        return GraphRecorder.record(
                "layer_norm",
                new Tensor(torch.layer_norm(
                        x.handle, new long[] {x.size(-1)}, optional(weight), optional(bias), eps, true)),
                x,
                weight,
                bias,
                eps);
    }

    /**
     * Group normalisation (Wu and He, 2018, arXiv:1803.08494).
     *
     * @param x {@code [B, C, H, W]}; {@code groups} divides C
     */
    public static Tensor groupNorm(Tensor x, long groups, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
        if (x.handle.is_meta()) {
            return like(x);
        }
        return GraphRecorder.record(
                "group_norm",
                new Tensor(torch.group_norm(x.handle, groups, optional(weight), optional(bias), eps, true)),
                x,
                groups,
                weight,
                bias,
                eps);
    }

    /**
     * Batch normalisation (Ioffe and Szegedy, 2015, arXiv:1502.03167).
     *
     * @param x {@code [B, C, H, W]}
     * @param mean running mean, updated when {@code training}
     * @param variance running variance, updated when {@code training}
     * @param momentum weight of the new batch in the running statistics
     */
    public static Tensor batchNorm(
            Tensor x,
            @Nullable Tensor weight,
            @Nullable Tensor bias,
            @Nullable Tensor mean,
            @Nullable Tensor variance,
            boolean training,
            double momentum,
            double eps) {
        if (x.handle.is_meta()) {
            return like(x);
        }
        return GraphRecorder.record(
                "batch_norm",
                new Tensor(torch.batch_norm(
                        x.handle,
                        optional(weight),
                        optional(bias),
                        optional(mean),
                        optional(variance),
                        training,
                        momentum,
                        eps,
                        false)),
                x,
                weight,
                bias,
                mean,
                variance,
                training,
                eps);
    }

    /**
     * Scaled dot-product attention by the fused kernel: {@code softmax(scale · q·kᵀ + mask) · v}.
     *
     * <p>In half precision on a CPU it is computed step by step while gradients are recorded, since the fused kernel's
     * backward pass does without oneDNN there: a training step of ViT-Ti took 1306 ms with it and 298 ms without, on a
     * CPU with AMX.
     *
     * @param q {@code [B, h, N, d]}
     * @param k {@code [B, h, M, d]}
     * @param v {@code [B, h, M, d]}
     * @param mask added before the softmax, broadcast to {@code [B, h, N, M]}
     * @param dropout probability that an attention weight is dropped
     * @param scale usually {@code 1/√d}
     * @return {@code [B, h, N, d]}
     */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, double dropout, double scale) {
        long queries = q.count() / q.size(-1), scores = queries * k.size(-2);
        FlopCounter.count(scores * (q.size(-1) + v.size(-1)), scores + queries * v.size(-1));
        if (q.handle.is_meta()) {
            return Tensor.empty(q.dtype(), Device.META, q.size(0), q.size(1), q.size(2), v.size(3));
        }
        if (Gradients.recorded() && isHalfOnCpu(q)
                || dropout > 0 && SharedBatch.current().isPresent()) {
            var weights = attentionWeights(q, k, mask, scale);
            return new Tensor((dropout > 0 ? dropout(weights, dropout) : weights).handle.matmul(v.handle));
        }
        return GraphRecorder.record(
                "attention",
                new Tensor(torch.scaled_dot_product_attention(
                        q.handle,
                        k.handle,
                        v.handle,
                        optional(mask),
                        dropout,
                        false,
                        new DoubleOptional(scale),
                        false)),
                q,
                k,
                v,
                mask,
                scale);
    }

    /**
     * {@code softmax(scale · q·kᵀ + mask)}: how much each query takes from each value.
     *
     * @param q {@code [B, h, N, d]}
     * @param k {@code [B, h, M, d]}
     * @param mask added before the softmax, broadcast to {@code [B, h, N, M]}
     * @return {@code [B, h, N, M]}
     */
    public static Tensor attentionWeights(Tensor q, Tensor k, @Nullable Tensor mask, double scale) {
        var scores = q.handle.mul(new Scalar(scale)).matmul(k.handle.transpose(-2, -1));
        return GraphRecorder.record(
                "attention_weights",
                new Tensor(torch.softmax(mask == null ? scores : scores.add(mask.handle), -1)),
                q,
                k,
                mask,
                scale);
    }

    private static boolean isHalfOnCpu(Tensor x) {
        return x.handle.is_cpu() && (x.dtype() == DType.BF16 || torch.is_autocast_enabled(torch.DeviceType.CPU));
    }

    /** {@code x · Φ(x)} with the exact error function (Hendrycks and Gimpel, 2016, arXiv:1606.08415). */
    public static Tensor gelu(Tensor x) {
        return GraphRecorder.record("gelu", new Tensor(torch.gelu(x.handle)), x, "none");
    }

    /** GELU by its tanh approximation, as Flax and SigLIP have it. */
    public static Tensor geluTanh(Tensor x) {
        return GraphRecorder.record("gelu", new Tensor(torch.gelu(x.handle, "tanh")), x, "tanh");
    }

    /** The exact GELU, written over its input. */
    public static Tensor geluInPlace(Tensor x) {
        // What the binding returns does not own its tensor, and would dangle outside the frame of x.
        torch.gelu_(x.handle, "none");
        return GraphRecorder.overwrite("gelu", x, "none");
    }

    /** The tanh GELU, written over its input. */
    public static Tensor geluTanhInPlace(Tensor x) {
        torch.gelu_(x.handle, "tanh");
        return GraphRecorder.overwrite("gelu", x, "tanh");
    }

    public static Tensor relu(Tensor x) {
        return x.handle.is_meta() ? like(x) : GraphRecorder.record("relu", new Tensor(torch.relu(x.handle)), x);
    }

    public static Tensor reluInPlace(Tensor x) {
        if (!x.handle.is_meta()) {
            torch.relu_(x.handle);
        }
        return GraphRecorder.overwrite("relu", x);
    }

    /** {@code x · sigmoid(x)}. */
    public static Tensor silu(Tensor x) {
        return GraphRecorder.record("silu", new Tensor(torch.silu(x.handle)), x);
    }

    public static Tensor sigmoid(Tensor x) {
        return GraphRecorder.record("sigmoid", new Tensor(torch.sigmoid(x.handle)), x);
    }

    public static Tensor tanh(Tensor x) {
        return GraphRecorder.record("tanh", new Tensor(torch.tanh(x.handle)), x);
    }

    public static Tensor softmax(Tensor x, int dim) {
        return GraphRecorder.record("softmax", new Tensor(torch.softmax(x.handle, dim)), x, dim);
    }

    public static Tensor logSoftmax(Tensor x, int dim) {
        return GraphRecorder.record("log_softmax", new Tensor(torch.log_softmax(x.handle, dim)), x, dim);
    }

    /** {@code log(sigmoid(x))}, without overflow. */
    public static Tensor logSigmoid(Tensor x) {
        return new Tensor(torch.log_sigmoid(x.handle));
    }

    /**
     * Zeroes elements with that probability and divides the others by its complement.
     *
     * @param probability in [0, 1)
     */
    public static Tensor dropout(Tensor x, double probability) {
        if (SharedBatch.current().isPresent()) {
            double keep = 1 - probability;
            var mask = SharedBatch.bernoulli(keep, x.device(), x.shape());
            return x.times(mask.timesInPlace(1 / keep).to(x.dtype()));
        }
        return new Tensor(torch.dropout(x.handle, probability, true));
    }

    /**
     * The overlapping windows of an image as columns (the soft split of T2T-ViT).
     *
     * @param x {@code [B, C, H, W]}
     * @return {@code [B, C·kernel², L]}, a column for each of the L positions of the window
     */
    public static Tensor unfold(Tensor x, long kernel, long stride, long padding) {
        if (x.handle.is_meta()) {
            long rows = convolved(x.size(2), kernel, stride, padding);
            long columns = convolved(x.size(3), kernel, stride, padding);
            return Tensor.empty(x.dtype(), Device.META, x.size(0), x.size(1) * kernel * kernel, rows * columns);
        }
        return GraphRecorder.record(
                "unfold",
                new Tensor(torch.im2col(
                        x.handle,
                        new long[] {kernel, kernel},
                        new long[] {1, 1},
                        new long[] {padding, padding},
                        stride,
                        stride)),
                x,
                kernel,
                stride,
                padding);
    }

    /**
     * Pads the last dimensions with a value.
     *
     * @param amounts before and after, of the last dimension, then of the one before it, and so on
     */
    public static Tensor pad(Tensor x, double value, long... amounts) {
        return GraphRecorder.record(
                "pad", new Tensor(torch.constant_pad_nd(x.handle, amounts, new Scalar(value))), x, amounts, value);
    }

    /** The largest of each window. */
    public static Tensor maxPool2d(Tensor x, long kernel, long stride, long padding) {
        return GraphRecorder.record(
                "max_pool2d",
                new Tensor(torch.max_pool2d(
                        x.handle,
                        new long[] {kernel, kernel},
                        new long[] {stride, stride},
                        new long[] {padding, padding},
                        new long[] {1, 1},
                        false)),
                x,
                kernel,
                stride,
                padding);
    }

    /**
     * The mean of each window.
     *
     * @param ceil whether an incomplete window at the border counts
     * @param countPadding whether the padding counts in the mean
     */
    public static Tensor averagePool2d(
            Tensor x, long kernel, long stride, long padding, boolean ceil, boolean countPadding) {
        return GraphRecorder.record(
                "avg_pool2d",
                new Tensor(torch.avg_pool2d(
                        x.handle,
                        new long[] {kernel, kernel},
                        new long[] {stride, stride},
                        new long[] {padding, padding},
                        ceil,
                        countPadding,
                        new LongOptional())),
                x,
                kernel,
                stride,
                padding,
                ceil,
                countPadding);
    }

    /** Interpolation of {@link #resize}. */
    public enum Resize {
        BILINEAR,
        BICUBIC
    }

    private static final class Upsampling {
        static final Operator BICUBIC_AA = Operator.of("aten::_upsample_bicubic2d_aa", "");
        static final Operator BILINEAR_AA = Operator.of("aten::_upsample_bilinear2d_aa", "");
    }

    /**
     * Resizes feature maps, with pixel centres at halves (PyTorch's {@code align_corners=False}).
     *
     * @param x {@code [B, C, H, W]}
     * @param antialias whether a reduction weighs all pixels that it covers
     * @return {@code [B, C, height, width]}
     */
    public static Tensor resize(Tensor x, long height, long width, Resize how, boolean antialias) {
        var size = new long[] {height, width};
        if (antialias) {
            var operator = how == Resize.BICUBIC ? Upsampling.BICUBIC_AA : Upsampling.BILINEAR_AA;
            return GraphRecorder.record(
                    "resize",
                    operator.call(
                            new IValue(x.handle),
                            operator.longs(1, size),
                            new IValue(false),
                            Operator.none(),
                            Operator.none()),
                    x,
                    size,
                    how.name(),
                    true);
        }
        return GraphRecorder.record(
                "resize",
                new Tensor(
                        how == Resize.BICUBIC
                                ? torch.upsample_bicubic2d(x.handle, size, false)
                                : torch.upsample_bilinear2d(x.handle, size, false)),
                x,
                size,
                how.name(),
                false);
    }

    /**
     * The mean cross entropy of logits against classes.
     *
     * @param logits {@code [B, K]}
     * @param target {@code [B]} I64, or {@code [B, K]} probabilities
     * @param smoothing share of the target spread evenly over all classes
     */
    public static Tensor crossEntropy(Tensor logits, Tensor target, double smoothing) {
        return crossEntropy(logits, target, smoothing, null);
    }

    /**
     * The weighted mean cross entropy of logits against classes: the mean is over the weights of the targets' classes;
     * with probabilities as targets, over images.
     *
     * @param weights {@code [K]}
     */
    public static Tensor crossEntropy(Tensor logits, Tensor target, double smoothing, @Nullable Tensor weights) {
        return new Tensor(
                torch.cross_entropy_loss(logits.handle, target.handle, optional(weights), 1, -100, smoothing));
    }

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
                logits.handle, target.handle, new TensorOptional(), optional(positiveWeight), UNREDUCED));
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

    /** Scales all gradients of {@code parameters} together to at most {@code limit}; gives their norm before. */
    public static double clipGradientNorm(List<Tensor> parameters, double limit) {
        return Frame.compute(() -> torch.clip_grad_norm_(Operator.vector(parameters), limit, 2.0, false));
    }

    /** The mean over all images and positions, {@code [B, C, H, W] → [B, C]}. */
    public static Tensor globalAverage(Tensor x) {
        return GraphRecorder.record(
                "mean",
                new Tensor(x.handle.mean(new long[] {2, 3}, false, new ScalarTypeOptional())),
                x,
                new long[] {2, 3},
                false);
    }

    static TensorOptional optional(@Nullable Tensor tensor) {
        return tensor == null ? new TensorOptional() : new TensorOptional(tensor.handle);
    }
}
