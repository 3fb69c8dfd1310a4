package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/**
 * Sound files, changed at random: each becomes an image or one sentence, in less than a second of processor time.
 *
 * <p>{@code -Dvitrail.mutations=N} changes N files of each format instead of a few hundred; the Maven profile
 * {@code audit} does so in a small heap.
 */
class MutatedImagesTest {
    private static final int MUTATIONS = Integer.getInteger("vitrail.mutations", 600);
    private static final int LARGEST_SEED = 6000;
    private static final long SECOND = 1_000_000_000L;
    /** What headers hold where they lie. */
    private static final int[] TELLING = {0, 1, 2, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xfe, 0xff};

    @ParameterizedTest
    @ValueSource(strings = {"bmp", "tif", "pnm", "gif", "png", "jpg"})
    void becomesAnImageOrASentence(String format) throws IOException {
        var seeds = seeds(format);
        assertThat(seeds).isNotEmpty();
        var threads = ManagementFactory.getThreadMXBean();
        long slowest = 0;
        int images = 0;
        for (int i = 0; i < MUTATIONS; i++) {
            var random = new Random(31L * i + format.hashCode());
            byte[] file = mutated(seeds, random);
            long start = threads.getCurrentThreadCpuTime();
            try {
                ImageDecoder.decode(file, "mutated", DecodeOptions.DEFAULT);
                images++;
            } catch (VitrailException e) {
                assertThat(e.getMessage()).startsWith("mutated").doesNotContain("\n");
            } catch (Throwable e) { // errors too
                throw new AssertionError("mutation %d of %s escaped".formatted(i, format), e);
            }
            long took = threads.getCurrentThreadCpuTime() - start;
            if (took > SECOND && i > 0) {
                var kept = Files.write(Path.of("target", "slow-%d.%s".formatted(i, format)), file);
                throw new AssertionError(
                        "mutation %d of %s took %d ms: %s".formatted(i, format, took / 1_000_000, kept));
            }
            slowest = i == 0 ? slowest : Math.max(slowest, took);
        }
        LoggerFactory.getLogger(MutatedImagesTest.class)
                .info(
                        "{} mutations of {} files .{}: {} images, the slowest {} ms",
                        MUTATIONS,
                        seeds.size(),
                        format,
                        images,
                        slowest / 1_000_000);
    }

    private static byte[] mutated(List<byte[]> seeds, Random random) {
        byte[] file = seeds.get(random.nextInt(seeds.size())).clone();
        switch (random.nextInt(12)) {
            case 0 -> file = Arrays.copyOf(file, 1 + random.nextInt(file.length));
            case 1 -> { // the end of another file
                byte[] other = seeds.get(random.nextInt(seeds.size()));
                int at = random.nextInt(Math.min(file.length, other.length));
                System.arraycopy(other, at, file, at, Math.min(file.length, other.length) - at);
            }
            case 2 -> { // a piece twice
                int at = random.nextInt(file.length);
                int length = random.nextInt(Math.min(64, file.length - at) + 1);
                byte[] longer = Arrays.copyOf(file, file.length + length);
                System.arraycopy(file, at, longer, at + length, file.length - at);
                file = longer;
            }
            default -> {}
        }
        boolean atBothEnds = random.nextInt(3) > 0;
        for (int i = random.nextInt(6); i >= 0; i--) {
            int near = Math.min(file.length, 200);
            int at = !atBothEnds
                    ? random.nextInt(file.length)
                    : random.nextBoolean() ? random.nextInt(near) : file.length - 1 - random.nextInt(near);
            file[at] = (byte) (random.nextBoolean() ? random.nextInt(256) : TELLING[random.nextInt(TELLING.length)]);
        }
        return file;
    }

    private static List<byte[]> seeds(String format) throws IOException {
        var seeds = new ArrayList<byte[]>();
        for (var folder : List.of(PillowFormatsTest.FOLDER, PillowTable.FOLDER)) {
            try (var files = Files.list(folder)) {
                for (var file : files.sorted().toList()) {
                    var name = file.getFileName().toString();
                    boolean chosen = format.equals("pnm") ? name.matches(".*\\.p[bgpn]m") : name.endsWith("." + format);
                    if (chosen && Files.size(file) <= LARGEST_SEED) {
                        seeds.add(Files.readAllBytes(file));
                    }
                }
            }
        }
        return seeds;
    }
}
