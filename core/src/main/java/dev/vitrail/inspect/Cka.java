package dev.vitrail.inspect;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.inspect.ModelLayout.Output;
import dev.vitrail.models.Model;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Linear centered kernel alignment: how alike the representations of two blocks are, of one model or of two models on
 * the same images. 1 is equal up to rotation and scale, 0 unrelated.
 *
 * <p>{@code K = X·Xᵀ} with X the block's whole output, a row for each image. Each token (or map cell) is first divided
 * by its L2 norm, because a few outlier tokens hold most of the squared norm in a trained ViT, and would be all that is
 * compared; {@link CkaOptions#RAW} leaves them as Raghu et al. do. The unbiased estimator is
 * {@code HSIC₁(K, L) = [tr(K̃L̃) + (1ᵀK̃1)(1ᵀL̃1)/((n−1)(n−2)) − 2/(n−2)·1ᵀK̃L̃1] / (n(n−3))} with K̃ = K without its
 * diagonal, averaged over batches; then {@code CKA = HSIC(K, L)/√(HSIC(K, K)·HSIC(L, L))}. Activations are never kept.
 *
 * <p>Kornblith et al., 2019, arXiv:1905.00414; Nguyen, Raghu and Kornblith, 2021, arXiv:2010.15327; Raghu et al., 2021,
 * arXiv:2108.08810.
 *
 * @param rows names of the first model's blocks
 * @param columns names of the other's
 * @param values {@code [rows][columns]}; NaN where a representation does not depend on the image
 * @param images how many were compared
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record Cka(List<String> rows, List<String> columns, float[][] values, int images) {
    /** The fewest images of a batch that the unbiased estimator takes. */
    public static final int FEWEST = 4;

    /** The least norm that a token is divided by. */
    private static final double LEAST_NORM = 1e-30;

    /** Below so many images, the biased estimate is near 1 whatever is compared. */
    public static final int FEW = 32;

    public Cka {
        rows = List.copyOf(rows);
        columns = List.copyOf(columns);
    }

    /** Gathers batches, in memory that does not grow with them. */
    public static final class Accumulator {
        private static final double NOTHING = 1e-12;

        private final Model first;
        private final Model second;
        private final CkaOptions options;
        private List<String> rows = List.of();
        private List<String> columns = List.of();
        private double[][] between = {};
        private double[] ofFirst = {};
        private double[] ofSecond = {};
        private double[] scaleFirst = {};
        private double[] scaleSecond = {};
        private int images;

        /** Compares a model with itself. */
        public Accumulator(Model model, CkaOptions options) {
            this(model, model, options);
        }

        /** Compares two models. */
        public Accumulator(Model first, Model second, CkaOptions options) {
            this.first = first;
            this.second = second;
            this.options = options;
        }

        /**
         * Adds a batch.
         *
         * @param images {@code [n, C, H, W]}, normalized for the first model
         * @param same the same images, normalized for the second model
         * @throws VitrailException for fewer than {@link #FEWEST} images
         */
        public void add(Tensor images, Tensor same) {
            var x = Pass.forward(first, images, Cka::hookPoints, pass -> grams(pass, options));
            add(x, first == second ? x : Pass.forward(second, same, Cka::hookPoints, pass -> grams(pass, options)));
        }

        /** Adds a batch by the Gram matrices of both models. */
        void add(Grams first, Grams second) {
            VitrailException.require(
                    first.images >= FEWEST && first.images == second.images,
                    "CKA compares batches of at least %d images, found %d and %d",
                    FEWEST,
                    first.images,
                    second.images);
            var x = first.matrices;
            var y = second.matrices;
            if (between.length == 0) {
                rows = first.blocks;
                columns = second.blocks;
                between = new double[x.size()][y.size()];
                ofFirst = new double[x.size()];
                ofSecond = new double[y.size()];
                scaleFirst = new double[x.size()];
                scaleSecond = new double[y.size()];
            }
            int n = first.images;
            for (int i = 0; i < x.size(); i++) {
                ofFirst[i] += hsic(x.get(i), x.get(i), n, options.unbiased());
                scaleFirst[i] += square(x.get(i)) / ((double) n * n);
                for (int j = 0; j < y.size(); j++) {
                    between[i][j] += hsic(x.get(i), y.get(j), n, options.unbiased());
                }
            }
            for (int j = 0; j < y.size(); j++) {
                ofSecond[j] += hsic(y.get(j), y.get(j), n, options.unbiased());
                scaleSecond[j] += square(y.get(j)) / ((double) n * n);
            }
            images += n;
        }

        /** The figure so far. */
        public Cka result() {
            var values = new float[rows.size()][columns.size()];
            for (int i = 0; i < values.length; i++) {
                for (int j = 0; j < values[i].length; j++) {
                    boolean defined = ofFirst[i] > NOTHING * scaleFirst[i] && ofSecond[j] > NOTHING * scaleSecond[j];
                    values[i][j] = defined ? (float) (between[i][j] / Math.sqrt(ofFirst[i] * ofSecond[j])) : Float.NaN;
                }
            }
            return new Cka(rows, columns, values, images);
        }
    }

    /**
     * The Gram matrices of a batch.
     *
     * @param blocks their names
     * @param matrices {@code [n · n]} for each block
     * @param images n
     */
    record Grams(List<String> blocks, List<double[]> matrices, int images) {}

    static List<String> hookPoints(ModelLayout layout) {
        return layout.outputs(true);
    }

    /** The Gram matrices of the images of a pass. */
    static Grams grams(Pass pass, CkaOptions options) {
        var layout = pass.layout();
        int channels = layout.output() == Output.CHANNELS_FIRST ? 1 : -1;
        var names = hookPoints(layout);
        return new Grams(
                names.stream().map(layout::title).toList(),
                names.stream()
                        .map(name -> gram(pass.tensor(name), options.unitTokens(), channels))
                        .toList(),
                pass.size());
    }

    /**
     * The Gram matrix {@code X·Xᵀ} of a block's output, {@code [n · n]}.
     *
     * @param output {@code [n, …]}
     * @param unitTokens whether each token or cell is divided by its L2 norm first
     * @param channels the dimension of a token's channels
     */
    public static double[] gram(Tensor output, boolean unitTokens, int channels) {
        return Frame.compute(() -> {
            var x = output.to(DType.F64);
            if (unitTokens) {
                x = x.dividedBy(x.norm(true, channels).atLeast(LEAST_NORM));
            }
            x = x.contiguous().flatten(1);
            return doubles(x.matmul(x.transpose(0, 1)));
        });
    }

    static double[] doubles(Tensor x) {
        var values = new double[(int) x.count()];
        ByteBuffer.wrap(x.contiguous().toBytes())
                .order(ByteOrder.LITTLE_ENDIAN)
                .asDoubleBuffer()
                .get(values);
        return values;
    }

    private static double square(double[] k) {
        double sum = 0;
        for (double value : k) {
            sum += value * value;
        }
        return sum;
    }

    /** HSIC of Gram matrices {@code [n · n]}, unbiased or {@code ⟨HKH, HLH⟩}. */
    public static double hsic(double[] k, double[] l, int n, boolean unbiased) {
        if (!unbiased) {
            var a = centered(k, n);
            var b = centered(l, n);
            double product = 0;
            for (int i = 0; i < a.length; i++) {
                product += a[i] * b[i];
            }
            return product;
        }
        double trace = 0, sumK = 0, sumL = 0, cross = 0;
        for (int i = 0; i < n; i++) {
            double rowK = 0, rowL = 0;
            for (int j = 0; j < n; j++) {
                if (i != j) {
                    trace += k[i * n + j] * l[i * n + j];
                    rowK += k[i * n + j];
                    rowL += l[i * n + j];
                }
            }
            sumK += rowK;
            sumL += rowL;
            cross += rowK * rowL;
        }
        return (trace + sumK * sumL / ((n - 1.0) * (n - 2.0)) - 2 / (n - 2.0) * cross) / (n * (n - 3.0));
    }

    private static double[] centered(double[] k, int n) {
        var rows = new double[n];
        double all = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                rows[i] += k[i * n + j] / n;
            }
            all += rows[i] / n;
        }
        var result = new double[k.length];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                result[i * n + j] = k[i * n + j] - rows[i] - rows[j] + all;
            }
        }
        return result;
    }
}
