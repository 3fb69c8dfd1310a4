package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The first page of a TIFF or BigTIFF file (TIFF 6.0; its supplements 1 and 2, and technical note 3 on floats), as
 * Pillow reads it.
 *
 * <p>Strips and tiles are expanded one after the other into levels of the image. Before memory is taken for these, the
 * bytes of each are weighed against what its compression can make of them.
 */
final class TiffDecoder {
    private static final int WIDTH = 256;
    private static final int HEIGHT = 257;
    private static final int DEPTH = 258;
    private static final int COMPRESSION = 259;
    private static final int PHOTOMETRIC = 262;
    private static final int FILL_ORDER = 266;
    private static final int STRIP_OFFSETS = 273;
    private static final int ORIENTATION = 274;
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
    private static final int JPEG_TABLES = 347;
    private static final int YCC_COEFFICIENTS = 529;
    private static final int YCC_SUBSAMPLING = 530;
    private static final int BLACK_AND_WHITE = 532;

    private static final int MOST_SAMPLES = 64;
    /** Bytes of tables that the JPEG files of strips share; each gets a copy. */
    private static final int MOST_TABLES = 1 << 14;
    /** How often the bytes of a file may be used: strips that share bytes are rare, and could grow without bound. */
    private static final int MOST_SHARED = 8;

    private final EncodedImage file;
    private final TiffDirectory directory;
    private final boolean big;
    private final int width;
    private final int height;
    private final TiffCompression compression;
    private final TiffColors colors;
    private final int photometric;
    private final int depth;
    private final int format;
    private final int samples;
    private final boolean planar;
    private final int predictor;
    private final boolean backwards;

    private final boolean tiled;
    private final int offsetsTag;
    private final int lengthsTag;
    private final int chunkWidth;
    private final int chunkHeight;
    private final int across;
    private final int down;
    private final int planes;
    private final int subAcross;
    private final int subDown;

    private TiffDecoder(EncodedImage file) throws IOException {
        this.file = file;
        directory = TiffDirectory.parse(file);
        big = directory.bigEndian();
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

    static RgbImage decode(EncodedImage file) throws IOException {
        var tiff = new TiffDecoder(file);
        var orientation = Orientation.of((int) tiff.directory.value(ORIENTATION, 1));
        return orientation.apply(tiff.image());
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

    // ------------------------------------------------------------------------------------------- strips and tiles

    /** A strip or tile: where its bytes lie, and its rows. */
    private record Chunk(int at, int bytes, int rows) {}

    private Chunk[] chunks() throws IOException {
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

    private int together() {
        return planar ? 1 : samples;
    }

    private long rowBytes() {
        return ((long) chunkWidth * together() * depth + 7) / 8;
    }

    private long wantedBytes(int rows) throws DamagedImageException {
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

    private RgbImage image() throws IOException {
        var chunks = chunks();
        if (compression == TiffCompression.JPEG) {
            for (int i = 0; i < chunks.length; i++) {
                jpegHeader(jpeg(chunks[i]), chunks[i].rows, i / across % down == down - 1);
            }
        }
        // Nothing is taken for the image before its first piece is there.
        byte[] piece = piece(chunks[0], down == 1);
        var target = colors == TiffColors.WIDE_GREY ? new Target(wide(), new byte[0]) : new Target(null, narrow());
        for (int i = 0; i < chunks.length; i++) {
            file.checkTime();
            int row = i / across % down;
            piece = i == 0 ? piece : piece(chunks[i], row == down - 1);
            int left = i % across * chunkWidth;
            int top = row * chunkHeight;
            int columns = Math.min(chunkWidth, width - left);
            int rows = Math.min(chunks[i].rows, height - top);
            if (target.wide != null) {
                widely(piece, target.wide, left, top, columns, rows);
            } else if (colors == TiffColors.YCBCR && !planar && compression != TiffCompression.JPEG) {
                chroma(piece, target.levels, left, top, columns, rows);
            } else {
                narrowly(piece, target.levels, i / across / down, left, top, columns, rows);
            }
        }
        return target.wide != null ? target.wide.image(file.sixteenBit()) : colored(target.levels);
    }

    /** Where levels go: those of wide grey, or bytes. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Target(@Nullable WideGrey wide, byte[] levels) {}

    private byte[] narrow() {
        return new byte[Math.multiplyExact(width * height, colors.bands())];
    }

    private WideGrey wide() {
        return switch (format) {
            case 2 -> new WideGrey(width, height, -Math.pow(2, depth - 1), Math.pow(2, depth - 1) - 1);
            case 3 -> new WideGrey(width, height, 0, 1);
            default -> new WideGrey(width, height, 0, Math.pow(2, depth) - 1);
        };
    }

    /** The samples of a strip or tile, rows of whole bytes, differences undone. */
    private byte[] piece(Chunk chunk, boolean last) throws IOException {
        byte[] piece =
                switch (compression) {
                    case JPEG -> {
                        var jpeg = jpeg(chunk);
                        var header = jpegHeader(jpeg, chunk.rows, last);
                        yield JpegDecoder.levels(jpeg, header, colors == TiffColors.YCBCR);
                    }
                    case WEBP -> webp(chunk);
                    case CCITT_RLE, CCITT_GROUP_3, CCITT_GROUP_4 ->
                        TiffFax.expand(file, directory, compression, data(chunk), chunkWidth, chunk.rows);
                    default -> compression.expand(file, data(chunk), (int) wantedBytes(chunk.rows));
                };
        if (predictor == 2) {
            sum(piece, chunk.rows);
        } else if (predictor == 3) {
            floats(piece, chunk.rows);
        }
        return piece;
    }

    /** The bytes of a strip or tile, their bits turned round where the file has the first pixel in the lowest. */
    private byte[] data(Chunk chunk) {
        byte[] data = Arrays.copyOfRange(file.bytes(), chunk.at, chunk.at + chunk.bytes);
        for (int i = 0; backwards && i < data.length; i++) {
            data[i] = (byte) (Integer.reverse(data[i]) >>> 24);
        }
        return data;
    }

    /** The JPEG file of a strip or tile, together with the tables that all of them share. */
    private EncodedImage jpeg(Chunk chunk) throws IOException {
        if (directory.count(JPEG_TABLES) > MOST_TABLES) {
            throw new DamagedImageException("has JPEG tables of %d bytes, where %d are the most"
                    .formatted(directory.count(JPEG_TABLES), MOST_TABLES));
        }
        byte[] tables = directory.bytes(JPEG_TABLES);
        byte[] own = Arrays.copyOfRange(file.bytes(), chunk.at, chunk.at + chunk.bytes);
        int kept = tables.length - 2; // without the end of image
        if (kept < 2 || own.length < 2) {
            return file.inner(own);
        }
        byte[] both = Arrays.copyOf(tables, kept + own.length - 2);
        System.arraycopy(own, 2, both, kept, own.length - 2);
        return file.inner(both);
    }

    /** The header of a JPEG inside, which must be of the size that the directory gives its strip or tile. */
    private JpegHeader jpegHeader(EncodedImage jpeg, int rows, boolean last) throws IOException {
        var header = JpegHeader.parse(jpeg);
        // The last strip may be padded to the height of the others.
        boolean high = header.height() == rows
                || (last && !tiled && header.height() > rows && header.height() <= chunkHeight)
                || (last && !tiled && down == 1 && header.height() >= rows && header.height() <= stripRows());
        if (header.width() != chunkWidth || !high || header.components() != together()) {
            throw new DamagedImageException(
                    "holds a JPEG of %d×%d pixels and %d components in a strip or tile of %d×%d and %d"
                            .formatted(
                                    header.width(),
                                    header.height(),
                                    header.components(),
                                    chunkWidth,
                                    rows,
                                    together()));
        }
        return header;
    }

    private long stripRows() throws IOException {
        // Blocks of sixteen rows at most are filled up.
        return Math.min(directory.value(STRIP_ROWS, height), height + 15L);
    }

    private byte[] webp(Chunk chunk) throws IOException {
        byte[] own = Arrays.copyOfRange(file.bytes(), chunk.at, chunk.at + chunk.bytes);
        var image = ImageFormat.WEBP.decode(file.inner(own));
        if (image.width() != chunkWidth || image.height() != chunk.rows) {
            throw new DamagedImageException("holds a WebP of %d×%d pixels in a strip or tile of %d×%d"
                    .formatted(image.width(), image.height(), chunkWidth, chunk.rows));
        }
        return image.pixels();
    }

    // --------------------------------------------------------------------------------------------------- predictors

    /** Each sample of a row is a difference from the one before of its kind (TIFF 6.0, section 14). */
    private void sum(byte[] piece, int rows) throws IOException {
        int step = together();
        int stride = (int) rowBytes();
        int count = chunkWidth * step;
        for (int y = 0; y < rows; y++) {
            int row = y * stride;
            switch (depth) {
                case 8 -> {
                    for (int i = step; i < count; i++) {
                        piece[row + i] += piece[row + i - step];
                    }
                }
                case 16 -> {
                    for (int i = step; i < count; i++) {
                        int sum = u16(piece, row + 2 * i) + u16(piece, row + 2 * (i - step));
                        piece[row + 2 * i + (big ? 0 : 1)] = (byte) (sum >> 8);
                        piece[row + 2 * i + (big ? 1 : 0)] = (byte) sum;
                    }
                }
                default -> {
                    for (int i = step; i < count; i++) {
                        int sum = i32(piece, row + 4 * i) + i32(piece, row + 4 * (i - step));
                        put32(piece, row + 4 * i, sum);
                    }
                }
            }
        }
    }

    /**
     * The bytes of a row's floats are sorted by their weight, and each is a difference from the one before
     * (technical note 3).
     */
    private void floats(byte[] piece, int rows) {
        int stride = (int) rowBytes();
        int step = together();
        int count = stride / 4;
        var row = new byte[stride];
        for (int y = 0; y < rows; y++) {
            System.arraycopy(piece, y * stride, row, 0, stride);
            for (int i = step; i < stride; i++) {
                row[i] += row[i - step];
            }
            for (int i = 0; i < count; i++) {
                int bits = (row[i] & 0xff) << 24
                        | (row[count + i] & 0xff) << 16
                        | (row[2 * count + i] & 0xff) << 8
                        | (row[3 * count + i] & 0xff);
                put32(piece, y * stride + 4 * i, bits);
            }
        }
    }

    // ----------------------------------------------------------------------------------------------------- samples

    private void narrowly(byte[] piece, byte[] levels, int plane, int left, int top, int columns, int rows) {
        int bands = colors.bands();
        int step = compression == TiffCompression.WEBP ? 3 : together();
        int stride = compression == TiffCompression.WEBP ? 3 * chunkWidth : (int) rowBytes();
        int first = planar ? plane : 0;
        int taken = planar ? 1 : bands;
        boolean inverted = colors == TiffColors.GREY && photometric == 0;
        int factor = colors == TiffColors.PALETTE ? 1 : depth < 8 ? 255 / ((1 << depth) - 1) : 1;
        for (int y = 0; y < rows; y++) {
            int to = ((top + y) * width + left) * bands + first;
            for (int x = 0; x < columns; x++, to += bands) {
                for (int band = 0; band < taken; band++) {
                    int sample = x * step + band;
                    int value;
                    if (depth == 8) {
                        value = piece[y * stride + sample];
                    } else if (depth == 16) {
                        value = piece[y * stride + 2 * sample + (big ? 0 : 1)];
                    } else {
                        value = bits(piece, y * stride, sample) * factor;
                    }
                    levels[to + band] = (byte) (inverted ? ~value : value);
                }
            }
        }
    }

    private int bits(byte[] piece, int row, int sample) {
        long bit = (long) sample * depth;
        int at = row + (int) (bit >> 3);
        return (piece[at] & 0xff) >> (8 - depth - (int) (bit & 7)) & ((1 << depth) - 1);
    }

    private void widely(byte[] piece, WideGrey grey, int left, int top, int columns, int rows) {
        int stride = (int) rowBytes();
        boolean unsigned = format == 1 && file.sixteenBit() != SixteenBit.CLIP;
        for (int y = 0; y < rows; y++) {
            int row = y * stride;
            int to = (top + y) * width + left;
            for (int x = 0; x < columns; x++) {
                float level;
                if (depth == 12) {
                    int at = row + x / 2 * 3;
                    level = x % 2 == 0
                            ? (piece[at] & 0xff) << 4 | (piece[at + 1] & 0xff) >> 4
                            : (piece[at + 1] & 15) << 8 | (piece[at + 2] & 0xff);
                } else if (depth == 16) {
                    int value = u16(piece, row + 2 * x);
                    level = format == 2 ? (short) value : value;
                } else {
                    int value = i32(piece, row + 4 * x);
                    // Pillow keeps whole numbers of 32 bits as signed ones.
                    level = format == 3 ? Float.intBitsToFloat(value) : unsigned ? value & 0xffffffffL : value;
                }
                grey.set(to + x, level);
            }
        }
    }

    /** Blocks of pixels that share their chroma: their Y, row by row, then Cb and Cr. */
    private void chroma(byte[] piece, byte[] rgb, int left, int top, int columns, int rows) throws IOException {
        var convert = converter();
        int unit = subAcross * subDown + 2;
        int units = (chunkWidth + subAcross - 1) / subAcross;
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++) {
                int at = (y / subDown * units + x / subAcross) * unit;
                int light = piece[at + y % subDown * subAcross + x % subAcross] & 0xff;
                int cb = piece[at + unit - 2] & 0xff;
                int cr = piece[at + unit - 1] & 0xff;
                convert.toRgb(light, cb, cr, rgb, 3 * ((top + y) * width + left + x));
            }
        }
    }

    private TiffYcc converter() throws IOException {
        return new TiffYcc(
                directory.reals(YCC_COEFFICIENTS, 3).orElseGet(() -> new float[] {0.299f, 0.587f, 0.114f}),
                directory.reals(BLACK_AND_WHITE, 6).orElseGet(() -> new float[] {0, 255, 128, 255, 128, 255}));
    }

    private RgbImage colored(byte[] levels) throws IOException {
        return new RgbImage(
                width,
                height,
                switch (colors) {
                    case GREY, WIDE_GREY -> Rasters.greyToRgb(levels);
                    case RGB -> levels;
                    case PALETTE -> painted(levels);
                    case PREMULTIPLIED -> divided(levels);
                    case CMYK -> {
                        for (int i = 0; i < levels.length; i++) {
                            levels[i] = (byte) ~levels[i];
                        }
                        yield Rasters.inkToRgb(levels, true);
                    }
                    case YCBCR -> {
                        if (planar) {
                            var convert = converter();
                            for (int i = 0; i < levels.length; i += 3) {
                                convert.toRgb(levels[i] & 0xff, levels[i + 1] & 0xff, levels[i + 2] & 0xff, levels, i);
                            }
                        }
                        yield levels;
                    }
                });
    }

    /** Colours of the palette, whose numbers have sixteen bits: all reds, all greens, all blues. */
    private byte[] painted(byte[] indices) throws IOException {
        int count = 1 << depth;
        long[] map = directory.values(COLOR_MAP, 3 * count);
        var rgb = new byte[Math.multiplyExact(3, indices.length)];
        for (int i = 0, to = 0; i < indices.length; i++) {
            for (int band = 0; band < 3; band++) {
                rgb[to++] = (byte) (map[band * count + (indices[i] & 0xff)] >> 8);
            }
        }
        return rgb;
    }

    /** Colours that were multiplied by alpha, divided by it again, by their high bytes. */
    private static byte[] divided(byte[] levels) {
        var rgb = new byte[levels.length / 4 * 3];
        for (int from = 0, to = 0; from < levels.length; from += 4) {
            int alpha = levels[from + 3] & 0xff;
            for (int band = 0; band < 3; band++) {
                int level = levels[from + band] & 0xff;
                rgb[to++] = (byte) (alpha == 0 ? 0 : Math.min(level * 255 / alpha, 255));
            }
        }
        return rgb;
    }

    private int u16(byte[] bytes, int at) {
        return (bytes[at + (big ? 0 : 1)] & 0xff) << 8 | (bytes[at + (big ? 1 : 0)] & 0xff);
    }

    private int i32(byte[] bytes, int at) {
        return big ? u16(bytes, at) << 16 | u16(bytes, at + 2) : u16(bytes, at) | u16(bytes, at + 2) << 16;
    }

    private void put32(byte[] bytes, int at, int value) {
        for (int i = 0; i < 4; i++) {
            bytes[at + i] = (byte) (value >> (big ? 24 - 8 * i : 8 * i));
        }
    }
}
