package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** BMP, TIFF and PNM of every kind that Pillow reads, and some that it does not; all written for this test. */
class PillowFormatsTest {
    static final Path FOLDER = Path.of("src/test/resources/golden/formats");

    static Stream<String[]> files() {
        try {
            return Files.readAllLines(FOLDER.resolve("decoded.csv")).stream()
                    .skip(1)
                    .map(line -> line.split(",", -1));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Stream<String[]> read() {
        return files().filter(row -> !row[1].equals("refused") && !row[0].startsWith("no_"));
    }

    static Stream<String> refused() {
        return Stream.concat(
                        files().filter(row -> row[1].equals("refused")).map(row -> row[0]),
                        files().map(row -> row[0]).filter(name -> name.startsWith("no_")))
                .distinct()
                .filter(name -> !name.equals("b444.bmp")); // we scale what Pillow refuses
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("read")
    void isPillowsImage(String file, int width, int height, long sum) {
        var image = ImageDecoder.decode(FOLDER.resolve(file));
        assertThat(image.width()).isEqualTo(width);
        assertThat(image.height()).isEqualTo(height);
        assertThat(PillowTable.sum(image.pixels())).isEqualTo(sum);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refused")
    void isRefusedByTheNameOfItsFeature(String file) {
        assertThatThrownBy(() -> ImageDecoder.decode(FOLDER.resolve(file)))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContaining("which is not read: convert it")
                .hasMessageNotContaining("damaged")
                .hasMessageNotContaining("\n");
    }

    /** Colours of four bits a field, 0 to 15, become 0, 17, …, 255. */
    @Test
    void otherBitFieldsAreScaledAlike() {
        var pixels = ImageDecoder.decode(FOLDER.resolve("b444.bmp")).pixels();
        for (byte level : pixels) {
            assertThat((level & 0xff) % 17).isZero();
        }
        assertThat(pixels).contains((byte) 255, (byte) 17);
    }

    @ParameterizedTest
    @ValueSource(strings = {"II", "MM"})
    void aSmallTiffOfAnyCompressionIsNoLargeImage(String order) throws IOException {
        var thread = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int compression : new int[] {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000, 50001, 12345}) {
            byte[] file = hollow(order, 13000, 13000, compression);
            long before = thread.getCurrentThreadAllocatedBytes();
            long start = thread.getCurrentThreadCpuTime();
            assertThatThrownBy(() -> ImageDecoder.decode(file, "hollow.tif", DecodeOptions.DEFAULT))
                    .isExactlyInstanceOf(VitrailException.class)
                    .hasMessageContaining("hollow.tif");
            assertThat(thread.getCurrentThreadAllocatedBytes() - before)
                    .as("compression %d", compression)
                    .isLessThan(64 << 20);
            assertThat(thread.getCurrentThreadCpuTime() - start).isLessThan(1_000_000_000L);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "6, 1, old-style JPEG (compression 6)",
        "6, 6, old-style JPEG (compression 6)",
        "34712, 2, JPEG 2000",
        "1, 8, CIE L*a*b* colours",
        "1, 9, ICC L*a*b* colours",
        "1, 10, ITU L*a*b* colours"
    })
    void aTiffIsRefusedByItsFeature(int compression, int photometric, String feature) {
        for (var order : List.of("II", "MM")) {
            byte[] file = hollow(order, 10, 10, compression, photometric);
            assertThatThrownBy(() -> ImageDecoder.decode(file, "scan.tif", DecodeOptions.DEFAULT))
                    .isExactlyInstanceOf(VitrailException.class)
                    .hasMessageContainingAll("scan.tif", feature, "which is not read: convert it")
                    .hasMessageNotContaining("damaged");
        }
    }

    /** The directory says 17×16, the progressive JPEG in its only strip 60,000×60,000. */
    @Test
    void aJpegInsideIsCheckedAsAJpegFile() {
        assertThatThrownBy(() -> ImageDecoder.decode(FOLDER.resolve("jpeg_inside_60000.tif")))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContainingAll("jpeg_inside_60000.tif", "60000×60000", "limit");
        assertThatThrownBy(() -> ImageDecoder.decode(
                        FOLDER.resolve("jpeg_inside_60000.tif"), DecodeOptions.DEFAULT.withMaxPixels(4_000_000_000L)))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContaining("jpeg_inside_60000.tif");
    }

    @Test
    void aJpegInsideMustHaveTheSizeOfItsStrip() throws IOException {
        byte[] file = Files.readAllBytes(FOLDER.resolve("jpeg_grey.tif"));
        int frame = 0;
        while (file[frame] != -1 || file[frame + 1] != (byte) 0xc0) {
            frame++;
        }
        file[frame + 6]++; // one row more than the strip has
        assertThatThrownBy(() -> ImageDecoder.decode(file, "taller.tif", DecodeOptions.DEFAULT))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContainingAll("holds a JPEG of 21×17", "of 21×16");
    }

    /** A file with one strip of a hundred bytes. */
    private static byte[] hollow(String order, int width, int height, int compression) {
        return hollow(order, width, height, compression, 1);
    }

    private static byte[] hollow(String order, int width, int height, int compression, int photometric) {
        boolean big = order.equals("MM");
        int[] entries = {
            256, width, 257, height, 258, 8, 259, compression, 262, photometric, 273, 150, 277, 1, 278, height, 279, 100
        };
        if (compression >= 2 && compression <= 4) {
            entries[5] = 1;
        }
        var file = ByteBuffer.allocate(250).order(big ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        file.put((byte) order.charAt(0)).put((byte) order.charAt(1)).putShort((short) 42);
        file.putInt(8).putShort((short) (entries.length / 2));
        for (int i = 0; i < entries.length; i += 2) {
            file.putShort((short) entries[i]).putShort((short) 4).putInt(1).putInt(entries[i + 1]);
        }
        return file.array();
    }
}
