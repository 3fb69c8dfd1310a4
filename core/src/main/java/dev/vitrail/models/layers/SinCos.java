package dev.vitrail.models.layers;

import dev.vitrail.engine.Tensor;

/** Tables of positions made of sines and cosines: fixed, so that they serve any number of tokens. */
public final class SinCos {
    private static final double BASE = 10_000;

    private SinCos() {}

    /**
     * Positions in a sequence (Vaswani et al., 2017, arXiv:1706.03762, section 3.5; T2T-ViT's table): channel
     * {@code 2i} is {@code sin(p / 10000^(2i/D))} and channel {@code 2i+1} the cosine.
     *
     * @param positions N
     * @param width D, channels
     * @return {@code [1, N, D]}
     */
    public static Tensor sequence(int positions, int width) {
        var values = new float[Math.multiplyExact(positions, width)];
        for (int p = 0; p < positions; p++) {
            for (int c = 0; c < width; c++) {
                double angle = p / Math.pow(BASE, (c - c % 2) / (double) width);
                values[p * width + c] = (float) (c % 2 == 0 ? Math.sin(angle) : Math.cos(angle));
            }
        }
        return Tensor.of(values, 1, positions, width);
    }

    /**
     * Positions on a grid (Beyer et al., 2022, arXiv:2205.01580, as vit-pytorch's SimpleViT has them): a quarter of the
     * channels each for sine and cosine of the column, then of the row.
     *
     * @param width D, channels: a multiple of 4, at least 8
     * @return {@code [rows·columns, D]}, row by row
     */
    public static Tensor grid(int rows, int columns, int width) {
        int quarter = width / 4;
        var values = new float[Math.multiplyExact(Math.multiplyExact(rows, columns), width)];
        for (int y = 0, at = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++, at += width) {
                for (int i = 0; i < quarter; i++) {
                    double frequency = Math.pow(BASE, -(double) i / (quarter - 1));
                    values[at + i] = (float) Math.sin(x * frequency);
                    values[at + quarter + i] = (float) Math.cos(x * frequency);
                    values[at + 2 * quarter + i] = (float) Math.sin(y * frequency);
                    values[at + 3 * quarter + i] = (float) Math.cos(y * frequency);
                }
            }
        }
        return Tensor.of(values, (long) rows * columns, width);
    }
}
