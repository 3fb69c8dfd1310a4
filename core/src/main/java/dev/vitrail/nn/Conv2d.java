package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** A convolution, {@code [B, in, H, W] → [B, out, H', W']}. */
public final class Conv2d extends Layer {
    /**
     * The numbers of a convolution.
     *
     * @param in channels
     * @param out channels
     * @param kernel rows, columns
     * @param stride rows, columns
     * @param padding zeros on either side: rows, columns
     * @param groups divides both channel counts
     * @param biased whether a bias is added
     */
    @SuppressWarnings("ArrayRecordComponent") // read once, by the constructor below
    public record Shape(long in, long out, long[] kernel, long[] stride, long[] padding, long groups, boolean biased) {
        public static Shape square(long in, long out, long kernel, long stride, long padding) {
            return new Shape(
                    in,
                    out,
                    new long[] {kernel, kernel},
                    new long[] {stride, stride},
                    new long[] {padding, padding},
                    1,
                    true);
        }

        public Shape withGroups(long groups) {
            return new Shape(in, out, kernel, stride, padding, groups, biased);
        }

        public Shape withoutBias() {
            return new Shape(in, out, kernel, stride, padding, groups, false);
        }

        /** Inputs that one output sums. */
        public long fanIn() {
            return in / groups * kernel[0] * kernel[1];
        }
    }

    private final Shape shape;
    private final Parameter weight;
    private final @Nullable Parameter bias;

    public Conv2d(Shape shape, Init weights, Init biases) {
        this.shape = shape;
        weight = parameter("weight", weights, shape.out, shape.in / shape.groups, shape.kernel[0], shape.kernel[1]);
        bias = shape.biased ? parameter("bias", biases, shape.out) : null;
    }

    /** A convolution with PyTorch's default initial values. */
    public Conv2d(Shape shape) {
        this(shape, Init.fanInUniform(shape.fanIn()), Init.fanInUniform(shape.fanIn()));
    }

    Shape shape() {
        return shape;
    }

    Parameter weight() {
        return weight;
    }

    @Nullable
    Tensor bias() {
        return bias == null ? null : bias.value();
    }

    @Override
    protected Tensor forward(Tensor x) {
        return Functional.conv2d(
                x, weight.value(), bias == null ? null : bias.value(), shape.stride, shape.padding, shape.groups);
    }
}
