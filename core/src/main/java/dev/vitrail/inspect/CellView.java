package dev.vitrail.inspect;

import dev.vitrail.inspect.ModelLayout.Output;
import dev.vitrail.inspect.ModelLayout.TokenGrid;

/**
 * A block's output as cells of channels, whatever its layout.
 *
 * @param values of all images
 * @param prefix tokens before the cells
 * @param height rows of cells
 * @param width columns of cells
 * @param channels of a cell
 * @param imageStep elements between images
 * @param cellStep elements between cells
 * @param channelStep elements between channels
 */
@SuppressWarnings("ArrayRecordComponent") // lives inside one computation
public record CellView(
        float[] values, int prefix, int height, int width, int channels, int imageStep, int cellStep, int channelStep) {
    /**
     * Views a block's output.
     *
     * @param shape of the output: three sizes for tokens, four for a map
     */
    public static CellView of(ModelLayout layout, float[] values, long[] shape) {
        if (shape.length == 3) {
            int tokens = (int) shape[1], channels = (int) shape[2];
            return new CellView(
                    values,
                    layout.prefix(),
                    layout.gridHeight(),
                    layout.gridWidth(),
                    channels,
                    tokens * channels,
                    channels,
                    1);
        }
        boolean last = layout.output() == Output.CHANNELS_LAST;
        int height = (int) shape[last ? 1 : 2], width = (int) shape[last ? 2 : 3];
        int channels = (int) shape[last ? 3 : 1];
        return new CellView(
                values,
                0,
                height,
                width,
                channels,
                channels * height * width,
                last ? channels : 1,
                last ? 1 : height * width);
    }

    /** Tokens without a prefix, {@code [B, N, D]}, on a grid. */
    static CellView tokens(float[] values, long[] shape, TokenGrid grid) {
        int tokens = (int) shape[1], channels = (int) shape[2];
        return new CellView(values, 0, grid.height(), grid.width(), channels, tokens * channels, channels, 1);
    }

    /** A map {@code [B, D, H, W]}. */
    static CellView channelsFirst(float[] values, long[] shape) {
        int channels = (int) shape[1], height = (int) shape[2], width = (int) shape[3];
        return new CellView(values, 0, height, width, channels, channels * height * width, 1, height * width);
    }

    /** Cells of an image. */
    public int cells() {
        return height * width;
    }

    /** Tokens with the prefix. */
    public int tokens() {
        return prefix + cells();
    }

    /** A channel of a token; the first {@link #prefix} are no cells. */
    public float token(int image, int token, int channel) {
        return values[image * imageStep + token * cellStep + channel * channelStep];
    }

    /** A channel of a cell. */
    public float at(int image, int cell, int channel) {
        return token(image, prefix + cell, channel);
    }
}
