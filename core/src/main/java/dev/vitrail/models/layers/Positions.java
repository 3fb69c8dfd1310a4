package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.SharedBatch;
import dev.vitrail.engine.Tensor;
import java.util.Optional;

/** Tables of positions: resampled for another grid, and thinned out while training. */
public final class Positions {
    private Positions() {}

    /**
     * Resamples position embeddings for another grid, bicubic with antialiasing (as timm; the paper's section 3.2 asks
     * for 2D interpolation). Prefix tokens keep theirs.
     *
     * @param table {@code [1, prefix + rows·columns, D]}
     * @return {@code [1, prefix + newRows·newColumns, D]}; the table itself where the grids are equal
     */
    public static Tensor resample(Tensor table, int prefix, long rows, long columns, long newRows, long newColumns) {
        return resample(table, prefix, rows, columns, newRows, newColumns, Functional.Resize.BICUBIC, true);
    }

    /** {@link #resample(Tensor, int, long, long, long, long)} by another interpolation. */
    public static Tensor resample(
            Tensor table,
            int prefix,
            long rows,
            long columns,
            long newRows,
            long newColumns,
            Functional.Resize how,
            boolean antialias) {
        if (rows == newRows && columns == newColumns) {
            return table;
        }
        long D = table.size(2);
        var grid = table.narrow(1, prefix, rows * columns)
                .reshape(1, rows, columns, D)
                .permute(0, 3, 1, 2); //                                   [1, D, rows, columns]
        grid = Functional.resize(grid, newRows, newColumns, how, antialias)
                .permute(0, 2, 3, 1)
                .reshape(1, newRows * newColumns, D);
        return prefix == 0 ? grid : Tensor.cat(1, table.narrow(1, 0, prefix), grid);
    }

    /**
     * A table for another grid, resampled for this one.
     *
     * @param from the grid that the table is for; if unspecified, or it has another number of patches, a table as large
     *     as {@code to} is for that, and any other for a square
     * @param width channels
     * @return empty if the table's positions after the prefix make no such grid
     */
    public static Optional<Tensor> fit(
            Tensor table, int prefix, Optional<Grid> from, Grid to, long width, boolean antialias) {
        if (table.dims() != 3 || table.size(2) != width) {
            return Optional.empty();
        }
        long patches = table.size(1) - prefix;
        return from.filter(grid -> grid.patches() == patches)
                .or(() -> to.patches() == patches ? Optional.of(to) : Grid.square(patches))
                .map(grid -> resample(
                        table,
                        prefix,
                        grid.rows(),
                        grid.columns(),
                        to.rows(),
                        to.columns(),
                        Functional.Resize.BICUBIC,
                        antialias));
    }

    /** Tokens of a grid of patches where they lie in the image, {@code [B, N, D] → [B, D, rows, columns]}. */
    public static Tensor map(Tensor tokens, Grid grid) {
        return map(tokens, grid.rows(), grid.columns());
    }

    /**
     * Patches' tokens where they lie in the image.
     *
     * @param tokens {@code [B, rows·columns, D]}, without prefix tokens
     * @return {@code [B, D, rows, columns]}
     */
    public static Tensor map(Tensor tokens, long rows, long columns) {
        require(
                tokens.size(1) == rows * columns,
                "of %d×%d patches %d are left, which make no feature map: patches are dropped while training, so switch"
                        + " the model to evaluation, or set patchDropout to 0",
                rows,
                columns,
                tokens.size(1));
        return tokens.transpose(1, 2).reshape(tokens.size(0), tokens.size(2), rows, columns);
    }

    /**
     * The patch projection for another patch size: the kernel whose products with resized patches equal those of the
     * old kernel with the patches before, in the least-squares sense (Beyer et al., FlexiViT, 2022,
     * arXiv:2212.08013, section 3.4).
     *
     * @param kernel {@code [D, C, kh, kw]}
     * @return {@code [D, C, height, width]}
     */
    public static Tensor resamplePatch(
            Tensor kernel, long height, long width, Functional.Resize how, boolean antialias) {
        long kh = kernel.size(2), kw = kernel.size(3), D = kernel.size(0), C = kernel.size(1);
        // The resize is linear: its matrix is what it makes of each unit image.
        var units = Tensor.identity(kh * kw).reshape(1, kh * kw, kh, kw);
        var resize = Functional.resize(units, height, width, how, antialias).reshape(kh * kw, height * width);
        // Rows of the kernel are multiplied by the pseudo-inverse of the transposed resize matrix.
        var inverse = resize.pseudoInverse().transpose(0, 1);
        return kernel.reshape(D * C, kh * kw).matmul(inverse).reshape(D, C, height, width);
    }

    /**
     * A stored patch projection for another patch size, bicubic with antialiasing.
     *
     * @param wanted {@code [D, C, height, width]}
     * @return empty if it is no projection of as many channels
     */
    public static Optional<Tensor> fitPatch(Tensor kernel, long[] wanted) {
        return kernel.dims() == 4 && kernel.size(1) == wanted[1]
                ? Optional.of(resamplePatch(kernel, wanted[2], wanted[3], Functional.Resize.BICUBIC, true))
                : Optional.empty();
    }

    /**
     * Keeps a random share of the patches of each image, in random order (Li et al., FLIP, 2022, arXiv:2212.00794).
     *
     * @param x {@code [B, prefix + N, D]}
     * @param share of the N patches that is left out; at least one is kept
     */
    public static Tensor dropPatches(Tensor x, int prefix, double share) {
        long B = x.size(0), N = x.size(1) - prefix, D = x.size(2);
        int kept = Math.max(1, (int) (N * (1 - share)));
        var order = SharedBatch.rand(B, N).topk(kept).get(1).to(x.device()); //    [B, kept]
        var patches = x.narrow(1, prefix, N).gather(1, order.unsqueeze(-1).expand(B, kept, D));
        return prefix == 0 ? patches : Tensor.cat(1, x.narrow(1, 0, prefix), patches);
    }
}
