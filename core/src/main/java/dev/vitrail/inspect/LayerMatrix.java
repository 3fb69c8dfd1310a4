package dev.vitrail.inspect;

import java.util.Arrays;

/**
 * The matrix of an attention layer for one image, by groups of tokens that attend to each other: one group of all
 * tokens, or Swin's windows. A row is pushed down through it without ever forming a full matrix of a map.
 *
 * @param groups indices of the tokens of each group; −1 for padding
 * @param weights for each group {@code [n · n]}, row by row
 */
@SuppressWarnings("ArrayRecordComponent") // lives inside one computation
public record LayerMatrix(int[][] groups, double[][] weights) {
    /** The matrix of one group of all tokens, {@code [N · N]}. */
    public static LayerMatrix global(double[] weights) {
        int n = (int) Math.round(Math.sqrt(weights.length));
        var all = new int[n];
        for (int i = 0; i < n; i++) {
            all[i] = i;
        }
        return new LayerMatrix(new int[][] {all}, new double[][] {weights});
    }

    /** {@code row · (shortcut·I + W)}. */
    public double[] push(double[] row, double shortcut) {
        var result = new double[row.length];
        for (int i = 0; i < row.length; i++) {
            result[i] = shortcut * row[i];
        }
        for (int g = 0; g < groups.length; g++) {
            var group = groups[g];
            int n = group.length;
            for (int i = 0; i < n; i++) {
                double factor = group[i] < 0 ? 0 : row[group[i]];
                if (factor == 0) {
                    continue;
                }
                for (int j = 0; j < n; j++) {
                    if (group[j] >= 0) {
                        result[group[j]] += factor * weights[g][i * n + j];
                    }
                }
            }
        }
        return result;
    }

    /** Each group without the {@code ⌊share·n²⌋} smallest of its entries; {@code spareFirst} keeps its entry [0, 0]. */
    LayerMatrix discard(double share, boolean spareFirst) {
        return new LayerMatrix(
                groups,
                Arrays.stream(weights)
                        .map(group -> Rollout.discard(group, share, spareFirst))
                        .toArray(double[][]::new));
    }

    /** {@code rownorm(½·W + ½·I)}, each row divided by its sum; padding is left out. */
    LayerMatrix withResidual() {
        var mixed = new double[weights.length][];
        for (int g = 0; g < groups.length; g++) {
            int n = groups[g].length;
            mixed[g] = new double[n * n];
            for (int i = 0; i < n; i++) {
                double sum = 0;
                for (int j = 0; j < n; j++) {
                    if (groups[g][i] >= 0 && groups[g][j] >= 0) {
                        double value = 0.5 * weights[g][i * n + j] + (i == j ? 0.5 : 0);
                        mixed[g][i * n + j] = value;
                        sum += value;
                    }
                }
                for (int j = 0; j < n && sum != 0; j++) {
                    mixed[g][i * n + j] /= sum;
                }
            }
        }
        return new LayerMatrix(groups, mixed);
    }

    /** Each row divided by its sum; a row of zeros stays. */
    LayerMatrix rowsNormalized() {
        var scaled = new double[weights.length][];
        for (int g = 0; g < groups.length; g++) {
            int n = groups[g].length;
            scaled[g] = weights[g].clone();
            for (int i = 0; i < n; i++) {
                double sum = 0;
                for (int j = 0; j < n; j++) {
                    sum += scaled[g][i * n + j];
                }
                for (int j = 0; j < n && sum != 0; j++) {
                    scaled[g][i * n + j] /= sum;
                }
            }
        }
        return new LayerMatrix(groups, scaled);
    }

    /**
     * Pushes a row of a coarse map down to the finer map that it was merged from: each cell's share goes in equal parts
     * to the (up to) 2×2 cells that were merged.
     *
     * @param height rows of the finer map
     * @param width columns of the finer map
     */
    public static double[] unmerge(double[] row, int height, int width) {
        int coarseWidth = (width + 1) / 2;
        var counts = new int[row.length];
        for (int i = 0; i < height * width; i++) {
            counts[i / width / 2 * coarseWidth + i % width / 2]++;
        }
        var result = new double[height * width];
        for (int i = 0; i < result.length; i++) {
            int merged = i / width / 2 * coarseWidth + i % width / 2;
            result[i] = row[merged] / counts[merged];
        }
        return result;
    }
}
