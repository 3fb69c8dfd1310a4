package dev.vitrail.engine;

import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Products of linear layers on the BLAS, spread over libtorch's own threads: every thread calls the BLAS for a
 * part of the rows, and the BLAS itself uses one thread. So there is one pool of threads, and no pool waits for
 * another (see docs/adr/0018).
 *
 * <p>libtorch offers such a loop in its convolution by unfolding ({@code slow_conv2d}): over the images of a batch, one
 * product of the BLAS each. Parts of the rows are therefore laid out as images whose pixels are the rows, channels
 * last; the numbers in memory are the same, so nothing is copied. The gradient of the input is the same loop.
 */
final class BlasProducts {
    /**
     * Multiplications below which sharing a product costs more than it saves, without and with a
     * backward pass: measured.
     */
    private static final long LEAST_SHARED = 2 << 20, LEAST_SHARED_IN_TRAINING = 16 << 20;

    /** Rows, or columns, that a thread takes at least. */
    private static final int LEAST_PART = 16;

    /** Channels that oneDNN reads as they are, without a layout of its own. */
    private static final int FEW_CHANNELS = 4;

    /** Channels that oneDNN lays side by side where it has no newer instructions than AVX. */
    private static final int VECTOR = 8;

    /** Rows of a result that a thread takes at least of one image. */
    private static final int LEAST_STRIP = 3;

    private BlasProducts() {}

    /** Returns whether a product is worth sharing between {@code threads} threads. */
    static boolean shares(long rows, long in, long out, boolean recorded, int threads) {
        return rows * in * out >= (recorded ? LEAST_SHARED_IN_TRAINING : LEAST_SHARED) && parts(rows, threads) > 1;
    }

    private static long parts(long size, int threads) {
        return Math.max(1, Math.min(threads, size / LEAST_PART));
    }

    /**
     * {@code x · weightᵀ + bias}.
     *
     * @param x {@code […, in]}, F32 on a CPU
     * @param weight {@code [out, in]}
     * @param bias {@code [out]}
     * @return {@code […, out]}
     */
    static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
        long in = weight.size(1), out = weight.size(0), rows = x.count() / in;
        var late = WeightGradients.taking(x, weight, bias);
        var y = shared(x.reshape(rows, in), late == null ? weight : weight.detach(), bias);
        if (late != null) {
            late.add(x, weight, y);
        }
        var shape = x.shape();
        shape[shape.length - 1] = out;
        return (y.size(0) == rows ? y : y.narrow(0, 0, rows)).reshape(shape);
    }

    /** The rows filled up to a multiple of the parts: {@code [rows', out]}. */
    private static Tensor shared(Tensor x, Tensor weight, @Nullable Tensor bias) {
        long in = weight.size(1), out = weight.size(0), parts = parts(x.size(0), torch.get_num_threads());
        long missing = Math.floorMod(-x.size(0), parts);
        var filled = missing == 0 ? x : Functional.pad(x, 0, 0, 0, 0, missing);
        long rows = filled.size(0);
        var pixels = filled.handle.reshape(parts, rows / parts, 1, in).permute(0, 3, 1, 2);
        var y = torch.thnn_conv2d(
                pixels,
                weight.handle.reshape(out, in, 1, 1),
                new long[] {1, 1},
                Functional.optional(bias),
                new long[] {1, 1},
                0,
                0);
        return new Tensor(y.permute(0, 2, 3, 1).reshape(rows, out));
    }

    /**
     * Returns whether a convolution of one group is computed by unfolding and the BLAS. In inference that is faster
     * than oneDNN without its newer instructions, except over the overlapping windows of a few channels, as in stems.
     * In training it is taken where channels fill no vector: oneDNN pads them, and where caches are hidden it leaves in
     * the padding what the memory held before (see docs/adr/0018).
     */
    static boolean suitsConvolution(Tensor x, Tensor weight, long[] stride) {
        if (Products.present().backend() != Products.Backend.BLAS
                || !x.handle.is_cpu()
                || x.dtype() != DType.F32
                || torch.is_autocast_enabled(torch.DeviceType.CPU)) {
            return false;
        }
        long in = weight.size(1), out = weight.size(0);
        boolean few = in <= FEW_CHANNELS;
        if (Gradients.recorded()) {
            return !few && (in % VECTOR != 0 || out % VECTOR != 0);
        }
        return !few || stride[0] >= weight.size(2) && stride[1] >= weight.size(3);
    }

    /**
     * A convolution of one group; arguments as {@link Functional#conv2d}'s. In inference, fewer images than threads are
     * cut into strips of rows, which count as images.
     */
    static Tensor convolution(Tensor x, Tensor weight, @Nullable Tensor bias, long[] stride, long[] padding) {
        long rows = (x.size(2) + 2 * padding[0] - weight.size(2)) / stride[0] + 1;
        long strips = Math.min(torch.get_num_threads() / x.size(0), rows / LEAST_STRIP);
        return strips > 1 && !Gradients.recorded()
                ? inStrips(x, weight, bias, stride, padding, rows, strips)
                : unfolded(x, weight, bias, stride, padding);
    }

    private static Tensor unfolded(Tensor x, Tensor weight, @Nullable Tensor bias, long[] stride, long[] padding) {
        // Its backward pass gives the weight's gradient the input's layout, and computes it with
        // the channels first alone.
        boolean trains = Gradients.recorded();
        return new Tensor(torch.thnn_conv2d(
                trains ? x.handle.contiguous() : x.handle,
                trains ? weight.handle.contiguous() : weight.handle,
                new long[] {weight.size(2), weight.size(3)},
                Functional.optional(bias),
                stride,
                padding));
    }

    /** @param rows of the result */
    private static Tensor inStrips(
            Tensor x, Tensor weight, @Nullable Tensor bias, long[] stride, long[] padding, long rows, long strips) {
        long images = x.size(0), in = x.size(1), out = weight.size(0), kernel = weight.size(2);
        long each = (rows + strips - 1) / strips;
        long height = (each - 1) * stride[0] + kernel;
        // The last strip may reach below the padding, or leave rows that no window reaches.
        long below = (strips - 1) * each * stride[0] + height - x.size(2) - padding[0];
        var padded = Functional.pad(x, 0, padding[1], padding[1], padding[0], below);
        long width = padded.size(3);
        var cut = padded.handle
                .unfold(2, height, each * stride[0]) // [images, in, strips, width, height]
                .permute(0, 2, 1, 4, 3)
                .reshape(images * strips, in, height, width);
        var y = unfolded(new Tensor(cut), weight, bias, stride, new long[] {0, 0});
        return y.reshape(images, strips, out, each, y.size(3))
                .permute(0, 2, 1, 3, 4)
                .reshape(images, out, strips * each, y.size(3))
                .narrow(2, 0, rows)
                .contiguous();
    }

    /**
     * The gradient of a weight, {@code gradientᵀ · x}. Threads take parts of the columns of the narrower operand.
     *
     * @param gradient of the result, {@code [rows', out]}; rows beyond those of {@code x} are left out
     * @param x {@code [rows, in]}
     * @return {@code [out, in]}
     */
    static Tensor weightGradient(Tensor gradient, Tensor x) {
        long rows = x.size(0);
        var used = gradient.narrow(0, 0, rows);
        long in = x.size(1), out = used.size(1), parts = parts(Math.min(in, out), torch.get_num_threads());
        if (parts == 1 || rows * in * out < LEAST_SHARED) {
            return new Tensor(used.handle.t().matmul(x.handle));
        }
        return in <= out
                ? transposedProduct(used, x, parts)
                : transposedProduct(x, used, parts).transpose(0, 1).contiguous();
    }

    /** {@code aᵀ · b}, the columns of {@code b} in parts: {@code [rows, n], [rows, m] → [n, m]}. */
    private static Tensor transposedProduct(Tensor a, Tensor b, long parts) {
        long rows = a.size(0), n = a.size(1), m = b.size(1), missing = Math.floorMod(-m, parts);
        var filled = missing == 0 ? b : Functional.pad(b, 0, 0, missing);
        long part = (m + missing) / parts;
        // The gradient of an input of a 1×1 convolution whose weight is a: one image for each part.
        var images = filled.reshape(rows, parts, part).permute(1, 0, 2).contiguous();
        var product = Backward.INPUT.call(
                new IValue(images.reshape(parts, rows, 1, part).handle),
                new IValue(Tensor.empty(DType.F32, Device.CPU, parts, n, 1, part).handle),
                new IValue(a.contiguous().reshape(rows, n, 1, 1).handle),
                Backward.INPUT.longs(3, 1, 1),
                Backward.INPUT.longs(4, 1, 1),
                Backward.INPUT.longs(5, 0, 0),
                Backward.INPUT.booleans(6, true, false, false));
        return product.reshape(parts, n, part)
                .permute(1, 0, 2)
                .reshape(n, m + missing)
                .narrow(1, 0, m)
                .contiguous();
    }

    /** Looked up when first needed. */
    private static final class Backward {
        static final Operator INPUT = Operator.of("aten::_slow_conv2d_backward", "output_mask");
    }
}
