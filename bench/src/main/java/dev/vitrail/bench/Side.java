package dev.vitrail.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * One side of a comparison: a process that works when it is told to. At its start it says some numbers, by which
 * the sides are known to do the same work, and then, for each line that it reads, how many milliseconds each of
 * some runs took.
 */
final class Side implements AutoCloseable {
    private final String name;
    private final Process process;
    private final BufferedReader answers;
    private final OutputStream commands;
    private final double[] first;
    private final List<Double> times = new ArrayList<>();

    /**
     * Starts the process and waits for its first numbers.
     *
     * @param name to show
     * @param environment added to this process's own, without what sets OpenMP or the allocator
     * @param arguments of Java: options, a class and what its {@code main} takes
     */
    Side(String name, Map<String, String> environment, List<String> arguments) throws IOException {
        this.name = name;
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(arguments);
        var builder = new ProcessBuilder(command);
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment()
                .keySet()
                .removeIf(key -> key.startsWith("OMP_") || key.startsWith("GOMP_") || key.startsWith("MALLOC_"));
        builder.environment().putAll(environment);
        process = builder.start();
        answers = process.inputReader(StandardCharsets.UTF_8);
        commands = process.getOutputStream();
        first = answer();
    }

    private double[] answer() {
        try {
            var line = answers.readLine();
            if (line == null) {
                throw new IllegalStateException(name + " has ended; what it said stands above");
            }
            return Arrays.stream(line.trim().split(" "))
                    .mapToDouble(Double::parseDouble)
                    .toArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String name() {
        return name;
    }

    /** Times of all runs, milliseconds. */
    List<Double> times() {
        return times;
    }

    /** Some runs; gives what one took on average, in milliseconds. */
    double round() throws IOException {
        commands.write('\n');
        commands.flush();
        var taken = answer();
        Arrays.stream(taken).forEach(times::add);
        return Arrays.stream(taken).average().orElseThrow();
    }

    /** The most physical memory that the process has held, in MiB, where Linux tells it. */
    OptionalDouble peakMemory() throws IOException {
        var status = Path.of("/proc", Long.toString(process.pid()), "status");
        if (!Files.exists(status)) {
            return OptionalDouble.empty();
        }
        try (var lines = Files.lines(status)) {
            return lines.filter(line -> line.startsWith("VmHWM:"))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
                    .findFirst();
        }
    }

    /** The numbers that the process said at its start. */
    double[] first() {
        return first.clone();
    }

    /**
     * Requires the first numbers of both to be equal: else they do not do the same work.
     *
     * @param tolerance relative to the largest of the other's numbers
     */
    void requireSameAs(Side other, double tolerance) {
        double largest = Arrays.stream(other.first).map(Math::abs).max().orElseThrow();
        for (int i = 0; i < first.length; i++) {
            // Written so that NaN fails too.
            if (!(Math.abs(first[i] - other.first[i]) <= tolerance * largest)) {
                throw new IllegalStateException("%s does not do the same work: its first numbers are %s, those of %s %s"
                        .formatted(name, Arrays.toString(first), other.name, Arrays.toString(other.first)));
            }
        }
    }

    @Override
    public void close() throws IOException {
        commands.close();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
        }
    }
}
