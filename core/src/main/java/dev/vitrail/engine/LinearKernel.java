package dev.vitrail.engine;

import java.util.Locale;

/** The ways in which a linear layer is computed. */
public enum LinearKernel {
    /** libtorch's own {@code linear}: one call of the BLAS on one thread, or what a GPU or another precision has. */
    PLAIN,
    /** The BLAS, spread over libtorch's threads. */
    BLAS,
    /** oneDNN, as a 1×1 convolution. */
    CONVOLUTION,
    /** oneDNN, with a weight that was laid out before. */
    PACKED;

    /**
     * Rows below which a product is too small to be worth a layout change: the two ways meet between 8 and
     * 32 rows (measured).
     */
    private static final int FEW_ROWS = 16;

    /** Input elements up to which libtorch gives a convolution of one image to no oneDNN (its {@code use_mkldnn}). */
    private static final long FEW_INPUTS = 20_480;

    /** Multiplications of a product below which calling oneDNN costs more than the packed layout saves: measured. */
    private static final long LEAST_PACKED = 1 << 20;

    /**
     * A product, as far as the choice depends on it.
     *
     * @param rows of the input, all dimensions but the last together
     * @param in columns of the input
     * @param out columns of the result
     * @param single whether the input is F32 on a CPU
     * @param autocast whether it is computed in another precision
     * @param recorded whether a backward pass may follow
     * @param packable whether the weight is a layer's own, and can be kept in oneDNN's layout
     */
    record Product(long rows, long in, long out, boolean single, boolean autocast, boolean recorded, boolean packable) {
        long multiplications() {
            return rows * in * out;
        }
    }

    /** Chooses the fastest right way; the rule and its measurements are in docs/adr/0018. */
    static LinearKernel of(Product product, Products.Choice products, int threads) {
        if (!product.single || product.rows == 0 || product.in == 0) {
            return PLAIN;
        }
        if (products.backend() == Products.Backend.BLAS) {
            return onBlas(product, threads);
        }
        if (product.packable && !product.recorded && !product.autocast && product.multiplications() >= LEAST_PACKED) {
            return PACKED;
        }
        if (product.rows < FEW_ROWS || product.rows * product.in <= FEW_INPUTS) {
            return PLAIN;
        }
        return product.recorded && !product.autocast && products.trainsOnBlas()
                ? onBlas(product, threads)
                : CONVOLUTION;
    }

    private static LinearKernel onBlas(Product product, int threads) {
        return threads > 1
                        && !product.autocast
                        && BlasProducts.shares(product.rows, product.in, product.out, product.recorded, threads)
                ? BLAS
                : PLAIN;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
