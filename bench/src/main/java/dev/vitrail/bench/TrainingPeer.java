package dev.vitrail.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/**
 * One side of {@link TrainingPeers}, a process of its own: two libtorchs do not fit into one. It says what its first
 * losses are, and then for each line that it reads how many milliseconds some steps took.
 */
final class TrainingPeer {
    private TrainingPeer() {}

    /**
     * Arguments: {@code vitrail} or {@code djl}, images in a batch, the file of the first weights, steps in a round.
     */
    public static void main(String[] arguments) throws IOException {
        int batch = Integer.parseInt(arguments[1]);
        var weights = Path.of(arguments[2]);
        int steps = Integer.parseInt(arguments[3]);
        try (var step = arguments[0].equals("djl") ? new DjlStep(batch, weights) : vitrail(batch, weights);
                var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            var losses = new StringBuilder();
            for (int i = 0; i < TrainingPeers.WARM_UP; i++) {
                losses.append(String.format(Locale.ROOT, "%.6f ", step.run()));
            }
            System.out.println(losses);
            while (lines.readLine() != null) {
                var times = new StringBuilder();
                for (int i = 0; i < steps; i++) {
                    long start = System.nanoTime();
                    step.run();
                    times.append(String.format(Locale.ROOT, "%.3f ", (System.nanoTime() - start) / 1e6));
                }
                System.out.println(times);
            }
        }
    }

    private static VitrailStep vitrail(int batch, Path weights) throws IOException {
        var step = new VitrailStep("vit_tiny_patch16_224", batch);
        step.writeWeights(weights);
        return step;
    }
}
