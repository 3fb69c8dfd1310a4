package dev.vitrail.models;

import dev.vitrail.engine.Kernels;
import dev.vitrail.engine.Tensor;

/** Tables of positions: resampled for another grid, and thinned out while training. */
public final class Positions {
    private Positions() {}

    /**
     * Resamples position embeddings for another grid, bicubic with antialiasing (as timm; the paper's section 3.2 asks for 2D
     * interpolation). Prefix tokens keep theirs.
     *
     * @param table {@code [1, prefix + rows·columns, D]}
     * @return {@code [1, prefix + newRows·newColumns, D]}; the table itself where the grids are equal
     */
    public static Tensor resample(Tensor table, int prefix, long rows, long columns, long newRows, long newColumns) {
        return resample(table, prefix, rows, columns, newRows, newColumns, Kernels.Resize.BICUBIC, true);
    }

    /** {@link #resample(Tensor, int, long, long, long, long)} by another interpolation. */
    public static Tensor resample(
            Tensor table,
            int prefix,
            long rows,
            long columns,
            long newRows,
            long newColumns,
            Kernels.Resize how,
            boolean antialias) {
        if (rows == newRows && columns == newColumns) {
            return table;
        }
        long D = table.size(2);
        var grid = table.narrow(1, prefix, rows * columns)
                .reshape(1, rows, columns, D)
                .permute(0, 3, 1, 2); //                                   [1, D, rows, columns]
        grid = Kernels.resize(grid, newRows, newColumns, how, antialias)
                .permute(0, 2, 3, 1)
                .reshape(1, newRows * newColumns, D);
        return prefix == 0 ? grid : Tensor.cat(1, table.narrow(1, 0, prefix), grid);
    }

    /**
     * Keeps a random share of the patches of each image, in random order (Li et al., FLIP, 2022, arXiv:2212.00794).
     *
     * @param x {@code [B, prefix + N, D]}
     * @param share of the N patches that is left out; at least one is kept
     */
    static Tensor dropPatches(Tensor x, int prefix, double share) {
        long B = x.size(0), N = x.size(1) - prefix, D = x.size(2);
        int kept = Math.max(1, (int) (N * (1 - share)));
        var order = Tensor.rand(B, N).topk(kept).get(1).to(x.device()); //    [B, kept]
        var patches = x.narrow(1, prefix, N).gather(1, order.unsqueeze(-1).expand(B, kept, D));
        return prefix == 0 ? patches : Tensor.cat(1, x.narrow(1, 0, prefix), patches);
    }
}
