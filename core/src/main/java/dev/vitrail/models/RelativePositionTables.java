package dev.vitrail.models;

import dev.vitrail.engine.Kernels;
import dev.vitrail.engine.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** Tables of relative position biases, made to fit windows of another size. */
public final class RelativePositionTables {
    private RelativePositionTables() {}

    /**
     * Resamples a table the way timm does, after BEiT: the known offsets are thought to lie in geometric progression, dense round
     * 0 and wide at the rim, so that near neighbours keep their biases; between them it interpolates linearly.
     *
     * @param table {@code [(2s−1)², h]} for a square window of side s
     * @param height rows of the new window
     * @param width columns of the new window
     * @return {@code [(2·height−1)·(2·width−1), h]}; empty if the table is not for a square window
     */
    public static Optional<Tensor> resample(Tensor table, int height, int width) {
        int source = side(table);
        if (source == 0) {
            return Optional.empty();
        }
        int rows = 2 * height - 1, columns = 2 * width - 1;
        if (rows == source && columns == source) {
            return Optional.of(table);
        }
        long h = table.size(1);
        var grid = table.transpose(0, 1).reshape(h, source, source);
        var resized = weights(source, rows)
                .matmul(grid)
                .matmul(weights(source, columns).transpose(0, 1));
        return Optional.of(
                resized.reshape(h, (long) rows * columns).transpose(0, 1).contiguous());
    }

    /**
     * Resamples a table bicubically over evenly spaced offsets, as the authors' code does.
     *
     * @param table {@code [(2s−1)², h]} for a square window of side s
     * @return {@code [(2·height−1)·(2·width−1), h]}; empty if the table is not for a square window
     */
    public static Optional<Tensor> resampleBicubic(Tensor table, int height, int width) {
        int source = side(table);
        if (source == 0) {
            return Optional.empty();
        }
        long rows = 2L * height - 1, columns = 2L * width - 1, h = table.size(1);
        var grid = table.transpose(0, 1).reshape(1, h, source, source);
        return Optional.of(Kernels.resize(grid, rows, columns, Kernels.Resize.BICUBIC, false)
                .reshape(h, rows * columns)
                .transpose(0, 1)
                .contiguous());
    }

    /** 2s−1 for a table of (2s−1)² rows; 0 for any other. */
    private static int side(Tensor table) {
        if (table.dims() != 2) {
            return 0;
        }
        int side = (int) Math.round(Math.sqrt(table.size(0)));
        return side % 2 == 1 && (long) side * side == table.size(0) ? side : 0;
    }

    /** The matrix {@code [to, from]} of the linear interpolation along one axis. */
    private static Tensor weights(int from, int to) {
        var known = offsets(from, to);
        var values = new float[to * from];
        for (int i = 0; i < to; i++) {
            double wanted = i - to / 2;
            int right = 0;
            while (right < from - 1 && known.get(right) < wanted) {
                right++;
            }
            int left = Math.max(0, right - 1);
            double before = Math.max(0, wanted - known.get(left));
            double after = Math.max(0, known.get(right) - wanted);
            if (before + after == 0) {
                values[i * from + right] = 1;
            } else {
                values[i * from + left] += (float) (after / (before + after));
                values[i * from + right] += (float) (before / (before + after));
            }
        }
        return Tensor.of(values, to, from);
    }

    /** Where {@code from} offsets lie among {@code to}: 0 and sums of powers of q to either side, such that they span it. */
    private static List<Double> offsets(int from, int to) {
        int half = from / 2;
        double low = 1.01, high = 1.5, q = low;
        while (high - low > 1e-6) {
            q = (low + high) / 2;
            if ((1 - Math.pow(q, half)) / (1 - q) > to / 2) {
                high = q;
            } else {
                low = q;
            }
        }
        var sums = new ArrayList<Double>();
        double sum = 1;
        for (int i = 0; i < half; i++) {
            sums.add(sum);
            sum += Math.pow(q, i + 1);
        }
        var all = new ArrayList<Double>();
        sums.forEach(value -> all.add(-value));
        Collections.reverse(all);
        all.add(0.0);
        all.addAll(sums);
        return all;
    }
}
