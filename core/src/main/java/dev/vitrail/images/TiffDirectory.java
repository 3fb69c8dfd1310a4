package dev.vitrail.images;

import java.io.IOException;

/**
 * The first directory of a TIFF file (TIFF 6.0, section 2), checked before a decoder believes it.
 *
 * @param width pixels
 * @param height pixels
 * @param orientation EXIF's number, 1 if none is given
 * @param inks whether the samples are cyan, magenta, yellow and black
 * @param content the file with this directory alone, and that without what could lead elsewhere: profiles and further directories
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record TiffDirectory(long width, long height, int orientation, boolean inks, byte[] content) {
    /** Bytes of each field type, by its number. */
    private static final int[] SIZES = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};

    private static final int WIDTH = 256;
    private static final int HEIGHT = 257;
    private static final int PHOTOMETRIC = 262;
    private static final int SEPARATED = 5;
    private static final int ORIENTATION = 274;
    private static final int SUB_DIRECTORIES = 330;

    /** Every tag from here on is a private extension, which decoding to RGB can do without. */
    private static final int FIRST_PRIVATE = 32768;

    static TiffDirectory parse(Encoded file) throws IOException {
        boolean big = file.u8(0) == 'M';
        int at = offset(file, 4, big);
        int entries = u16(file, at, big);
        file.need(at, 2L + 12L * entries);
        byte[] content = file.bytes().clone();
        long width = 0;
        long height = 0;
        int orientation = 1;
        long photometric = 0;
        int kept = 0;
        for (int i = 0; i < entries; i++) {
            int entry = at + 2 + 12 * i;
            int tag = u16(file, entry, big);
            int type = u16(file, entry + 2, big);
            long count = u32(file, entry + 4, big);
            int size = type < SIZES.length ? SIZES[type] : 1;
            boolean inside = size * count <= 4;
            if (!inside) {
                file.need(offset(file, entry + 8, big), size * count);
            }
            long value = inside && size == 2 ? u16(file, entry + 8, big) : u32(file, entry + 8, big);
            switch (tag) {
                case WIDTH -> width = value;
                case HEIGHT -> height = value;
                case PHOTOMETRIC -> photometric = value;
                case ORIENTATION -> orientation = (int) value;
                default -> {}
            }
            if (tag != SUB_DIRECTORIES && tag < FIRST_PRIVATE && tag != ORIENTATION) {
                System.arraycopy(file.bytes(), entry, content, at + 2 + 12 * kept, 12);
                kept++;
            }
        }
        content[at + (big ? 0 : 1)] = (byte) (kept >> 8);
        content[at + (big ? 1 : 0)] = (byte) kept;
        for (int i = 0; i < 4 && at + 2 + 12 * kept + i < content.length; i++) {
            content[at + 2 + 12 * kept + i] = 0;
        }
        return new TiffDirectory(width, height, orientation, photometric == SEPARATED, content);
    }

    private static int offset(Encoded file, int at, boolean big) throws IOException {
        long offset = u32(file, at, big);
        file.need((int) Math.min(offset, Integer.MAX_VALUE), 1);
        return (int) offset;
    }

    private static int u16(Encoded file, int at, boolean big) throws IOException {
        return big ? file.u16Big(at) : file.u16Little(at);
    }

    private static long u32(Encoded file, int at, boolean big) throws IOException {
        return big ? file.u32Big(at) : file.u32Little(at);
    }
}
