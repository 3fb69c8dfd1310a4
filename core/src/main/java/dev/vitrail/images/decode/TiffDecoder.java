package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
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
    private static final int ORIENTATION = 274;
    private static final int JPEG_TABLES = 347;
    private static final int YCC_COEFFICIENTS = 529;
    private static final int BLACK_AND_WHITE = 532;

    /** Bytes of tables that the JPEG files of strips share; each gets a copy. */
    private static final int MOST_TABLES = 1 << 14;

    private final EncodedImage file;
    private final TiffLayout page;

    private TiffDecoder(EncodedImage file, TiffLayout page) {
        this.file = file;
        this.page = page;
    }

    static RgbImage decode(EncodedImage file) throws IOException {
        var page = new TiffLayout(file);
        var orientation = Orientation.of((int) page.directory.value(ORIENTATION, 1));
        return orientation.apply(new TiffDecoder(file, page).image());
    }

    private RgbImage image() throws IOException {
        var chunks = page.chunks();
        if (page.compression == TiffCompression.JPEG) {
            for (int i = 0; i < chunks.length; i++) {
                jpegHeader(jpeg(chunks[i]), chunks[i].rows(), i / page.across % page.down == page.down - 1);
            }
        }
        // Nothing is taken for the image before its first piece is there.
        byte[] piece = piece(chunks[0], page.down == 1);
        var target = page.colors == TiffColors.WIDE_GREY ? new Target(wide(), new byte[0]) : new Target(null, narrow());
        for (int i = 0; i < chunks.length; i++) {
            file.checkTime();
            int row = i / page.across % page.down;
            piece = i == 0 ? piece : piece(chunks[i], row == page.down - 1);
            int left = i % page.across * page.chunkWidth;
            int top = row * page.chunkHeight;
            int columns = Math.min(page.chunkWidth, page.width - left);
            int rows = Math.min(chunks[i].rows(), page.height - top);
            if (target.wide != null) {
                widely(piece, target.wide, left, top, columns, rows);
            } else if (page.colors == TiffColors.YCBCR && !page.planar && page.compression != TiffCompression.JPEG) {
                chroma(piece, target.levels, left, top, columns, rows);
            } else {
                narrowly(piece, target.levels, i / page.across / page.down, left, top, columns, rows);
            }
        }
        return target.wide != null ? target.wide.image(file.sixteenBit()) : colored(target.levels);
    }

    /** Destination of decoded levels: those of wide grey, or bytes. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Target(@Nullable WideGrey wide, byte[] levels) {}

    private byte[] narrow() {
        return new byte[Math.multiplyExact(page.width * page.height, page.colors.bands())];
    }

    private WideGrey wide() {
        return switch (page.format) {
            case 2 ->
                new WideGrey(page.width, page.height, -Math.pow(2, page.depth - 1), Math.pow(2, page.depth - 1) - 1);
            case 3 -> new WideGrey(page.width, page.height, 0, 1);
            default -> new WideGrey(page.width, page.height, 0, Math.pow(2, page.depth) - 1);
        };
    }

    /** The samples of a strip or tile, rows of whole bytes, differences undone. */
    private byte[] piece(TiffLayout.Chunk chunk, boolean last) throws IOException {
        byte[] piece =
                switch (page.compression) {
                    case JPEG -> {
                        var jpeg = jpeg(chunk);
                        var header = jpegHeader(jpeg, chunk.rows(), last);
                        yield JpegDecoder.levels(jpeg, header, page.colors == TiffColors.YCBCR);
                    }
                    case WEBP -> webp(chunk);
                    case CCITT_RLE, CCITT_GROUP_3, CCITT_GROUP_4 ->
                        TiffFax.expand(
                                file, page.directory, page.compression, data(chunk), page.chunkWidth, chunk.rows());
                    default -> page.compression.expand(file, data(chunk), (int) page.wantedBytes(chunk.rows()));
                };
        if (page.predictor == 2) {
            sum(piece, chunk.rows());
        } else if (page.predictor == 3) {
            floats(piece, chunk.rows());
        }
        return piece;
    }

    /** The bytes of a strip or tile, their bits turned round where the file has the first pixel in the lowest. */
    private byte[] data(TiffLayout.Chunk chunk) {
        byte[] data = Arrays.copyOfRange(file.bytes(), chunk.at(), chunk.at() + chunk.bytes());
        for (int i = 0; page.backwards && i < data.length; i++) {
            data[i] = (byte) (Integer.reverse(data[i]) >>> 24);
        }
        return data;
    }

    /** The JPEG file of a strip or tile, together with the tables that all of them share. */
    private EncodedImage jpeg(TiffLayout.Chunk chunk) throws IOException {
        if (page.directory.count(JPEG_TABLES) > MOST_TABLES) {
            throw new DamagedImageException("has JPEG tables of %d bytes, where %d are the most"
                    .formatted(page.directory.count(JPEG_TABLES), MOST_TABLES));
        }
        byte[] tables = page.directory.bytes(JPEG_TABLES);
        byte[] own = Arrays.copyOfRange(file.bytes(), chunk.at(), chunk.at() + chunk.bytes());
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
                || (last && !page.tiled && header.height() > rows && header.height() <= page.chunkHeight)
                || (last
                        && !page.tiled
                        && page.down == 1
                        && header.height() >= rows
                        && header.height() <= page.stripRows());
        if (header.width() != page.chunkWidth || !high || header.components() != page.together()) {
            throw new DamagedImageException(
                    "holds a JPEG of %d×%d pixels and %d components in a strip or tile of %d×%d and %d"
                            .formatted(
                                    header.width(),
                                    header.height(),
                                    header.components(),
                                    page.chunkWidth,
                                    rows,
                                    page.together()));
        }
        return header;
    }

    private byte[] webp(TiffLayout.Chunk chunk) throws IOException {
        byte[] own = Arrays.copyOfRange(file.bytes(), chunk.at(), chunk.at() + chunk.bytes());
        var image = ImageFormat.WEBP.decode(file.inner(own));
        if (image.width() != page.chunkWidth || image.height() != chunk.rows()) {
            throw new DamagedImageException("holds a WebP of %d×%d pixels in a strip or tile of %d×%d"
                    .formatted(image.width(), image.height(), page.chunkWidth, chunk.rows()));
        }
        return image.pixels();
    }

    // --------------------------------------------------------------------------------------------------- predictors

    /** Each sample of a row is a difference from the one before of its kind (TIFF 6.0, section 14). */
    private void sum(byte[] piece, int rows) throws IOException {
        int step = page.together();
        int stride = (int) page.rowBytes();
        int count = page.chunkWidth * step;
        for (int y = 0; y < rows; y++) {
            int row = y * stride;
            switch (page.depth) {
                case 8 -> {
                    for (int i = step; i < count; i++) {
                        piece[row + i] += piece[row + i - step];
                    }
                }
                case 16 -> {
                    for (int i = step; i < count; i++) {
                        int sum = u16(piece, row + 2 * i) + u16(piece, row + 2 * (i - step));
                        piece[row + 2 * i + (page.bigEndian ? 0 : 1)] = (byte) (sum >> 8);
                        piece[row + 2 * i + (page.bigEndian ? 1 : 0)] = (byte) sum;
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
        int stride = (int) page.rowBytes();
        int step = page.together();
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
        int bands = page.colors.bands();
        int step = page.compression == TiffCompression.WEBP ? 3 : page.together();
        int stride = page.compression == TiffCompression.WEBP ? 3 * page.chunkWidth : (int) page.rowBytes();
        int first = page.planar ? plane : 0;
        int taken = page.planar ? 1 : bands;
        boolean inverted = page.colors == TiffColors.GREY && page.photometric == 0;
        int factor = page.colors == TiffColors.PALETTE ? 1 : page.depth < 8 ? 255 / ((1 << page.depth) - 1) : 1;
        for (int y = 0; y < rows; y++) {
            int to = ((top + y) * page.width + left) * bands + first;
            for (int x = 0; x < columns; x++, to += bands) {
                for (int band = 0; band < taken; band++) {
                    int sample = x * step + band;
                    int value;
                    if (page.depth == 8) {
                        value = piece[y * stride + sample];
                    } else if (page.depth == 16) {
                        value = piece[y * stride + 2 * sample + (page.bigEndian ? 0 : 1)];
                    } else {
                        value = bits(piece, y * stride, sample) * factor;
                    }
                    levels[to + band] = (byte) (inverted ? ~value : value);
                }
            }
        }
    }

    private int bits(byte[] piece, int row, int sample) {
        long bit = (long) sample * page.depth;
        int at = row + (int) (bit >> 3);
        return (piece[at] & 0xff) >> (8 - page.depth - (int) (bit & 7)) & ((1 << page.depth) - 1);
    }

    private void widely(byte[] piece, WideGrey grey, int left, int top, int columns, int rows) {
        int stride = (int) page.rowBytes();
        boolean unsigned = page.format == 1 && file.sixteenBit() != SixteenBit.CLIP;
        for (int y = 0; y < rows; y++) {
            int row = y * stride;
            int to = (top + y) * page.width + left;
            for (int x = 0; x < columns; x++) {
                float level;
                if (page.depth == 12) {
                    int at = row + x / 2 * 3;
                    level = x % 2 == 0
                            ? (piece[at] & 0xff) << 4 | (piece[at + 1] & 0xff) >> 4
                            : (piece[at + 1] & 15) << 8 | (piece[at + 2] & 0xff);
                } else if (page.depth == 16) {
                    int value = u16(piece, row + 2 * x);
                    level = page.format == 2 ? (short) value : value;
                } else {
                    int value = i32(piece, row + 4 * x);
                    // Pillow keeps whole numbers of 32 bits as signed ones.
                    level = page.format == 3 ? Float.intBitsToFloat(value) : unsigned ? value & 0xffffffffL : value;
                }
                grey.set(to + x, level);
            }
        }
    }

    /** Blocks of pixels that share their chroma: their Y, row by row, then Cb and Cr. */
    private void chroma(byte[] piece, byte[] rgb, int left, int top, int columns, int rows) throws IOException {
        var convert = converter();
        int unit = page.subAcross * page.subDown + 2;
        int units = (page.chunkWidth + page.subAcross - 1) / page.subAcross;
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++) {
                int at = (y / page.subDown * units + x / page.subAcross) * unit;
                int light = piece[at + y % page.subDown * page.subAcross + x % page.subAcross] & 0xff;
                int cb = piece[at + unit - 2] & 0xff;
                int cr = piece[at + unit - 1] & 0xff;
                convert.toRgb(light, cb, cr, rgb, 3 * ((top + y) * page.width + left + x));
            }
        }
    }

    private TiffYcc converter() throws IOException {
        return new TiffYcc(
                page.directory.reals(YCC_COEFFICIENTS, 3).orElseGet(() -> new float[] {0.299f, 0.587f, 0.114f}),
                page.directory.reals(BLACK_AND_WHITE, 6).orElseGet(() -> new float[] {0, 255, 128, 255, 128, 255}));
    }

    private RgbImage colored(byte[] levels) throws IOException {
        return new RgbImage(
                page.width,
                page.height,
                switch (page.colors) {
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
                        if (page.planar) {
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
        int count = 1 << page.depth;
        long[] map = page.palette();
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
        return (bytes[at + (page.bigEndian ? 0 : 1)] & 0xff) << 8 | (bytes[at + (page.bigEndian ? 1 : 0)] & 0xff);
    }

    private int i32(byte[] bytes, int at) {
        return page.bigEndian ? u16(bytes, at) << 16 | u16(bytes, at + 2) : u16(bytes, at) | u16(bytes, at + 2) << 16;
    }

    private void put32(byte[] bytes, int at, int value) {
        for (int i = 0; i < 4; i++) {
            bytes[at + i] = (byte) (value >> (page.bigEndian ? 24 - 8 * i : 8 * i));
        }
    }
}
