package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.webp.WebpException;
import dev.vitrail.images.decode.webp.WebpFile;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** WebP files of all kinds, each of which has to give libwebp's pixels to the byte, and those that it refuses. */
class WebpTest {
    static final Path FOLDER = Path.of("src/test/resources/webp");
    private static final DecodeOptions OPTIONS = DecodeOptions.DEFAULT;

    /** A sound file of 3×2 pixels with a few bits changed, in which prefix codes go on far beyond the end. */
    private static final String HOLLOW =
            "524946467e00000057454250565038580a000000080000000200000100005650384c3e0000002f024000002f40"
                    + "a46d432760fcfe9d358757a3a66d0346e50fa6a00aa0dffad40420c01819f48fe87699ff18fd3f1075294a0604"
                    + "d9b6a16d677b44ffe34d455849461a0000004d4d002a00000008000101120003000000010005000000000000";

    static Stream<String> files() throws IOException {
        var names = Stream.<String>builder();
        expected().fieldNames().forEachRemaining(names);
        return names.build();
    }

    private static JsonNode expected() throws IOException {
        return new ObjectMapper().readTree(FOLDER.resolve("expected.json").toFile());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void isLibwebpsImage(String name) throws Exception {
        var expected = expected().get(name);
        var image = ImageDecoder.decode(FOLDER.resolve(name));
        assertThat(image.width()).isEqualTo(expected.get("width").intValue());
        assertThat(image.height()).isEqualTo(expected.get("height").intValue());
        assertThat(sha256(image.pixels())).isEqualTo(expected.get("sha256").textValue());
    }

    @Test
    void exifTurnsTheImageWhereAsked() {
        var file = FOLDER.resolve("extended_metadata_lossless.webp"); // orientation 6
        var lying = ImageDecoder.decode(file);
        var upright = ImageDecoder.decode(file, OPTIONS.withExifOrientation(true));
        assertThat(upright.width()).isEqualTo(lying.height());
        assertThat(upright.height()).isEqualTo(lying.width());
        int below = 3 * lying.width() * (lying.height() - 1);
        assertThat(Arrays.copyOf(upright.pixels(), 3)).isEqualTo(Arrays.copyOfRange(lying.pixels(), below, below + 3));
    }

    @Test
    void aPixelMayTakeNoBitsAtAll() {
        var image = ImageDecoder.decode(FOLDER.resolve("one_colour.webp"));
        for (int i = 0; i < image.pixels().length; i += 3) {
            assertThat(Arrays.copyOfRange(image.pixels(), i, i + 3)).containsExactly(200, 30, 90);
        }
    }

    @Test
    void codesThatGoOnBeyondTheEndAreRefusedAtOnce() {
        byte[] bytes = HexFormat.of().parseHex(HOLLOW);
        refused(bytes, "prefix code"); // classes are loaded
        var thread = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long time = thread.getCurrentThreadCpuTime();
        long memory = thread.getCurrentThreadAllocatedBytes();
        refused(bytes, "prefix code");
        assertThat(thread.getCurrentThreadAllocatedBytes() - memory).isLessThan(1 << 20);
        assertThat(Duration.ofNanos(thread.getCurrentThreadCpuTime() - time)).isLessThan(Duration.ofMillis(100));
    }

    /**
     * Headers and transforms of squares of 7416 pixels of one colour, whose pixels take no bits; predicted, they take
     * most of a second.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "524946461a000000574542505650384c0d0000002ff7dc3d07b92e44642023320000", // predicted
                "524946461e000000574542505650384c110000002ff7dc3d078136446474d082880c64440600" // and other transforms
            })
    void predictedPixelsHaveToBeJustifiedByTheBytes(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        refused(bytes, "claims 54997056 pixels", "too many to be predicted"); // classes are loaded
        var thread = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long time = thread.getCurrentThreadCpuTime();
        long memory = thread.getCurrentThreadAllocatedBytes();
        refused(bytes, "claims 54997056 pixels");
        assertThat(thread.getCurrentThreadAllocatedBytes() - memory).isLessThan(64 << 20);
        assertThat(Duration.ofNanos(thread.getCurrentThreadCpuTime() - time)).isLessThan(Duration.ofMillis(250));
    }

    @ParameterizedTest
    @CsvSource({
        "524946461a000000574542505650384c0d0000002ff7dc3d07ddb520220319910100, 7416", // of one colour
        "524946461a000000574542505650384c0d0000002fe7c3f900b92e44642023320000, 1000" // predicted
    })
    void onlyTooManyPredictedPixelsAreRefused(String hex, int side) {
        var image = ImageDecoder.decode(HexFormat.of().parseHex(hex), "blank.webp", OPTIONS);
        assertThat(image.width()).isEqualTo(side);
        assertThat(image.height()).isEqualTo(side);
    }

    @ParameterizedTest
    @ValueSource(strings = {"lossy_q60", "lossy_partitions_8", "lossless_z6", "alpha", "animation_lossy"})
    void whatEndsEarlyIsRefused(String name) throws IOException {
        byte[] bytes = read(name);
        for (int kept = 12; kept < bytes.length; kept++) {
            refused(Arrays.copyOf(bytes, kept), "truncated");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lossy_q60", "lossy_m6", "lossy_partitions_8", "lossless_z6", "lossless_colors_16"})
    void soIsAnImageThatEndsBeforeItsFile(String name) throws IOException {
        byte[] bytes = read(name);
        var tag = new String(bytes, 12, 4, StandardCharsets.US_ASCII);
        int data = bytes.length - 20;
        for (int kept = 10; kept < data - 4; kept += 2) {
            refused(riff(chunk(tag, Arrays.copyOfRange(bytes, 20, 20 + kept))), "");
        }
    }

    @Test
    void aHeaderIsNotBelieved() throws IOException {
        byte[] lossy = read("lossy_q60");
        lossy[26] = (byte) 0xff; // 16383 columns and rows
        lossy[27] = 0x3f;
        lossy[28] = (byte) 0xff;
        lossy[29] = 0x3f;
        refused(lossy, "16383×16383", "limit");
        byte[] lossless = read("lossless_z6");
        Arrays.fill(lossless, 21, 24, (byte) 0xff);
        lossless[24] = 0x0f;
        refused(lossless, "16384×16384", "limit");
        // Within the limit, but there are no bytes for it: refused before much is allocated.
        lossy[28] = 0x10;
        lossy[29] = 0x27;
        lossless[24] = 0x08;
        var thread = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (byte[] hollow : new byte[][] {lossy, lossless}) {
            long memory = thread.getCurrentThreadAllocatedBytes();
            refused(hollow, "");
            assertThat(thread.getCurrentThreadAllocatedBytes() - memory).isLessThan(32 << 20);
        }
    }

    @Test
    void alphaIsDroppedButHasToBeSound() throws IOException {
        byte[] bytes = read("alpha");
        int alpha = 12 + 18;
        assertThat(new String(bytes, alpha, 4, StandardCharsets.US_ASCII)).isEqualTo("ALPH");
        byte[] kind = bytes.clone();
        kind[alpha + 8] |= 3;
        refused(kind, "alpha");
        byte[] code = bytes.clone();
        Arrays.fill(code, alpha + 10, alpha + 40, (byte) 0);
        refused(code, "");
        // Where the header says that there is no alpha, nobody looks at it.
        code[20] &= ~0x10;
        assertThat(ImageDecoder.decode(code, "code", OPTIONS).pixels())
                .isEqualTo(ImageDecoder.decode(bytes, "alpha", OPTIONS).pixels());
    }

    @Test
    void chunksHaveToFit() throws IOException {
        byte[] lossy = read("lossy_q60");
        byte[] image = Arrays.copyOfRange(lossy, 12, lossy.length);
        assertThat(ImageDecoder.decode(riff(image, chunk("abcd", new byte[5])), "more", OPTIONS)
                        .pixels())
                .isEqualTo(ImageDecoder.decode(lossy, "plain", OPTIONS).pixels());
        refused(riff(image, new byte[4]), "4 bytes at its end");
        refused(riff(chunk("ICCP", new byte[4]), image), "begin with an image");
        refused(riff(extended(0, 75, 61), chunk("ICCP", new byte[4])), "no image");
        refused(riff(extended(0, 74, 61), image), "74×61", "75×61");
        refused(riff(extended(0x40, 75, 61), image), "flags");
        refused(riff(extended(0, 75, 61), image, image), "");
        refused(riff(extended(2, 75, 61), image), "frames");
        refused(riff(extended(2, 75, 61), frame(0, image)), "order");
        byte[] announced = chunk("ANIM", new byte[6]);
        assertThat(ImageDecoder.decode(riff(extended(2, 77, 61), announced, frame(1, image)), "frame", OPTIONS)
                        .width())
                .isEqualTo(77);
        refused(riff(extended(2, 76, 61), announced, frame(1, image)), "outside its canvas");
        byte[] longer = lossy.clone();
        longer[16]++;
        longer[16]++;
        refused(longer, "reaches beyond");
    }

    @Test
    void timeRunsOut() throws IOException {
        var file = WebpFile.parse(read("lossless_z6"));
        assertThatThrownBy(() -> file.rgb(System.nanoTime() - 1))
                .isInstanceOf(WebpException.class)
                .hasMessageContaining("time limit");
        var thrown = catchThrowable(() -> WebpFile.parse(new byte[3]));
        assertThat(thrown).isInstanceOf(EOFException.class);
    }

    private static void refused(byte[] bytes, String... parts) {
        assertThatThrownBy(() -> ImageDecoder.decode(bytes, "file.webp", OPTIONS))
                .isExactlyInstanceOf(VitrailException.class)
                .satisfies(thrown ->
                        assertThat(thrown.getMessage()).contains(parts).doesNotContain("\n", "Exception"));
    }

    private static byte[] read(String name) throws IOException {
        return Files.readAllBytes(FOLDER.resolve(name + ".webp"));
    }

    private static byte[] riff(byte[]... chunks) throws IOException {
        var content = new ByteArrayOutputStream();
        content.write("WEBP".getBytes(StandardCharsets.US_ASCII));
        for (byte[] chunk : chunks) {
            content.write(chunk);
        }
        return chunk("RIFF", content.toByteArray());
    }

    private static byte[] frame(int left, byte[] image) throws IOException {
        var content = new ByteArrayOutputStream();
        content.write(left);
        content.write(new byte[15]);
        content.write(image);
        return chunk("ANMF", content.toByteArray());
    }

    private static byte[] extended(int flags, int width, int height) throws IOException {
        return chunk("VP8X", new byte[] {(byte) flags, 0, 0, 0, (byte) (width - 1), 0, 0, (byte) (height - 1), 0, 0});
    }

    private static byte[] chunk(String name, byte[] content) throws IOException {
        var bytes = new ByteArrayOutputStream();
        bytes.write(name.getBytes(StandardCharsets.US_ASCII));
        for (int shift = 0; shift < 32; shift += 8) {
            bytes.write(content.length >> shift);
        }
        bytes.write(content);
        if (content.length % 2 != 0) {
            bytes.write(0);
        }
        return bytes.toByteArray();
    }

    private static String sha256(byte[] bytes) throws NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
