package dev.vitrail.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A training step of ViT-Tiny, 224 pixels, batch 16: here and in DJL, in rounds that take turns, so that whatever else
 * the machine does hits both. Threads, weights, images and labels are the same, and the run ends with an error if the
 * losses are not: then it is not the same step.
 *
 * <p>DJL runs twice: as it comes, and with what Vitrail sets for itself before libtorch loads – glibc's allocator kept
 * from giving memory back, and OpenMP's threads awake between operations – set by hand.
 */
final class TrainingPeers {
    static final int WARM_UP = 3;
    private static final int BATCH = 16;
    private static final int STEPS = 2;
    private static final int ROUNDS = 7;
    /** AdamW's decay is for matrices alone here and for all parameters in DJL; the rest of a difference is rounding. */
    private static final double TOLERANCE = 2e-3;

    private static final Map<String, String> ENVIRONMENT = Map.of(
            "GOMP_SPINCOUNT", "1000000",
            "MALLOC_MMAP_THRESHOLD_", "1073741824",
            "MALLOC_TRIM_THRESHOLD_", "2147483647",
            "MALLOC_TOP_PAD_", "268435456");

    private TrainingPeers() {}

    public static void main(String[] arguments) throws IOException {
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : ROUNDS;
        int threads = Runtime.getRuntime().availableProcessors();
        var weights = Files.createTempFile("vitrail-bench", ".weights");
        // Ours goes first, as it writes the weights.
        try (var ours = side("Vitrail", "vitrail", Map.of(), threads, weights);
                var djl = side("DJL", "djl", Map.of(), threads, weights);
                var tuned = side("DJL, environment set by hand", "djl", ENVIRONMENT, threads, weights)) {
            var sides = List.of(ours, djl, tuned);
            for (var side : sides) {
                System.out.printf("%-30s losses %s%n", side.name(), Arrays.toString(side.first()));
                side.requireSameAs(ours, TOLERANCE);
            }
            for (int round = 1; round <= rounds; round++) {
                System.out.printf("round %d", round);
                for (var side : sides) {
                    System.out.printf(Locale.ROOT, "  %.0f", side.round());
                }
                System.out.println(" ms");
            }
            double reference = Medians.of(ours.times());
            System.out.printf(
                    "ViT-Tiny, 224 px, batch %d, %d threads, %d rounds of %d steps%n", BATCH, threads, rounds, STEPS);
            for (var side : sides) {
                double median = Medians.of(side.times());
                System.out.printf(
                        Locale.ROOT,
                        "%-30s %7.1f ms a step  %5.2f images/s  %.2f ×%n",
                        side.name(),
                        median,
                        1000 * BATCH / median,
                        median / reference);
            }
        } finally {
            Files.delete(weights);
        }
    }

    private static Side side(String name, String kind, Map<String, String> environment, int threads, Path weights)
            throws IOException {
        return new Side(
                name,
                environment,
                List.of(
                        "-Dvitrail.threads=" + threads,
                        "-Dai.djl.pytorch.num_threads=" + threads,
                        TrainingPeer.class.getName(),
                        kind,
                        Integer.toString(BATCH),
                        weights.toString(),
                        Integer.toString(STEPS)));
    }
}
