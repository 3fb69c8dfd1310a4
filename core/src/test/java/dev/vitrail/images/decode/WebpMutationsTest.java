package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/**
 * Small files of which some bytes were changed: each becomes an image or one sentence, in less than a second of
 * processor time.
 *
 * <p>{@code -Dvitrail.mutations=N} tries so many of each kind in place of {@value #FEW}, and a fifth of lossless ones,
 * which take longer; the Maven profile {@code audit} does so in a small heap.
 */
class WebpMutationsTest {
    private static final int FEW = 2000;
    private static final int LARGEST_BYTES = 5000;
    private static final Duration LIMIT = Duration.ofSeconds(1);

    @ParameterizedTest
    @ValueSource(strings = {"lossy", "lossless", "alpha", "animation"})
    void isAnImageOrASentence(String kind) throws IOException {
        var seeds = new ArrayList<byte[]>();
        try (var files = Files.list(WebpTest.FOLDER)) {
            for (var file : files.filter(file -> file.getFileName().toString().startsWith(kind))
                    .sorted()
                    .toList()) {
                if (Files.size(file) <= LARGEST_BYTES) {
                    seeds.add(Files.readAllBytes(file));
                }
            }
        }
        assertThat(seeds).isNotEmpty();
        int asked = Integer.getInteger("vitrail.mutations", FEW);
        int count = kind.equals("lossless") && asked > FEW ? asked / 5 : asked;
        var random = new Random(kind.hashCode());
        var thread = ManagementFactory.getThreadMXBean();
        int images = 0;
        long slowest = 0;
        for (int i = 0; i < count; i++) {
            byte[] bytes = mutated(seeds, random);
            long start = thread.getCurrentThreadCpuTime();
            try {
                ImageDecoder.decode(bytes, "mutation", DecodeOptions.DEFAULT);
                images++;
            } catch (VitrailException e) {
                assertThat(e.getMessage()).startsWith("mutation").doesNotContain("\n", "Exception", "OutOfBounds");
            } catch (RuntimeException | Error e) {
                throw new AssertionError(
                        "mutation %d: %s".formatted(i, HexFormat.of().formatHex(bytes)), e);
            }
            long time = thread.getCurrentThreadCpuTime() - start;
            slowest = Math.max(slowest, time);
            assertThat(Duration.ofNanos(time))
                    .as(() -> HexFormat.of().formatHex(bytes))
                    .isLessThan(LIMIT);
        }
        LoggerFactory.getLogger(WebpMutationsTest.class)
                .info("{}: {} mutations, {} images, slowest {} ms", kind, count, images, slowest / 1_000_000);
    }

    private static byte[] mutated(List<byte[]> seeds, Random random) {
        byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
        for (int changes = random.nextInt(6); changes >= 0; changes--) {
            int where = random.nextInt(random.nextInt(3) > 0 ? Math.min(96, bytes.length) : bytes.length);
            switch (random.nextInt(8)) {
                case 0, 1, 2 -> bytes[where] ^= (byte) (1 << random.nextInt(8));
                case 3, 4 -> bytes[where] = (byte) random.nextInt(256);
                case 5 ->
                    Arrays.fill(bytes, where, Math.min(bytes.length, where + 1 + random.nextInt(16)), (byte)
                            -random.nextInt(2));
                case 6 -> bytes = cut(bytes, where, random);
                default -> {
                    byte[] other = seeds.get(random.nextInt(seeds.size()));
                    int from = random.nextInt(other.length);
                    int length = Math.min(random.nextInt(64), Math.min(other.length - from, bytes.length - where));
                    System.arraycopy(other, from, bytes, where, length);
                }
            }
        }
        if (random.nextInt(4) > 0) {
            // The outermost length is made true again, that what is changed further in be reached.
            int size = bytes.length - 8;
            for (int i = 0; i < 4; i++) {
                bytes[4 + i] = (byte) (size >> 8 * i);
            }
        }
        return bytes;
    }

    /** Without some bytes, or with some twice; never without its beginning. */
    private static byte[] cut(byte[] bytes, int where, Random random) {
        if (where < 24) {
            return bytes;
        }
        int length = Math.min(1 + random.nextInt(32), bytes.length - where);
        int goesOn = random.nextBoolean() ? where + length : where - Math.min(length, where - 24);
        byte[] result = Arrays.copyOf(bytes, where + bytes.length - goesOn);
        System.arraycopy(bytes, goesOn, result, where, bytes.length - goesOn);
        return result;
    }
}
