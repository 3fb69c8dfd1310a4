package dev.vitrail.inspect;

import dev.vitrail.errors.VitrailException;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * One number for each cell of an image, such as how much it contributed to a decision.
 *
 * @param height rows of cells, gh
 * @param width columns of cells, gw
 * @param values row by row, {@code [gh · gw]}, as the formula gives them: not normalized
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record GridMap(int height, int width, float[] values) {
    public GridMap {
        VitrailException.require(
                values.length == height * width,
                "a map of %d×%d cells has %d values, found %d",
                height,
                width,
                height * width,
                values.length);
    }

    static GridMap of(int height, int width, double[] values, int from) {
        var cut = new float[height * width];
        for (int i = 0; i < cut.length; i++) {
            cut[i] = (float) values[from + i];
        }
        return new GridMap(height, width, cut);
    }

    /** The value of a cell. */
    public float at(int row, int column) {
        return values[row * width + column];
    }

    /** Returns true if all values are equal, so that the map shows nothing. */
    public boolean flat() {
        return range()[0] == range()[1];
    }

    /** The smallest and the largest value. */
    public float[] range() {
        float low = Float.POSITIVE_INFINITY, high = Float.NEGATIVE_INFINITY;
        for (float value : values) {
            low = Math.min(low, value);
            high = Math.max(high, value);
        }
        return new float[] {low, high};
    }

    /** The map from 0 to 1 by its own range; a flat map is 0. */
    public GridMap normalized() {
        var range = range();
        var scaled = new float[values.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = range[1] == range[0] ? 0 : (values[i] - range[0]) / (range[1] - range[0]);
        }
        return new GridMap(height, width, scaled);
    }

    /** Indices of the cells from the largest value to the smallest; of equal ones the first comes first. */
    public int[] order() {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -values[i]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Bilinear interpolation with half-pixel centers (PyTorch's {@code align_corners=False}). */
    public GridMap resized(int newHeight, int newWidth) {
        var result = new float[newHeight * newWidth];
        for (int row = 0; row < newHeight; row++) {
            double y = position(row, newHeight, height);
            int top = Math.min((int) y, height - 1), bottom = Math.min(top + 1, height - 1);
            double down = y - top;
            for (int column = 0; column < newWidth; column++) {
                double x = position(column, newWidth, width);
                int left = Math.min((int) x, width - 1), right = Math.min(left + 1, width - 1);
                double across = x - left;
                result[row * newWidth + column] =
                        (float) ((1 - down) * ((1 - across) * at(top, left) + across * at(top, right))
                                + down * ((1 - across) * at(bottom, left) + across * at(bottom, right)));
            }
        }
        return new GridMap(newHeight, newWidth, result);
    }

    private static double position(int index, int to, int from) {
        return Math.max(0, (index + 0.5) * from / to - 0.5);
    }

    /** The map on a coarser grid: each cell the mean of the values whose centers lie in it. */
    public GridMap averaged(int newHeight, int newWidth) {
        var sums = new double[newHeight * newWidth];
        var counts = new int[newHeight * newWidth];
        for (int row = 0; row < height; row++) {
            int y = (int) ((row + 0.5) * newHeight / height);
            for (int column = 0; column < width; column++) {
                int cell = y * newWidth + (int) ((column + 0.5) * newWidth / width);
                sums[cell] += at(row, column);
                counts[cell]++;
            }
        }
        for (int i = 0; i < sums.length; i++) {
            sums[i] /= Math.max(1, counts[i]);
        }
        return of(newHeight, newWidth, sums, 0);
    }

    /**
     * Pearson's correlation with another map, on the coarser grid of the two; 0 where either is flat.
     *
     * @return −1 to 1
     */
    public double correlation(GridMap other) {
        int rows = Math.min(height, other.height), columns = Math.min(width, other.width);
        var a = averaged(rows, columns).values;
        var b = other.averaged(rows, columns).values;
        double meanA = 0, meanB = 0;
        for (int i = 0; i < a.length; i++) {
            meanA += a[i] / (double) a.length;
            meanB += b[i] / (double) b.length;
        }
        double product = 0, squareA = 0, squareB = 0;
        for (int i = 0; i < a.length; i++) {
            product += (a[i] - meanA) * (b[i] - meanB);
            squareA += (a[i] - meanA) * (a[i] - meanA);
            squareB += (b[i] - meanB) * (b[i] - meanB);
        }
        return squareA == 0 || squareB == 0 ? 0 : product / Math.sqrt(squareA * squareB);
    }

    /**
     * Rows and columns of pixels that a cell covers in an image: {@code top, bottom, left, right}, the end exclusive.
     * Cell {@code (i, j)} has the rows {@code ⌊i·H/gh⌋ … ⌊(i+1)·H/gh⌋}, and columns likewise.
     *
     * @param cell its index, row by row
     * @param imageHeight H, pixels
     * @param imageWidth pixels
     */
    public static int[] pixels(int cell, int height, int width, int imageHeight, int imageWidth) {
        int row = cell / width, column = cell % width;
        return new int[] {
            row * imageHeight / height,
            (row + 1) * imageHeight / height,
            column * imageWidth / width,
            (column + 1) * imageWidth / width
        };
    }
}
