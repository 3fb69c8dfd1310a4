package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.weights.torch.Pickle;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ZipEntriesTest {
    private static final int LOCAL_BYTES = 30;

    @Test
    void refusesWhatGrowsBeyondReason() {
        // 12 times 8 MiB of zeros in some 100 kB: far below what deflate can reach, far above what weights do.
        var names = new String[12];
        var contents = new byte[12][8 << 20];
        Arrays.setAll(names, i -> "w" + i + ".npy");
        var bomb = deflated(names, contents);
        assertThat(bomb.length).isLessThan(120_000);
        var zip = open(bomb);
        assertRefused(() -> zip.names().forEach(name -> zip.content(name, 1, false)), "exhaust memory");
    }

    @Test
    void refusesAClaimThatDeflateCannotKeep() {
        var archive = deflated(new String[] {"a"}, new byte[][] {new byte[100]});
        putSize(archive, 24, 1 << 30);
        assertRefused(() -> open(archive).content("a", 1, false), "more than deflate can");
    }

    @Test
    void refusesASizeThatIsNotWhatInflates() {
        for (int size : new int[] {99, 101}) {
            var archive = deflated(new String[] {"a"}, new byte[][] {new byte[100]});
            putSize(archive, 24, size);
            assertRefused(() -> open(archive).content("a", 1, false), "does not inflate to its size");
        }
    }

    @Test
    void refusesEntriesThatOverlap() {
        var inner = Pickle.zip(new String[] {"b"}, new byte[10]);
        int innerCentral = lastCentral(inner);
        // Entry b lies whole inside the data of entry a: read twice, as in an overlapping bomb.
        var outer = Pickle.zip(new String[] {"a"}, Arrays.copyOf(inner, innerCentral));
        int outerCentral = lastCentral(outer);
        buffer(inner).putInt(innerCentral + 42, LOCAL_BYTES + 1);
        var out = ByteBuffer.allocate(outer.length + 47).order(ByteOrder.LITTLE_ENDIAN);
        out.put(outer, 0, outerCentral + 47).put(inner, innerCentral, 47).put(outer, outerCentral + 47, 22);
        var archive = out.array();
        buffer(archive).putShort(archive.length - 12, (short) 2).putInt(archive.length - 10, 94);
        assertRefused(() -> open(archive), "overlap");
    }

    @Test
    void refusesTwoEntriesOfOneName() {
        var archive = Pickle.zip(new String[] {"a", "b"}, new byte[10], new byte[10]);
        archive[lastCentral(archive) + 46] = 'a';
        archive[LOCAL_BYTES + 1 + 10 + LOCAL_BYTES] = 'a';
        assertRefused(() -> open(archive), "named a");
    }

    @Test
    void refusesHeadersThatDisagree() {
        var renamed = Pickle.zip(new String[] {"a"}, new byte[10]);
        renamed[LOCAL_BYTES] = 'b';
        assertRefused(() -> open(renamed), "two headers");
        var otherMethod = Pickle.zip(new String[] {"a"}, new byte[10]);
        otherMethod[8] = 8;
        assertRefused(() -> open(otherMethod), "two headers");
    }

    @Test
    void refusesWhatLiesOutsideTheArchive() {
        for (int offset : new int[] {20, 24}) {
            var archive = Pickle.zip(new String[] {"a"}, new byte[10]);
            putSize(archive, offset, 1000);
            assertRefused(() -> open(archive), "two sizes");
            putSize(archive, 20, 1000);
            putSize(archive, 24, 1000);
            assertRefused(() -> open(archive), "beyond the archive");
        }
        var archive = Pickle.zip(new String[] {"a"}, new byte[10]);
        putSize(archive, 42, 0x7fffffff);
        assertRefused(() -> open(archive), "outside the archive");
        putSize(archive, 42, -1);
        assertRefused(() -> open(archive), "64-bit size is missing");
    }

    @Test
    void refusesEncryptedAndOtherwiseCompressedEntries() {
        var encrypted = Pickle.zip(new String[] {"a"}, new byte[10]);
        encrypted[lastCentral(encrypted) + 8] |= 1;
        assertRefused(() -> open(encrypted), "encrypted");
        var lzma = Pickle.zip(new String[] {"a"}, new byte[10]);
        lzma[lastCentral(lzma) + 10] = 14;
        assertRefused(() -> open(lzma), "method 14");
    }

    @Test
    void refusesAWrongCountAndBytesAroundTheDirectory() {
        var sound = Pickle.zip(new String[] {"a"}, new byte[10]);
        var count = sound.clone();
        count[count.length - 12] = 2;
        assertRefused(() -> open(count), "more entries than its directory can hold");
        var none = sound.clone();
        none[none.length - 12] = 0;
        assertRefused(() -> open(none), "more than its entries");
        var longer = Arrays.copyOf(sound, sound.length + 1);
        assertRefused(() -> open(longer), "no end");
    }

    /** A name that would climb out of a folder is a key like any other, because nothing is ever unpacked. */
    @Test
    void namesAreData() {
        var zip = open(Pickle.zip(new String[] {"../../etc/passwd"}, new byte[] {1, 2}));
        assertThat(zip.names()).containsExactly("../../etc/passwd");
        assertThat(zip.content("../../etc/passwd", 1, true).remaining()).isEqualTo(2);
    }

    @Test
    void noticesAWrongChecksumWhenAsked() {
        var archive = Pickle.zip(new String[] {"a"}, new byte[10]);
        archive[LOCAL_BYTES + 1] = 1;
        assertThat(open(archive).content("a", 1, false).get(0)).isEqualTo((byte) 1);
        assertRefused(() -> open(archive).content("a", 1, true), "checksum");
    }

    /** The 64-bit form that numpy and PyTorch use for large files, written here around a small one. */
    @Test
    void readsSixtyFourBitArchives() {
        var plain = Pickle.zip(new String[] {"a"}, new byte[] {7, 8, 9});
        int central = lastCentral(plain);
        var out = ByteBuffer.allocate(500).order(ByteOrder.LITTLE_ENDIAN);
        out.put(plain, 0, central + 47);
        out.putInt(central + 20, -1)
                .putInt(central + 24, -1)
                .putInt(central + 42, -1)
                .putShort(central + 30, (short) 28);
        out.putShort((short) 1).putShort((short) 24).putLong(3).putLong(3).putLong(0);
        int end = out.position();
        out.putInt(0x06064b50)
                .putLong(44)
                .putShort((short) 45)
                .putShort((short) 45)
                .putInt(0)
                .putInt(0);
        out.putLong(1).putLong(1).putLong(end - central).putLong(central);
        out.putInt(0x07064b50).putInt(0).putLong(end).putInt(1);
        out.putInt(0x06054b50).putInt(0).putInt(-1).putInt(-1).putInt(-1).putShort((short) 0);
        var archive = Arrays.copyOf(out.array(), out.position());
        assertThat(open(archive).content("a", 1, true)).isEqualTo(ByteBuffer.wrap(new byte[] {7, 8, 9}));
    }

    private static ZipEntries open(byte[] archive) {
        return ZipEntries.of(ByteSource.of(archive, "x.zip"));
    }

    private static ByteBuffer buffer(byte[] archive) {
        return ByteBuffer.wrap(archive).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void putSize(byte[] archive, int field, int value) {
        buffer(archive).putInt(lastCentral(archive) + field, value);
    }

    private static int lastCentral(byte[] archive) {
        int at = archive.length - 22;
        while (buffer(archive).getInt(at) != 0x02014b50) {
            at--;
        }
        return at;
    }

    private static byte[] deflated(String[] names, byte[][] contents) {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            for (int i = 0; i < names.length; i++) {
                zip.putNextEntry(new ZipEntry(names[i]));
                zip.write(contents[i]);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return bytes.toByteArray();
    }
}
