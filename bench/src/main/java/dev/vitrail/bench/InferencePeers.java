package dev.vitrail.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A forward pass of models, here and in ONNX Runtime, in processes that take turns, with a pause between the turns in
 * which the threads of the one before go to sleep. Of one thread the processor time is given, of several the wall time.
 *
 * <p>The folder holds ONNX files at 224 pixels that are called as models of the catalogue, such as
 * {@code resnet50.onnx}; their first dimension is open. Where the same weights lie beside one, as
 * {@code resnet50.safetensors}, the class scores of both sides are compared, and the run ends with an error
 * if they differ.
 */
final class InferencePeers {
    private static final int ROUNDS = 3;
    private static final int PAUSE_MILLIS = 100;
    private static final double TOLERANCE = 1e-3;

    private InferencePeers() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length == 0) {
            throw new IllegalArgumentException("expected a folder of ONNX files");
        }
        var batches = numbers(arguments, 1, "1,8");
        var threads = numbers(arguments, 2, Runtime.getRuntime().availableProcessors() + ",1");
        int rounds = arguments.length > 3 ? Integer.parseInt(arguments[3]) : ROUNDS;
        System.out.printf(
                "%-32s %6s %7s %18s %18s %7s %18s %6s%n",
                "model", "images", "threads", "Vitrail, ms", "ONNX Runtime, ms", "ratio", "peak memory, MiB", "ratio");
        for (var file : files(Path.of(arguments[0]))) {
            for (int batch : batches) {
                for (int count : threads) {
                    compare(file, batch, count, rounds);
                }
            }
        }
    }

    private static int[] numbers(String[] arguments, int index, String otherwise) {
        var text = arguments.length > index ? arguments[index] : otherwise;
        return Arrays.stream(text.split(",")).mapToInt(Integer::parseInt).toArray();
    }

    private static List<Path> files(Path folder) throws IOException {
        if (folder.toString().endsWith(".onnx")) {
            return List.of(folder);
        }
        try (var files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".onnx"))
                    .sorted()
                    .toList();
        }
    }

    static String model(Path file) {
        var name = file.getFileName().toString();
        return name.substring(0, name.length() - ".onnx".length());
    }

    static Path weights(Path file) {
        return file.resolveSibling(model(file) + ".safetensors");
    }

    private static void compare(Path file, int batch, int threads, int rounds)
            throws IOException, InterruptedException {
        try (var ours = side("Vitrail", "vitrail", file, batch, threads);
                var onnx = side("ONNX Runtime", "onnx", file, batch, threads)) {
            if (Files.exists(weights(file))) {
                ours.requireSameAs(onnx, TOLERANCE);
            }
            for (int round = 0; round < rounds; round++) {
                for (var side : List.of(ours, onnx)) {
                    Thread.sleep(PAUSE_MILLIS);
                    side.round();
                }
            }
            double mine = Medians.of(ours.times()), theirs = Medians.of(onnx.times());
            double myPeak = ours.peakMemory().orElse(Double.NaN);
            double theirPeak = onnx.peakMemory().orElse(Double.NaN);
            System.out.printf(
                    Locale.ROOT,
                    "%-32s %6d %7d %18.2f %18.2f %7.2f %18s %6.2f%n",
                    model(file),
                    batch,
                    threads,
                    mine,
                    theirs,
                    theirs / mine,
                    "%.0f to %.0f".formatted(myPeak, theirPeak),
                    myPeak / theirPeak);
        }
    }

    private static Side side(String name, String kind, Path file, int batch, int threads) throws IOException {
        return new Side(
                name,
                Map.of(),
                List.of(
                        "-Dvitrail.threads=" + threads,
                        InferencePeer.class.getName(),
                        kind,
                        file.toString(),
                        Integer.toString(batch),
                        Integer.toString(threads)));
    }
}
