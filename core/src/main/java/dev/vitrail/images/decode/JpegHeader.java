package dev.vitrail.images.decode;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * The segments before the first scan of a JPEG file (ITU-T T.81, annex B).
 *
 * @param width pixels
 * @param height pixels
 * @param components one for grey, three, or four
 * @param horizontal sampling factor of each component across, 1–4
 * @param vertical sampling factor of each component down, 1–4
 * @param colors what the components are, decided as libjpeg decides it
 * @param exif the TIFF structure of the EXIF segment
 * @param tables the segments that decoding needs, without any application segment or comment
 * @param scan where the first scan's segment begins in the file
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record JpegHeader(
        int width,
        int height,
        int components,
        int[] horizontal,
        int[] vertical,
        Colors colors,
        Optional<byte[]> exif,
        byte[] tables,
        int scan) {
    /** The meaning of a JPEG's components. */
    enum Colors {
        GREY,
        RGB,
        YCC,
        CMYK,
        YCCK
    }

    /** More scans than any encoder makes: each costs a pass over the whole image, however few bytes it has. */
    private static final int MAX_SCANS = 500;

    private static final int SOI = 0xd8;
    private static final int EOI = 0xd9;
    private static final int SOS = 0xda;
    private static final int DHT = 0xc4;
    private static final int JPG = 0xc8;
    private static final int DAC = 0xcc;
    private static final int DNL = 0xdc;
    private static final int APP0 = 0xe0;
    private static final int APP1 = 0xe1;
    private static final int APP14 = 0xee;
    private static final int APP15 = 0xef;
    private static final int COM = 0xfe;

    /** Reads the header, and counts the scans that follow. */
    static JpegHeader parse(EncodedImage file) throws IOException {
        var tables = new ByteArrayOutputStream();
        int frame = -1;
        boolean jfif = false;
        int adobe = -1;
        Optional<byte[]> exif = Optional.empty();
        int at = 2;
        while (true) {
            while (file.u8(at) != 0xff || file.u8(at + 1) == 0xff || file.u8(at + 1) == 0) {
                at++;
            }
            int marker = file.u8(at + 1);
            if (marker == SOS) {
                break;
            }
            if (marker == EOI) {
                throw new DamagedImageException("ends before its first scan");
            }
            if (marker == SOI || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
                at += 2;
                continue;
            }
            int length = file.u16Big(at + 2);
            if (length < 2) {
                throw new DamagedImageException(
                        "has a segment of %d bytes, fewer than its own length takes".formatted(length));
            }
            file.need(at, length + 2);
            int data = at + 4;
            if (isFrame(marker)) {
                if (frame >= 0) {
                    throw new DamagedImageException("has two frame headers");
                }
                if (marker > 0xc2) {
                    throw new DamagedImageException(
                            "is of a rare kind (lossless, hierarchical or arithmetic coding) that is not read");
                }
                frame = data;
            }
            if (marker == APP0) {
                jfif |= length >= 16 && file.matches(data, "JFIF\0");
            } else if (marker == APP14 && length >= 14 && file.matches(data, "Adobe")) {
                adobe = file.u8(data + 11);
            } else if (marker == APP1 && exif.isEmpty() && length > 8 && file.matches(data, "Exif\0")) {
                exif = Optional.of(Arrays.copyOfRange(file.bytes(), data + 6, at + 2 + length));
            }
            if ((marker < APP0 || marker > APP15) && marker != COM && marker != DNL) {
                tables.write(file.bytes(), at, length + 2);
            }
            at += length + 2;
        }
        if (frame < 0) {
            throw new DamagedImageException("has a scan before its frame header");
        }
        return of(file, frame, jfif, adobe, exif, tables.toByteArray(), at);
    }

    private static boolean isFrame(int marker) {
        return marker >= 0xc0 && marker <= 0xcf && marker != DHT && marker != JPG && marker != DAC;
    }

    private static JpegHeader of(
            EncodedImage file, int frame, boolean jfif, int adobe, Optional<byte[]> exif, byte[] tables, int scan)
            throws IOException {
        if (file.u8(frame) != 8) {
            throw new DamagedImageException("has %d bits a sample, where 8 are read".formatted(file.u8(frame)));
        }
        int height = file.u16Big(frame + 1);
        int width = file.u16Big(frame + 3);
        file.checkSize(width, height);
        int components = file.u8(frame + 5);
        if (components != 1 && components != 3 && components != 4) {
            throw new DamagedImageException("has %d components, where 1, 3 or 4 are read".formatted(components));
        }
        var ids = new int[components];
        var horizontal = new int[components];
        var vertical = new int[components];
        for (int i = 0; i < components; i++) {
            ids[i] = file.u8(frame + 6 + 3 * i);
            horizontal[i] = file.u8(frame + 7 + 3 * i) >> 4;
            vertical[i] = file.u8(frame + 7 + 3 * i) & 15;
            if (horizontal[i] < 1 || horizontal[i] > 4 || vertical[i] < 1 || vertical[i] > 4) {
                throw new DamagedImageException("has a sampling factor of %d×%d, where 1 to 4 are allowed"
                        .formatted(horizontal[i], vertical[i]));
            }
        }
        checkScans(file, scan, (long) width * height);
        return new JpegHeader(
                width, height, components, horizontal, vertical, colors(ids, jfif, adobe), exif, tables, scan);
    }

    private static Colors colors(int[] ids, boolean jfif, int adobe) {
        if (ids.length == 1) {
            return Colors.GREY;
        }
        if (ids.length == 4) {
            return adobe == 2 ? Colors.YCCK : Colors.CMYK;
        }
        boolean letters = ids[0] == 'R' && ids[1] == 'G' && ids[2] == 'B';
        boolean rgb = adobe < 0 ? letters : adobe == 0;
        return rgb && !jfif ? Colors.RGB : Colors.YCC;
    }

    /** A block takes a bit at least, so a few bytes cannot be a large image; and the scans are counted. */
    private static void checkScans(EncodedImage file, int scan, long pixels) throws IOException {
        // 64 pixels to a block, and at worst one block of a component stands for 16.
        if (pixels / 64 / 16 > 8L * (file.size() - scan)) {
            throw new EOFException();
        }
        byte[] bytes = file.bytes();
        int scans = 0;
        for (int i = scan; i < bytes.length - 1; i++) {
            if (bytes[i] != -1) {
                continue;
            }
            int marker = bytes[i + 1] & 0xff;
            if (marker == EOI) {
                break;
            }
            scans += marker == SOS ? 1 : 0;
        }
        if (scans > MAX_SCANS) {
            throw new DamagedImageException("has %d scans, where %d are the limit".formatted(scans, MAX_SCANS));
        }
    }
}
