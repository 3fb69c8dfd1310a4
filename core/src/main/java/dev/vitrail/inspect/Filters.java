package dev.vitrail.inspect;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.compact.CompactCaiT;
import dev.vitrail.models.compact.CompactViT;
import dev.vitrail.models.compact.SimpleViT;
import dev.vitrail.nn.StdConv2d;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * The filters of the layer that sees the pixels, and their principal components.
 *
 * <p>The components are the right singular vectors of the D filters less their mean, the first
 * {@code k = min(28, D−1, C·kh·kw)}, each with the sign that makes its entry of largest magnitude positive; the
 * explained variance ratio is {@code s_i²/Σs²}. A weight-standardized convolution is shown as it is applied.
 *
 * <p>Dosovitskiy et al., 2021, arXiv:2010.11929, section 4.5 and fig. 7 left.
 *
 * @param parameter its name
 * @param count D, filters
 * @param channels C, of the image
 * @param height kh, pixels
 * @param width kw, pixels
 * @param kernels {@code [D · C · kh · kw]}
 * @param components {@code [k][C · kh · kw]}
 * @param variance explained variance ratio of each component, {@code [k]}
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record Filters(
        String parameter,
        int count,
        int channels,
        int height,
        int width,
        float[] kernels,
        float[][] components,
        float[] variance) {
    private static final int MOST = 28;

    /** The filters of a model. */
    public static Filters of(Model model) {
        return Frame.compute(() -> {
            var name = model.firstConv() + ".weight";
            var weight =
                    Objects.requireNonNull(model.parameters().get(name), name).value();
            var kernel = new Tensor[] {weight.detach()};
            model.visitModules((path, module) -> {
                if (path.equals(model.firstConv()) && module instanceof StdConv2d convolution) {
                    kernel[0] = convolution.kernel().detach();
                }
            });
            return of(name, filters(model, kernel[0]).to(Device.CPU));
        });
    }

    /** Linear layers on the pixels of a window as kernels, {@code [D, C, kh, kw]}. */
    private static Tensor filters(Model model, Tensor weight) {
        if (weight.dims() == 4) {
            return weight;
        }
        int channels = model.config().channels();
        long D = weight.size(0), pixels = weight.size(1) / channels;
        if (model instanceof CompactViT || model instanceof SimpleViT || model instanceof CompactCaiT) {
            // A row is (row, column, channel), and patches need not be square: their stride says how high they are.
            int height = model.featureInfo().get(0).strideHeight();
            return weight.reshape(D, height, pixels / height, channels).permute(0, 3, 1, 2);
        }
        long side = Math.round(Math.sqrt(pixels));
        return weight.reshape(D, channels, side, side); // a row is (channel, row, column), as windows are unfolded
    }

    /** The figure of kernels {@code [D, C, kh, kw]}. */
    public static Filters of(String parameter, Tensor kernels) {
        int D = (int) kernels.size(0), C = (int) kernels.size(1);
        int height = (int) kernels.size(2), width = (int) kernels.size(3), K = C * height * width;
        var values = Pass.finite(parameter, kernels.contiguous().toFloats());
        var x = new double[D * K];
        for (int c = 0; c < K; c++) {
            double mean = 0;
            for (int d = 0; d < D; d++) {
                mean += values[d * K + c] / (double) D;
            }
            for (int d = 0; d < D; d++) {
                x[d * K + c] = values[d * K + c] - mean;
            }
        }
        int k = Math.max(0, Math.min(MOST, Math.min(D - 1, K)));
        var components = new float[k][];
        var variance = new float[k];
        Frame.run(() -> {
            var matrix = matrix(x, D, K);
            boolean wide = D < K;
            var pair = (wide
                            ? matrix.matmul(matrix.transpose(0, 1))
                            : matrix.transpose(0, 1).matmul(matrix))
                    .symmetricEigen();
            var squares = Cka.doubles(pair.get(0));
            double total = 0;
            for (double square : squares) {
                total += Math.max(0, square);
            }
            for (int i = 0; i < k; i++) {
                int at = squares.length - 1 - i;
                var vector = pair.get(1).narrow(1, at, 1);
                components[i] = unit(Cka.doubles(wide ? matrix.transpose(0, 1).matmul(vector) : vector));
                variance[i] = (float) (total == 0 ? 0 : Math.max(0, squares[at]) / total);
            }
        });
        return new Filters(parameter, D, C, height, width, values, components, variance);
    }

    private static Tensor matrix(double[] values, int rows, int columns) {
        var bytes = ByteBuffer.allocateDirect(Double.BYTES * values.length).order(ByteOrder.nativeOrder());
        bytes.asDoubleBuffer().put(values);
        return Tensor.of(bytes, DType.F64, rows, columns);
    }

    /** The vector of length 1 whose entry of largest magnitude is positive. */
    private static float[] unit(double[] vector) {
        double square = 0, largest = 0;
        for (double value : vector) {
            square += value * value;
            largest = Math.abs(value) > Math.abs(largest) ? value : largest;
        }
        double scale = square == 0 ? 0 : Math.signum(largest) / Math.sqrt(square);
        var unit = new float[vector.length];
        for (int i = 0; i < unit.length; i++) {
            unit[i] = (float) (vector[i] * scale);
        }
        return unit;
    }
}
