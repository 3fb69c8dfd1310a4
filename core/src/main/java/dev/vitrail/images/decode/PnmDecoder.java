package dev.vitrail.images.decode;

import dev.vitrail.images.RgbImage;
import java.io.EOFException;
import java.io.IOException;

/**
 * PBM, PGM and PPM, plain (P1 to P3) and raw (P4 to P6), of up to 65,535 levels: the formats of Netpbm.
 *
 * <p>As Pillow has them: colours, and grey of up to 255 levels, are stretched to 0–255, rounded halves to even; grey of
 * more levels is stretched to 0–65,535 and is then an image of sixteen bits.
 */
final class PnmDecoder {
    private static final int MOST_DIGITS = 10;
    private static final int MOST_LEVELS = 65535;

    private final EncodedImage file;
    private final int kind;
    private int at = 2;

    private PnmDecoder(EncodedImage file) {
        this.file = file;
        this.kind = file.bytes()[1] - '0';
    }

    /** Returns whether a file begins as these do. */
    static boolean begins(byte[] bytes) {
        return bytes.length > 3
                && bytes[0] == 'P'
                && bytes[1] >= '1'
                && bytes[1] <= '6'
                && (isSpace(bytes[2] & 0xff) || bytes[2] == '#');
    }

    static RgbImage decode(EncodedImage file) throws IOException {
        return new PnmDecoder(file).image();
    }

    private RgbImage image() throws IOException {
        boolean plain = kind <= 3;
        boolean bits = kind == 1 || kind == 4;
        boolean color = kind == 3 || kind == 6;
        long wide = number();
        long high = number();
        long most = bits ? 1 : number();
        file.checkSize(wide, high);
        if (most < 1 || most > MOST_LEVELS) {
            throw new DamagedImageException(
                    "says that white is %d, where 1 to %d are allowed".formatted(most, MOST_LEVELS));
        }
        int width = (int) wide;
        int height = (int) high;
        long values = wide * high * (color ? 3 : 1);
        int each = most > 255 ? 2 : 1;
        if (plain) {
            file.need(at, bits ? values : 2 * values - 1);
        } else {
            file.need(at, bits ? (wide + 7) / 8 * high : values * each);
        }
        if (kind == 4) {
            return new RgbImage(width, height, Rasters.greyToRgb(packed(width, height)));
        }
        if (!color && !bits && each == 2) {
            var grey = new WideGrey(width, height, 0, MOST_LEVELS);
            for (int i = 0; i < values; i++) {
                long value = plain ? plain(most, i) : Math.min(raw(each), most);
                grey.set(i, (float) Math.rint(value / (double) most * MOST_LEVELS));
            }
            return grey.image(file.sixteenBit());
        }
        var levels = new byte[(int) values];
        for (int i = 0; i < levels.length; i++) {
            if (bits) {
                levels[i] = (byte) (bit(i) == 0 ? 255 : 0);
            } else {
                long value = plain ? plain(most, i) : raw(each);
                levels[i] = (byte) Math.min(255, (long) Math.rint(value / (double) most * 255));
            }
        }
        return new RgbImage(width, height, color ? levels : Rasters.greyToRgb(levels));
    }

    private byte[] packed(int width, int height) throws IOException {
        var levels = new byte[width * height];
        int stride = (width + 7) / 8;
        for (int y = 0; y < height; y++) {
            file.checkTime();
            for (int x = 0; x < width; x++) {
                boolean black = (file.bytes()[at + y * stride + x / 8] >> (7 - x % 8) & 1) != 0;
                levels[y * width + x] = (byte) (black ? 0 : 255);
            }
        }
        return levels;
    }

    private int raw(int bytes) throws IOException {
        int value = bytes == 1 ? file.u8(at) : file.u16Big(at);
        at += bytes;
        return value;
    }

    private long plain(long most, int index) throws IOException {
        if ((index & 0xffff) == 0) {
            file.checkTime();
        }
        long value = number();
        if (value > most) {
            throw new DamagedImageException("has the level %d, where white is %d".formatted(value, most));
        }
        return value;
    }

    /** A plain bit map's digits need no space between them. */
    private int bit(int index) throws IOException {
        if ((index & 0xffff) == 0) {
            file.checkTime();
        }
        skipSpace();
        int digit = file.u8(at++);
        if (digit != '0' && digit != '1') {
            throw new DamagedImageException("has a byte %d where 0 or 1 is expected".formatted(digit));
        }
        return digit - '0';
    }

    /** The next number, and one byte of space after it. */
    private long number() throws IOException {
        skipSpace();
        long value = 0;
        int start = at;
        while (at < file.size() && !isSpace(file.u8(at)) && file.u8(at) != '#') {
            int digit = file.u8(at) - '0';
            if (digit < 0 || digit > 9 || at - start >= MOST_DIGITS) {
                throw new DamagedImageException(
                        "has no whole number where one is expected (at byte %d)".formatted(start));
            }
            value = 10 * value + digit;
            at++;
        }
        if (at == start) {
            throw new EOFException();
        }
        if (at < file.size() && file.u8(at) == '#') {
            skipComment();
        } else {
            at++;
        }
        return value;
    }

    private void skipSpace() throws EOFException {
        while (isSpace(file.u8(at)) || file.u8(at) == '#') {
            if (file.u8(at) == '#') {
                skipComment();
            } else {
                at++;
            }
        }
    }

    /** Skips the comment to the end of its line, and beyond that. */
    private void skipComment() throws EOFException {
        while (file.u8(at) != '\n' && file.u8(at) != '\r') {
            at++;
        }
        at++;
    }

    private static boolean isSpace(int value) {
        return value == ' ' || (value >= 9 && value <= 13);
    }
}
