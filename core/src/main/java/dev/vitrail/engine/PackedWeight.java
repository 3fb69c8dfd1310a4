package dev.vitrail.engine;

import org.bytedeco.pytorch.IValue;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer's weight as oneDNN's product reads it, laid out once instead of at every call: for inference.
 *
 * <p>The layout is made when a product first needs it, and again when the weight has changed since. Beside the weight
 * it is a second copy; a model that only predicts keeps the layout alone, and restores the weight where it is asked
 * for. What the layout saves is most where rows are few: a product of 197 rows (ViT-B, one image) takes two thirds of
 * the time, one of a single row a sixth (measured; see docs/adr). Safe for use by several threads, as long as none
 * changes the weight.
 */
public final class PackedWeight {
    /**
     * Rows are filled up to a multiple of this. A ViT's 197 tokens suit oneDNN badly: a product of 200 rows takes a
     * fifth less time (measured; see docs/adr).
     */
    private static final int ROWS_AT_ONCE = 4;

    /** Rows between which that is so, and multiplications up to which it is: measured. */
    private static final int FEWEST_FILLED = 193, MOST_FILLED = 256;

    private static final long LARGE = 200L << 20;

    /** Returns whether this libtorch has oneDNN's product. */
    static boolean available() {
        return OneDnn.IS_THERE;
    }

    /** Apart, so that building a model and loading the natives, each on its thread, never wait for each other. */
    private static final class OneDnn {
        static final boolean IS_THERE = Operator.exists("mkldnn::_linear_pointwise");
    }

    private @Nullable Layout layout;

    /** The weight laid out, and what tells that the weight is still the one that was. */
    private record Layout(Tensor weight, long address, long version) {
        boolean isOf(Tensor original) {
            return address == original.address() && version == original.handle._version();
        }
    }

    /**
     * {@code x · weightᵀ + bias}.
     *
     * @param x {@code […, in]}
     * @param laidOut the weight {@code [out, in]} as {@link #layOut} gave it
     * @param bias {@code [out]}
     */
    static Tensor product(Tensor x, Tensor laidOut, long in, long out, @Nullable Tensor bias) {
        long rows = x.count() / in, missing = Math.floorMod(-rows, ROWS_AT_ONCE);
        boolean suits = missing == 0 || rows < FEWEST_FILLED || rows > MOST_FILLED || rows * in * out > LARGE;
        if (suits) {
            return Product.of(x, laidOut, bias);
        }
        var shape = x.shape();
        shape[shape.length - 1] = out;
        return Frame.of(() -> {
            var filled = Functional.pad(x.reshape(rows, in), 0, 0, 0, 0, missing);
            return Product.of(filled, laidOut, bias).narrow(0, 0, rows).reshape(shape);
        });
    }

    /**
     * Lays the weight out, unless that is done.
     *
     * @return the weight in oneDNN's layout, which only its product reads; not to be released
     */
    public synchronized Tensor layOut(Tensor weight) {
        if (layout == null || !layout.isOf(weight)) {
            release();
            var laidOut = Frame.of(() -> Product.layOut(weight)).keep();
            layout = new Layout(laidOut, weight.address(), weight.handle._version());
        }
        return layout.weight;
    }

    /** The weight as it was laid out last, where its original is no more. */
    public synchronized Tensor laidOut() {
        return present().weight;
    }

    /**
     * The weight that was laid out, bit for bit: the layout moves values and changes none. The layout is
     * then this tensor's.
     *
     * @param shape of the weight
     */
    public synchronized Tensor restore(long... shape) {
        var laidOut = present().weight;
        var weight = new Tensor(laidOut.handle.to_dense()).reshape(shape).contiguous();
        layout = new Layout(laidOut, weight.address(), weight.handle._version());
        return weight;
    }

    private Layout present() {
        if (layout == null) {
            throw new IllegalStateException("no weight is laid out");
        }
        return layout;
    }

    /** Gives the memory back; the next product takes it again. */
    public synchronized void release() {
        if (layout != null) {
            layout.weight.release();
            layout = null;
        }
    }

    /** The operators of libtorch, looked up when first needed. */
    private static final class Product {
        private static final Operator LAY_OUT = Operator.of("mkldnn::_reorder_linear_weight", "");
        private static final Operator MULTIPLY = Operator.of("mkldnn::_linear_pointwise", "");
        private static final IValue NO_BIAS = Operator.constant(Operator.none());
        /** Nothing is applied to the result, by no factors. */
        private static final IValue NOTHING = Operator.constant(new IValue("none")),
                NO_FACTORS = Operator.constant(MULTIPLY.numbers(4)),
                NO_ALGORITHM = Operator.constant(new IValue(""));

        static Tensor layOut(Tensor weight) {
            return LAY_OUT.call(new IValue(weight.handle), Operator.none());
        }

        static Tensor of(Tensor x, Tensor weight, @Nullable Tensor bias) {
            return MULTIPLY.call(
                    new IValue(x.handle),
                    new IValue(weight.handle),
                    bias == null ? NO_BIAS : new IValue(bias.handle),
                    NOTHING,
                    NO_FACTORS,
                    NO_ALGORITHM);
        }
    }
}
