package dev.vitrail.images.decode;

import java.io.IOException;

/**
 * Color interpretation of a TIFF file's samples: photometric interpretation, depth, format and further samples,
 * checked.
 */
enum TiffColors {
    GREY(1),
    WIDE_GREY(1),
    PALETTE(1),
    RGB(3),
    PREMULTIPLIED(4),
    CMYK(4),
    YCBCR(3);

    private static final int WHITE_IS_ZERO = 0;
    private static final int BLACK_IS_ZERO = 1;

    private static final int ASSOCIATED = 1;
    private static final int SEPARATE = 2;
    /** Corel Draw's number for alpha. */
    private static final int COREL = 999;

    private final int bands;

    TiffColors(int bands) {
        this.bands = bands;
    }

    /** Number of samples of a pixel that are needed. */
    int bands() {
        return bands;
    }

    /**
     * The interpretation that Pillow reads the samples by, from the same table.
     *
     * @param samples of a pixel
     * @param depth bits of each
     * @param format 1 unsigned, 2 signed, 3 float
     * @param extra the meaning of samples beyond the colours': 0 nothing, 1 alpha that colours are multiplied
     *     by, 2 alpha
     * @throws UnsupportedFeatureException naming what it has, where Pillow reads no such file
     */
    static TiffColors of(int photometric, int samples, int depth, int format, long[] extra) throws IOException {
        return switch (photometric) {
            case WHITE_IS_ZERO, BLACK_IS_ZERO -> grey(photometric == BLACK_IS_ZERO, samples, depth, format, extra);
            case 2 -> rgb(samples, depth, format, extra);
            case 3 -> {
                boolean beside = samples == 2 && depth == 8 && extra.length == 1 && extra[0] != ASSOCIATED;
                require(
                        format == 1
                                && (beside || (samples == 1 && (depth == 8 || depth == 4 || depth == 2 || depth == 1))),
                        "a palette with %d samples of %d bits",
                        samples,
                        depth);
                yield PALETTE;
            }
            case 5 -> {
                require(
                        format == 1
                                && samples == 4 + extra.length
                                && (depth == 8
                                        ? extra.length <= 2 && zeros(extra, 0)
                                        : depth == 16 && extra.length == 0),
                        "%d inks of %s",
                        samples,
                        kind(depth, format));
                yield CMYK;
            }
            case 6 -> {
                require(
                        format == 1 && depth == 8 && extra.length == 0 && (samples == 1 || samples == 3),
                        "YCbCr with %d samples of %s",
                        samples,
                        kind(depth, format));
                yield samples == 1 ? GREY : YCBCR;
            }
            default -> throw new UnsupportedFeatureException(name(photometric));
        };
    }

    private static String name(int photometric) {
        return switch (photometric) {
            case 4 -> "a transparency mask in place of an image";
            case 8 -> "CIE L*a*b* colours";
            case 9 -> "ICC L*a*b* colours";
            case 10 -> "ITU L*a*b* colours";
            case 32803 -> "a camera's raw colour filter array";
            case 32844 -> "CIE LogL levels";
            case 32845 -> "CIE LogLuv colours";
            case 34892 -> "a camera's raw linear samples";
            default -> "the unknown photometric interpretation " + photometric;
        };
    }

    private static TiffColors grey(boolean upright, int samples, int depth, int format, long[] extra)
            throws IOException {
        if (samples == 2 && depth == 8 && format == 1 && upright && extra.length == 1 && extra[0] == SEPARATE) {
            return GREY;
        }
        require(
                samples == 1 && extra.length == 0,
                "grey with %d further samples of %s",
                Math.max(samples - 1, extra.length),
                kind(depth, format));
        if (format == 1 && (depth == 1 || depth == 2 || depth == 4 || depth == 8)) {
            return GREY;
        }
        if (format == 2 && depth == 8 && upright) {
            return GREY; // Pillow takes signed bytes as they are
        }
        boolean wide =
                switch (depth) {
                    case 12 -> format == 1 && upright;
                    case 16 -> format == 1 || (format == 2 && upright);
                    case 32 -> format == 3 || (format <= 2 && upright);
                    default -> false;
                };
        require(wide, "%sgrey of %s", upright ? "" : "inverted ", kind(depth, format));
        return WIDE_GREY;
    }

    private static TiffColors rgb(int samples, int depth, int format, long[] extra) throws IOException {
        boolean unnamed = extra.length == 0 && samples == 4;
        boolean known = extra.length == 0
                || ((extra[0] <= SEPARATE || extra[0] == COREL)
                        && zeros(extra, 1)
                        && extra.length <= (depth == 8 ? 3 : 1));
        require(
                format == 1 && (depth == 8 || depth == 16) && known && (unnamed || samples == 3 + extra.length),
                "RGB with %d samples of %s",
                samples,
                kind(depth, format));
        return extra.length > 0 && extra[0] == ASSOCIATED ? PREMULTIPLIED : RGB;
    }

    private static boolean zeros(long[] values, int from) {
        for (int i = from; i < values.length; i++) {
            if (values[i] != 0) {
                return false;
            }
        }
        return true;
    }

    private static String kind(int depth, int format) {
        return switch (format) {
            case 1 -> depth + " bits";
            case 2 -> depth + " bits, signed";
            case 3 -> depth + " bits, floating-point";
            case 5, 6 -> depth + " bits, complex numbers";
            default -> depth + " bits of an undefined format";
        };
    }

    private static void require(boolean condition, String feature, Object... values)
            throws UnsupportedFeatureException {
        if (!condition) {
            throw new UnsupportedFeatureException(feature.formatted(values));
        }
    }
}
