package dev.vitrail.images.decode.webp;

import java.io.EOFException;
import java.io.IOException;

/** A key frame of VP8 (RFC 6386). */
final class LossyDecoder {
    private final FrameHeader header;
    private final Deadline deadline;
    private final Plane y;
    private final Plane u;
    private final Plane v;
    private final Prediction prediction = new Prediction();

    /**
     * Index of the filter strength of each macroblock, and {@link #INNER} where the edges of its blocks are filtered.
     */
    private final byte[] filters;

    private static final int INNER = 8;

    private LossyDecoder(FrameHeader header, Deadline deadline) {
        this.header = header;
        this.deadline = deadline;
        y = new Plane(16 * header.columns(), 16 * header.rows());
        u = new Plane(8 * header.columns(), 8 * header.rows());
        v = new Plane(8 * header.columns(), 8 * header.rows());
        filters = new byte[header.columns() * header.rows()];
    }

    /**
     * Decodes a frame.
     *
     * @return {@code 3 · width · height} bytes, red, green, blue
     */
    static byte[] decode(Span frame, Deadline deadline) throws IOException {
        var header = FrameHeader.read(frame);
        var decoder = new LossyDecoder(header, deadline);
        decoder.reconstruct();
        decoder.filter();
        return decoder.toRgb();
    }

    private void reconstruct() throws IOException {
        var modes = new MacroblockModes(header);
        var coefficients = new Coefficients(header);
        for (int row = 0; row < header.rows(); row++) {
            deadline.check();
            var tokens = header.partitions.get(row & (header.partitions.size() - 1));
            if (tokens.isEmpty()) {
                throw new EOFException();
            }
            modes.beginRow();
            coefficients.beginRow();
            for (int column = 0; column < header.columns(); column++) {
                modes.read(column);
                boolean coded = false;
                if (modes.skipped) {
                    coefficients.skip(column, modes.inBlocks);
                } else {
                    coded = coefficients.read(tokens, column, modes.inBlocks, header.quantizers.get(modes.segment));
                }
                filters[row * header.columns() + column] =
                        (byte) (2 * modes.segment + (modes.inBlocks ? 1 : 0) + (coded || modes.inBlocks ? INNER : 0));
                luma(modes, coefficients, column, row);
                chroma(u, 16, modes, coefficients, column, row);
                chroma(v, 20, modes, coefficients, column, row);
            }
        }
    }

    private void luma(MacroblockModes modes, Coefficients coefficients, int column, int row) {
        int at = y.at(16 * column, 16 * row);
        if (!modes.inBlocks) {
            Prediction.whole(y, at, 4, modes.luma, row > 0, column > 0);
            for (int i = 0; i < 16; i++) {
                add(coefficients, i, y, at + (i >> 2) * 4 * y.stride + (i & 3) * 4);
            }
            return;
        }
        // To the right of the last macroblock lies nothing; what is above it goes on, from the second row on.
        int beyond = at - y.stride + 16;
        if (row > 0 && column == header.columns() - 1) {
            for (int i = 0; i < Plane.RIGHT_BORDER; i++) {
                y.levels[beyond + i] = y.levels[beyond - 1];
            }
        }
        for (int i = 0; i < 16; i++) {
            int block = at + (i >> 2) * 4 * y.stride + (i & 3) * 4;
            // The macroblock to the right is not there yet: the blocks at that side all look beyond the row above.
            prediction.block(y, block, (i & 3) == 3 ? beyond : block - y.stride + 4, modes.blocks[i]);
            add(coefficients, i, y, block);
        }
    }

    private static void chroma(
            Plane plane, int first, MacroblockModes modes, Coefficients coefficients, int column, int row) {
        int at = plane.at(8 * column, 8 * row);
        Prediction.whole(plane, at, 3, modes.chroma, row > 0, column > 0);
        for (int i = 0; i < 4; i++) {
            add(coefficients, first + i, plane, at + (i >> 1) * 4 * plane.stride + (i & 1) * 4);
        }
    }

    private static void add(Coefficients coefficients, int block, Plane plane, int at) {
        InverseTransforms.add(
                coefficients.values, 16 * block, coefficients.kinds[block], plane.levels, at, plane.stride);
    }

    private void filter() throws WebpException {
        var strengths = header.filter.strengths();
        if (strengths.isEmpty()) {
            return;
        }
        for (int row = 0; row < header.rows(); row++) {
            deadline.check();
            for (int column = 0; column < header.columns(); column++) {
                int filter = filters[row * header.columns() + column];
                var strength = strengths.get(filter & (INNER - 1));
                if (strength.level() == 0) {
                    continue;
                }
                boolean inner = (filter & INNER) != 0;
                if (header.filter.onlyLuma()) {
                    LoopFilter.onlyLuma(y, y.at(16 * column, 16 * row), strength, inner, row > 0, column > 0);
                    continue;
                }
                LoopFilter.normal(y, y.at(16 * column, 16 * row), 16, strength, inner, row > 0, column > 0);
                LoopFilter.normal(u, u.at(8 * column, 8 * row), 8, strength, inner, row > 0, column > 0);
                LoopFilter.normal(v, v.at(8 * column, 8 * row), 8, strength, inner, row > 0, column > 0);
            }
        }
    }

    private byte[] toRgb() throws WebpException {
        var conversion = new ColorConversion(header.width, header.height);
        var rgb = new byte[3 * header.width * header.height];
        for (int row = 0; row < header.height; row++) {
            deadline.check();
            conversion.row(y, u, v, row, rgb, 3 * header.width * row);
        }
        return rgb;
    }
}
