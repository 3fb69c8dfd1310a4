package dev.vitrail.images.decode;

import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;

/**
 * The layout of a TIFF page, as its directory describes it: size, samples of a pixel, colours, compression, and where
 * the strips or tiles lie (TIFF 6.0). What is not read is refused here, before memory is taken for pixels.
 */
final class TiffLayout {
    private static final int WIDTH = 256;
    private static final int HEIGHT = 257;
    private static final int DEPTH = 258;
    private static final int COMPRESSION = 259;
    private static final int PHOTOMETRIC = 262;
    private static final int FILL_ORDER = 266;
    private static final int STRIP_OFFSETS = 273;
    private static final int SAMPLES = 277;
    private static final int STRIP_ROWS = 278;
    private static final int STRIP_BYTES = 279;
    private static final int PLANAR = 284;
    private static final int PREDICTOR = 317;
    private static final int COLOR_MAP = 320;
    private static final int TILE_WIDTH = 322;
    private static final int TILE_HEIGHT = 323;
    private static final int TILE_OFFSETS = 324;
    private static final int TILE_BYTES = 325;
    private static final int EXTRA_SAMPLES = 338;
    private static final int SAMPLE_FORMAT = 339;
    private static final int YCC_SUBSAMPLING = 530;

    private static final int MOST_SAMPLES = 64;
    /**
     * Limit on the bytes of all strips or tiles, in sizes of the file: strips that share bytes are rare, and could grow
     * without bound.
     */
    private static final int MOST_SHARED = 8;

    private final EncodedImage file;
    final TiffDirectory directory;
    final boolean bigEndian;
    final int width;
    final int height;
    final TiffCompression compression;
    final TiffColors colors;
    final int photometric;
    final int depth;
    final int format;
    final int samples;
    final boolean planar;
    final int predictor;
    final boolean backwards;

    final boolean tiled;
    private final int offsetsTag;
    private final int lengthsTag;
    final int chunkWidth;
    final int chunkHeight;
    final int across;
    final int down;
    private final int planes;
    final int subAcross;
    final int subDown;

    TiffLayout(EncodedImage file) throws IOException {
        this.file = file;
        directory = TiffDirectory.parse(file);
        bigEndian = directory.bigEndian();
        TiffRaw.refuse(file, directory);
        long wide = directory.value(WIDTH, 0);
        long high = directory.value(HEIGHT, 0);
        file.checkSize(wide, high);
        width = (int) wide;
        height = (int) high;
        compression = TiffCompression.of(directory.value(COMPRESSION, 1));
        photometric = (int) directory.value(PHOTOMETRIC, 0);
        planar = directory.value(PLANAR, 1) == 2;
        backwards = directory.value(FILL_ORDER, 1) == 2;
        predictor = compression.mayDiffer() ? (int) directory.value(PREDICTOR, 1) : 1;
        format = (int) same(directory.values(SAMPLE_FORMAT, MOST_SAMPLES), 1, "formats");
        long[] extra = directory.values(EXTRA_SAMPLES, MOST_SAMPLES);
        long all = directory.value(SAMPLES, 1);
        if (all < 1 || all > MOST_SAMPLES) {
            throw new DamagedImageException(
                    "has %d samples a pixel, where 1 to %d are read".formatted(all, MOST_SAMPLES));
        }
        if (planar
                && extra.length > 0
                && extra.length < all
                && Arrays.stream(extra).allMatch(kind -> kind == 0)) {
            all -= extra.length; // planes that mean nothing are not looked at
            extra = new long[0];
        }
        samples = (int) all;
        long[] depths = directory.values(DEPTH, samples);
        if (depths.length != samples && depths.length > 1) {
            throw new DamagedImageException(
                    "has depths for %d samples, where a pixel has %d".formatted(depths.length, samples));
        }
        depth = (int) same(depths, 1, "depths");
        colors = TiffColors.of(photometric, samples, depth, format, extra);
        planes = planar ? colors.bands() : 1;
        // Some writers name the tiles' bytes by the tags of strips.
        boolean strips = directory.has(STRIP_OFFSETS);
        tiled = directory.has(TILE_WIDTH)
                && directory.has(TILE_HEIGHT)
                && !(strips && compression == TiffCompression.NONE);
        offsetsTag = strips ? STRIP_OFFSETS : TILE_OFFSETS;
        lengthsTag = directory.has(STRIP_BYTES) ? STRIP_BYTES : TILE_BYTES;
        long rows = directory.value(STRIP_ROWS, height);
        long chunkWide = tiled ? directory.value(TILE_WIDTH, 0) : width;
        long chunkHigh = tiled ? directory.value(TILE_HEIGHT, 0) : rows < 1 ? 0 : Math.min(rows, height);
        file.checkSize(chunkWide, chunkHigh);
        chunkWidth = (int) chunkWide;
        chunkHeight = (int) chunkHigh;
        across = 1 + (width - 1) / chunkWidth;
        down = 1 + (height - 1) / chunkHeight;
        boolean subsampled = colors == TiffColors.YCBCR && compression != TiffCompression.JPEG;
        long[] sub = directory.values(YCC_SUBSAMPLING, 2);
        subAcross = !subsampled ? 1 : sub.length == 2 ? (int) sub[0] : 2;
        subDown = !subsampled ? 1 : sub.length == 2 ? (int) sub[1] : 2;
        checkFeatures();
    }

    private static long same(long[] values, long otherwise, String what) throws UnsupportedFeatureException {
        for (long value : values) {
            if (value != values[0]) {
                throw new UnsupportedFeatureException("samples of different " + what);
            }
        }
        return values.length == 0 ? otherwise : values[0];
    }

    private void checkFeatures() throws IOException {
        if (compression == TiffCompression.JPEG && (depth != 8 || (planar && colors == TiffColors.YCBCR))) {
            throw new UnsupportedFeatureException(
                    depth != 8
                            ? "JPEG inside with %d bits a sample".formatted(depth)
                            : "YCbCr as JPEG in planes of their own");
        }
        boolean fax = compression == TiffCompression.CCITT_RLE
                || compression == TiffCompression.CCITT_GROUP_3
                || compression == TiffCompression.CCITT_GROUP_4;
        if (fax && (depth != 1 || samples != 1)) {
            throw new DamagedImageException(
                    "is compressed as a fax, with %d samples of %d bits, where one of one bit is possible"
                            .formatted(samples, depth));
        }
        if (compression == TiffCompression.WEBP && (colors != TiffColors.RGB || depth != 8 || planar)) {
            throw new UnsupportedFeatureException("WebP inside with other than eight-bit RGB");
        }
        boolean steps = subAcross * subDown > 1;
        if (colors == TiffColors.YCBCR
                && (!isStep(subAcross)
                        || !isStep(subDown)
                        || (subDown > subAcross && subDown != 2)
                        || (steps && planar))) {
            throw new UnsupportedFeatureException(
                    "chroma of %d×%d pixels%s".formatted(subAcross, subDown, planar ? " in planes of their own" : ""));
        }
        if (predictor < 1 || predictor > 3) {
            throw new UnsupportedFeatureException("the unknown predictor " + predictor);
        }
        boolean differences = predictor == 2 && (depth == 8 || depth == 16 || depth == 32) && !steps;
        boolean floats = predictor == 3 && format == 3 && depth == 32;
        if (predictor > 1 && !differences && !floats) {
            throw new UnsupportedFeatureException("predictor %d with samples of %d bits%s"
                    .formatted(predictor, depth, steps ? " and wider chroma" : ""));
        }
        if (colors == TiffColors.PALETTE && directory.count(COLOR_MAP) < 3L << depth) {
            throw new DamagedImageException("has %d numbers in its palette, where %d are needed"
                    .formatted(directory.count(COLOR_MAP), 3L << depth));
        }
    }

    private static boolean isStep(int step) {
        return step == 1 || step == 2 || step == 4;
    }

    /** The numbers of the palette, of sixteen bits: all reds, all greens, all blues. */
    long[] palette() throws IOException {
        return directory.values(COLOR_MAP, 3 << depth);
    }

    /** A strip or tile: where its bytes lie, and its rows. */
    record Chunk(int at, int bytes, int rows) {}

    /** Strips or tiles, row by row; where samples lie in planes of their own, plane after plane. */
    Chunk[] chunks() throws IOException {
        int count = Math.multiplyExact(Math.multiplyExact(across, down), planes);
        long[] offsets = directory.values(offsetsTag, count);
        long[] lengths = directory.values(lengthsTag, count);
        if (offsets.length < count) {
            throw new DamagedImageException(
                    "has %d strips or tiles, where %d are needed".formatted(offsets.length, count));
        }
        var chunks = new Chunk[count];
        long used = 0;
        for (int i = 0; i < count; i++) {
            int row = i / across % down;
            int rows = tiled ? chunkHeight : Math.min(chunkHeight, height - row * chunkHeight);
            if (offsets[i] < 0 || offsets[i] >= file.size()) {
                throw new EOFException();
            }
            long wanted = wantedBytes(rows);
            // Plain data are as long as they must be, whatever is said; others may not be said to have any length.
            long said = compression == TiffCompression.NONE
                    ? wanted
                    : i < lengths.length && lengths[i] > 0 ? lengths[i] : file.size();
            if (compression == TiffCompression.NONE && said > file.size() - offsets[i]) {
                throw new EOFException();
            }
            int bytes = (int) Math.min(said, file.size() - offsets[i]);
            used += bytes;
            if (used > (long) MOST_SHARED * file.size()) {
                throw new DamagedImageException("has strips or tiles that share their bytes");
            }
            compression.checkRatio(bytes, wanted);
            // A row of a fax takes a bit at least.
            if (depth == 1 && rows > 8L * bytes) {
                throw new EOFException();
            }
            chunks[i] = new Chunk((int) offsets[i], bytes, rows);
        }
        return chunks;
    }

    /** Samples that lie beside each other: those of a pixel, or one in a plane of its own. */
    int together() {
        return planar ? 1 : samples;
    }

    /** Bytes in a row of an expanded strip or tile. */
    long rowBytes() {
        return ((long) chunkWidth * together() * depth + 7) / 8;
    }

    /** Bytes of an expanded strip or tile. */
    long wantedBytes(int rows) throws DamagedImageException {
        long bytes = rowBytes() * rows;
        if (subAcross * subDown > 1) {
            long units = (long) ((chunkWidth + subAcross - 1) / subAcross) * ((rows + subDown - 1) / subDown);
            bytes = units * (subAcross * subDown + 2L);
        }
        if (bytes > Integer.MAX_VALUE - 4096) {
            throw new DamagedImageException(
                    "has a strip or tile of %d bytes, more than one array can hold".formatted(bytes));
        }
        return bytes;
    }

    /** Rows that a JPEG in the only strip may have: blocks of sixteen rows at most are filled up. */
    long stripRows() throws IOException {
        return Math.min(directory.value(STRIP_ROWS, height), height + 15L);
    }
}
