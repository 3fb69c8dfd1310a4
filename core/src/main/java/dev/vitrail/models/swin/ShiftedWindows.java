package dev.vitrail.models.swin;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.layers.Sizes;

/**
 * Windows of a feature map, and the mask of their tokens that may not attend to each other (Liu et al., Swin
 * Transformer, 2021, <a href="https://arxiv.org/abs/2103.14030">arXiv:2103.14030</a>, section 3.2).
 *
 * <p>Shapes: {@code H×W} tokens in a feature map, {@code n = height·width} tokens in a window, {@code h} heads.
 *
 * @param height rows of a window, tokens
 * @param width columns of a window, tokens
 * @param shiftRows by how many rows the map is rolled before it is cut; less than the height
 * @param shiftColumns by how many columns
 */
public record ShiftedWindows(int height, int width, int shiftRows, int shiftColumns) {
    /** Mask value, added to the scores of tokens that only the cyclic shift brought together. */
    private static final float APART = -100;

    /**
     * The windows for a map: at most as large as the map in either direction, and without a shift in a direction where
     * one window spans it (section 3.2, and timm's block).
     *
     * @param mapHeight rows of the map
     * @param mapWidth columns of the map
     * @param height rows of a window that are wanted
     * @param width columns of a window that are wanted
     * @param shifted whether the windows are moved by half their size
     */
    public static ShiftedWindows fit(int mapHeight, int mapWidth, int height, int width, boolean shifted) {
        return fit(mapHeight, mapWidth, height, width, shifted ? height / 2 : 0, shifted ? width / 2 : 0);
    }

    /**
     * The windows for a map with a shift by any number of rows and columns; sizes and shifts are limited as with half a
     * window.
     */
    public static ShiftedWindows fit(
            int mapHeight, int mapWidth, int height, int width, int shiftRows, int shiftColumns) {
        return new ShiftedWindows(
                Math.min(mapHeight, height),
                Math.min(mapWidth, width),
                mapHeight > height ? shiftRows : 0,
                mapWidth > width ? shiftColumns : 0);
    }

    /** n, tokens of a window. */
    public int tokens() {
        return height * width;
    }

    /** Returns whether the map is rolled, so that a mask is needed. */
    public boolean isShifted() {
        return shiftRows > 0 || shiftColumns > 0;
    }

    /** Windows above each other in a map of that many rows; the last may be padded. */
    int rows(long mapHeight) {
        return Sizes.ceilDiv((int) mapHeight, height);
    }

    /** Windows beside each other in a map of that many columns; the last may be padded. */
    int columns(long mapWidth) {
        return Sizes.ceilDiv((int) mapWidth, width);
    }

    /**
     * Rolls a map by the shift, pads it with zeros to whole windows, and cuts it.
     *
     * @param x {@code [B, H, W, C]}
     * @return {@code [B·windows, n, C]}, the windows of an image row by row
     */
    Tensor partition(Tensor x) {
        long B = x.size(0), H = x.size(1), W = x.size(2), C = x.size(3);
        int rows = rows(H), columns = columns(W);
        if (isShifted()) {
            x = x.roll(new long[] {-shiftRows, -shiftColumns}, new long[] {1, 2});
        }
        long bottom = (long) rows * height - H, right = (long) columns * width - W;
        if (bottom > 0 || right > 0) {
            x = Functional.pad(x, 0, 0, 0, 0, right, 0, bottom);
        }
        return x.reshape(B, rows, height, columns, width, C)
                .permute(0, 1, 3, 2, 4, 5)
                .reshape(B * rows * columns, tokens(), C);
    }

    /**
     * Puts windows back together: the inverse of {@link #partition}.
     *
     * @param windows {@code [B·windows, n, C]}
     * @return {@code [B, H, W, C]}, contiguous
     */
    Tensor merge(Tensor windows, long H, long W) {
        int rows = rows(H), columns = columns(W);
        long B = windows.size(0) / ((long) rows * columns), C = windows.size(2);
        var x = windows.reshape(B, rows, columns, height, width, C)
                .permute(0, 1, 3, 2, 4, 5)
                .reshape(B, (long) rows * height, (long) columns * width, C);
        if (x.size(1) != H || x.size(2) != W) {
            x = x.narrow(1, 0, H).narrow(2, 0, W).contiguous();
        }
        return isShifted() ? x.roll(new long[] {shiftRows, shiftColumns}, new long[] {1, 2}) : x;
    }

    /**
     * The four kinds of masks of a shifted map. The shift brings the first rows behind the last and the first columns
     * beside the last, so tokens that are no neighbours meet in the last row and the last column of windows only.
     *
     * @return {@code [4, n, n]}, added to the scores: 0 where two tokens may see each other, else −100; the kinds are
     *     inner windows, the last column, the last row, and the corner
     */
    Tensor kinds() {
        int n = tokens();
        var values = new float[4 * n * n];
        for (int kind = 0; kind < 4; kind++) {
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    boolean apart = kind % 2 == 1
                                    && beyond(i % width, width, shiftColumns) != beyond(j % width, width, shiftColumns)
                            || kind / 2 == 1
                                    && beyond(i / width, height, shiftRows) != beyond(j / width, height, shiftRows);
                    values[(kind * n + i) * n + j] = apart ? APART : 0;
                }
            }
        }
        return Tensor.of(values, 4, n, n);
    }

    /** Returns whether a token came to its place in the last window round the map's edge. */
    private static boolean beyond(int position, int size, int shift) {
        return position >= size - shift;
    }

    /** The kind of each window of a map, row by row: indices into {@link #kinds}. */
    long[] kindOfWindows(long H, long W) {
        int rows = rows(H), columns = columns(W);
        var kinds = new long[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                kinds[row * columns + column] = (row == rows - 1 ? 2 : 0) + (column == columns - 1 ? 1 : 0);
            }
        }
        return kinds;
    }

    /**
     * The mask of every window of a map of {@code H×W} tokens.
     *
     * @return {@code [windows, n, n]}, added to the scores: 0 where two tokens may see each other, else −100
     */
    public Tensor mask(int H, int W) {
        var windows = kindOfWindows(H, W);
        return kinds().indexSelect(0, Tensor.of(windows, windows.length));
    }

    /**
     * Row of the table of relative positions for each pair of tokens (section 3.2, "relative position bias").
     *
     * @return {@code [n, n]} I64, values 0 … (2·height−1)·(2·width−1)−1
     */
    public static Tensor relativePositions(int height, int width) {
        return relativePositions(height, width, height, width);
    }

    /**
     * Row of the table of a larger window for each pair of tokens, {@code [n, n]} I64; the window uses the middle of
     * that table.
     *
     * @param tableHeight rows of the window that the table is for, at least {@code height}
     * @param tableWidth columns of that window
     */
    static Tensor relativePositions(int height, int width, int tableHeight, int tableWidth) {
        int n = height * width;
        var index = new long[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                int down = i / width - j / width + tableHeight - 1;
                int across = i % width - j % width + tableWidth - 1;
                index[i * n + j] = (long) down * (2 * tableWidth - 1) + across;
            }
        }
        return Tensor.of(index, n, n);
    }

    /**
     * Swin V2's log-spaced coordinates of all relative positions, {@code sign(x)·log₂(1 + |8x|) / 3} with x between −1
     * and 1 for the window of the pre-training (Liu et al., 2021,
     * <a href="https://arxiv.org/abs/2111.09883">arXiv:2111.09883</a>, eq. 4, scaled as the authors' code does).
     *
     * @param pretrained side of the window in pre-training; 0 for this one
     * @return {@code [1, 2·height−1, 2·width−1, 2]}: rows, then columns
     */
    public static Tensor logCoordinates(int height, int width, int pretrained) {
        int rows = 2 * height - 1, columns = 2 * width - 1;
        var values = new float[rows * columns * 2];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                values[(i * columns + j) * 2] = logSpaced(i - height + 1, pretrained > 0 ? pretrained : height);
                values[(i * columns + j) * 2 + 1] = logSpaced(j - width + 1, pretrained > 0 ? pretrained : width);
            }
        }
        return Tensor.of(values, 1, rows, columns, 2);
    }

    private static float logSpaced(int offset, int side) {
        // In a window of one row the only offset is 0, where the authors' division gives 0/0.
        double x = offset == 0 ? 0 : 8.0 * offset / (side - 1);
        return (float) (Math.signum(x) * Math.log(Math.abs(x) + 1) / Math.log(8));
    }
}
