package dev.vitrail.models.layers;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** Tables of relative position biases, made to fit windows of another size. */
public final class RelativePositionTables {
    private RelativePositionTables() {}

    /**
     * Resamples a table the way timm does, after BEiT: the known offsets are thought to lie in geometric
     * progression, dense round 0 and wide at the rim, so that near neighbours keep their biases; between them
     * it interpolates linearly.
     *
     * @param table {@code [(2·height−1)·(2·width−1), h]}
     * @param from the window that the table is for; if unspecified, or it has another number of offsets, a table as
     *     long as {@code to} wants is for that, and any other for a square
     * @param to the new window
     * @return a table for that; empty if the given one is not for such a window
     */
    public static Optional<Tensor> resample(Tensor table, Optional<Window> from, Window to) {
        return from.filter(window -> isFor(window, table))
                .or(() -> isFor(to, table) ? Optional.of(to) : square(table))
                .map(window -> resample(table, window, to));
    }

    private static boolean isFor(Window window, Tensor table) {
        return table.dims() == 2 && table.size(0) == (long) rows(window.height()) * rows(window.width());
    }

    private static Tensor resample(Tensor table, Window from, Window to) {
        if (from.equals(to)) {
            return table;
        }
        int rows = rows(to.height()), columns = rows(to.width());
        long h = table.size(1);
        var grid = table.transpose(0, 1).reshape(h, rows(from.height()), rows(from.width()));
        var resized = weights(rows(from.height()), rows)
                .matmul(grid)
                .matmul(weights(rows(from.width()), columns).transpose(0, 1));
        return resized.reshape(h, (long) rows * columns).transpose(0, 1).contiguous();
    }

    /** Offsets between the tokens along a side. */
    private static int rows(int side) {
        return 2 * side - 1;
    }

    /**
     * Resamples a table bicubically over evenly spaced offsets, as the authors' code does.
     *
     * @param table {@code [(2s−1)², h]} for a square window of side s
     * @return {@code [(2·height−1)·(2·width−1), h]}; empty if the table is not for a square window
     */
    public static Optional<Tensor> resampleBicubic(Tensor table, int height, int width) {
        return square(table).map(window -> {
            long rows = rows(height), columns = rows(width), h = table.size(1), source = rows(window.height());
            var grid = table.transpose(0, 1).reshape(1, h, source, source);
            return Functional.resize(grid, rows, columns, Functional.Resize.BICUBIC, false)
                    .reshape(h, rows * columns)
                    .transpose(0, 1)
                    .contiguous();
        });
    }

    /** The square window of a table of (2s−1)² rows; empty for any other. */
    private static Optional<Window> square(Tensor table) {
        int side = table.dims() == 2 ? (int) Math.round(Math.sqrt(table.size(0))) : 0;
        return side % 2 == 1 && (long) side * side == table.size(0)
                ? Optional.of(new Window((side + 1) / 2, (side + 1) / 2))
                : Optional.empty();
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

    /**
     * Positions of {@code from} offsets among {@code to}: 0 and sums of powers of q to either side, such that they span
     * it.
     */
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
