package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a file holds, it becomes an image or one sentence. */
class DamagedImageTest {
    private static final DecodeOptions OPTIONS = DecodeOptions.DEFAULT;

    @Test
    void textIsNoImage(@TempDir Path folder) throws IOException {
        var file = Files.writeString(folder.resolve("cat.jpg"), "<html>404 not found</html>");
        refused(() -> ImageDecoder.decode(file), "cat.jpg", "<html>404 not f", "JPEG");
    }

    @Test
    void emptyFilesFoldersAndNothing(@TempDir Path folder) throws IOException {
        var file = Files.createFile(folder.resolve("empty.png"));
        refused(() -> ImageDecoder.decode(file), "empty.png", "an empty file");
        refused(() -> ImageDecoder.decode(folder), "is a folder");
        refused(() -> ImageDecoder.decode(folder.resolve("none.png")), "does not exist");
    }

    @Test
    void theNameDoesNotMatter(@TempDir Path folder) throws IOException {
        var file = Files.write(folder.resolve("image.gif"), golden("p_17x16.png"));
        assertThat(ImageDecoder.decode(file)).extracting(RgbImage::width).isEqualTo(17);
        try (var stream = Files.newInputStream(file)) {
            assertThat(ImageDecoder.decode(stream, "stream", OPTIONS).height()).isEqualTo(16);
        }
    }

    static Stream<String> kinds() {
        return Stream.of(
                "j_17x16_s2_p0_q92.jpg",
                "j_17x16_s2_p1_q92.jpg",
                "jC_17x16_2.jpg",
                "p_17x16.png",
                "pP_17x16.png",
                "g_17x16.gif",
                "gi_17x16.gif",
                "wl_17x16.webp",
                "wy80_17x16.webp",
                "bRGB_17x16.bmp",
                "tRGB_raw_17x16.tif",
                "tRGB_tiff_lzw_17x16.tif");
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aTruncatedFileIsRefused(String name) throws IOException {
        var bytes = golden(name);
        for (int kept = 12; kept < bytes.length - 24; kept += Math.max(bytes.length / 40, 1)) {
            var cut = Arrays.copyOf(bytes, kept);
            refused(() -> ImageDecoder.decode(cut, name, OPTIONS), name);
        }
        var half = Arrays.copyOf(bytes, bytes.length / 2);
        refused(() -> ImageDecoder.decode(half, name, OPTIONS), "truncated", "%d bytes".formatted(half.length));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aDamagedFileIsAnImageOrASentence(String name) throws IOException {
        var original = golden(name);
        var random = new Random(name.hashCode());
        for (int i = 0; i < 300; i++) {
            var bytes = original.clone();
            for (int j = random.nextInt(5); j >= 0; j--) {
                int where = random.nextInt(random.nextBoolean() ? Math.min(64, bytes.length) : bytes.length);
                bytes[where] = (byte) random.nextInt(256);
            }
            var thrown = catchThrowable(() -> ImageDecoder.decode(bytes, name, OPTIONS.withMaxPixels(10_000_000)));
            if (thrown != null) {
                assertThat(thrown).isExactlyInstanceOf(VitrailException.class);
                assertThat(thrown.getMessage()).startsWith(name).doesNotContain("\n");
            }
        }
    }

    @Test
    void aHeaderIsNotBelieved() throws IOException {
        refused(() -> ImageDecoder.decode(png(60000, 60000, new byte[0]), "bomb.png", OPTIONS), "60000×60000", "limit");
        // Within the limit, but there are no bytes for it: refused before half a gigabyte is allocated.
        refused(() -> ImageDecoder.decode(png(13000, 13000, new byte[0]), "hollow.png", OPTIONS), "truncated");
        var jpeg = golden("j_17x16_s2_p0_q92.jpg");
        int frame = indexOf(jpeg, (byte) 0xc0);
        for (int i = 0; i < 4; i++) {
            jpeg[frame + 5 + i] = (byte) 0x33; // 13107 rows, 13107 columns
        }
        refused(() -> ImageDecoder.decode(jpeg, "hollow.jpg", OPTIONS), "hollow.jpg");
        refused(() -> ImageDecoder.decode(jpeg, "large.jpg", OPTIONS.withMaxPixels(1000)), "13107×13107", "1000");
    }

    @ParameterizedTest
    @ValueSource(bytes = {4, 5, 6})
    void aBmpHoldsNoFileOfAnotherFormat(byte compression) throws IOException {
        var inside = golden("p_17x16.png");
        var header = Arrays.copyOf(golden("bRGB_17x16.bmp"), 54);
        header[10] = 54;
        header[18] = 1; // one pixel
        header[22] = 1;
        header[30] = compression;
        header[34] = (byte) inside.length;
        header[35] = (byte) (inside.length >> 8);
        var file = new ByteArrayOutputStream();
        file.write(header);
        file.write(inside);
        refused(
                () -> ImageDecoder.decode(file.toByteArray(), "nested.bmp", OPTIONS.withMaxPixels(1)),
                "nested.bmp",
                "compression " + compression);
    }

    @ParameterizedTest
    @ValueSource(strings = {"iCCP", "zTXt", "iTXt"})
    void compressedMetadataIsNotInflated(String chunk) throws IOException {
        // 60 MB of zeros would be read into memory by a decoder that looks at it, many times over by sixteen at once.
        var bomb = new ByteArrayOutputStream();
        bomb.write("name\0\0".getBytes(StandardCharsets.ISO_8859_1));
        try (var deflated = new DeflaterOutputStream(bomb, new Deflater(9))) {
            var zeros = new byte[1 << 20];
            for (int i = 0; i < 60; i++) {
                deflated.write(zeros);
            }
        }
        var file = png(2, 1, chunk(chunk, bomb.toByteArray()));
        var thread = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        ImageDecoder.decode(file, "warm.png", OPTIONS);
        long before = thread.getCurrentThreadAllocatedBytes();
        assertThat(ImageDecoder.decode(file, "bomb.png", OPTIONS).pixels()).containsExactly(1, 2, 3, 4, 5, 6);
        assertThat(thread.getCurrentThreadAllocatedBytes() - before).isLessThan(8 << 20);
    }

    @Test
    void jpegProfilesAreNotLookedAt() throws IOException {
        var jpeg = golden("j_17x16_s2_p0_q92.jpg");
        var expected = ImageDecoder.decode(jpeg, "plain", OPTIONS).pixels();
        var segment = new ByteArrayOutputStream();
        segment.write(jpeg, 0, 2);
        segment.write(new byte[] {-1, (byte) 0xe2, 0, 18});
        segment.write("ICC_PROFILE\0\1\2xy".getBytes(StandardCharsets.ISO_8859_1)); // the first of two, and broken
        segment.write(jpeg, 2, jpeg.length - 2);
        assertThat(ImageDecoder.decode(segment.toByteArray(), "profile", OPTIONS)
                        .pixels())
                .isEqualTo(expected);
    }

    @Test
    void endlessScansAreRefused() throws IOException {
        var jpeg = golden("j_17x16_s2_p1_q92.jpg");
        int scan = indexOf(jpeg, (byte) 0xda);
        var many = new ByteArrayOutputStream();
        many.write(jpeg, 0, jpeg.length - 2);
        for (int i = 0; i < 600; i++) {
            many.write(jpeg, scan, 40);
        }
        many.write(new byte[] {-1, (byte) 0xd9});
        refused(() -> ImageDecoder.decode(many.toByteArray(), "scans.jpg", OPTIONS), "scans, where 500");
    }

    @Test
    void timeRunsOut() throws IOException {
        var jpeg = golden("j_17x16_s2_p0_q92.jpg");
        refused(() -> ImageDecoder.decode(jpeg, "slow.jpg", OPTIONS.withTimeLimit(Duration.ofNanos(1))), "time limit");
        assertThatThrownBy(() -> OPTIONS.withTimeLimit(Duration.ZERO)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> OPTIONS.withMaxPixels(0)).isInstanceOf(VitrailException.class);
    }

    @Test
    void aFailingStreamIsASentence() {
        var failing = new ByteArrayInputStream(new byte[0]) {
            @Override
            public byte[] readNBytes(int count) throws IOException {
                throw new IOException("disk on fire");
            }
        };
        refused(() -> ImageDecoder.decode(failing, "stream", OPTIONS), "stream could not be read", "disk on fire");
    }

    private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String... parts) {
        assertThatThrownBy(call)
                .isExactlyInstanceOf(VitrailException.class)
                .satisfies(thrown ->
                        assertThat(thrown.getMessage()).contains(parts).doesNotContain("\n"));
    }

    private static byte[] golden(String name) throws IOException {
        return Files.readAllBytes(PillowTable.FOLDER.resolve(name));
    }

    private static int indexOf(byte[] bytes, byte marker) {
        for (int i = 0; i < bytes.length - 1; i++) {
            if (bytes[i] == -1 && bytes[i + 1] == marker) {
                return i;
            }
        }
        throw new AssertionError("no such marker");
    }

    /** An RGB image whose header claims a size, and whose data are those of two pixels. */
    private static byte[] png(int width, int height, byte[] extra) throws IOException {
        var header = new ByteArrayOutputStream();
        var out = new DataOutputStream(header);
        out.writeInt(width);
        out.writeInt(height);
        out.write(new byte[] {8, 2, 0, 0, 0});
        var data = new ByteArrayOutputStream();
        try (var deflated = new DeflaterOutputStream(data)) {
            deflated.write(new byte[] {0, 1, 2, 3, 4, 5, 6});
        }
        var file = new ByteArrayOutputStream();
        file.write(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
        file.write(chunk("IHDR", header.toByteArray()));
        file.write(extra);
        file.write(chunk("IDAT", data.toByteArray()));
        file.write(chunk("IEND", new byte[0]));
        return file.toByteArray();
    }

    private static byte[] chunk(String type, byte[] content) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var out = new DataOutputStream(bytes);
        out.writeInt(content.length);
        out.writeBytes(type);
        out.write(content);
        var sum = new CRC32();
        sum.update(bytes.toByteArray(), 4, 4 + content.length);
        out.writeInt((int) sum.getValue());
        return bytes.toByteArray();
    }
}
