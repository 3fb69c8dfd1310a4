package dev.vitrail.cli;

import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;

/**
 * The command line for tests: in this process, or in one of its own where limits and signals matter. And what
 * it works on.
 */
final class Cli {
    /** A small model of the catalogue, 32×32 pixels. */
    static final String SMALL = "vit_mini_patch4_gap_32";

    private Cli() {}

    /** How a command ended, and what it said. */
    record Ran(int status, String out, String err) {
        /** What stands on the error stream, a sentence a line. */
        List<String> sentences() {
            return err.lines().toList();
        }
    }

    /** Runs a command in this process. */
    static Ran run(Object... arguments) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var terminal = System.out;
        var errors = System.err;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            int status = Main.commandLine()
                    .setErr(new PrintWriter(err, true, StandardCharsets.UTF_8))
                    .execute(strings(arguments));
            return new Ran(status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(terminal);
            System.setErr(errors);
        }
    }

    /**
     * Starts a command in a process of its own, its output in files of {@code folder}, which is also where it runs.
     *
     * @param limit a command of the shell that limits the process, such as {@code ulimit -v 1000000}; may be empty
     */
    static Process start(Path folder, String limit, Object... arguments) {
        return start(folder, limit, Main.class, arguments);
    }

    /** The same without a limit, by another class that goes on to {@link Main}. */
    static Process startMain(Path folder, Class<?> main, Object... arguments) {
        return start(folder, "", main, arguments);
    }

    private static Process start(Path folder, String limit, Class<?> main, Object[] arguments) {
        var command =
                new ArrayList<>(List.of("sh", "-c", limit.isEmpty() ? "exec \"$@\"" : limit + " && exec \"$@\"", "sh"));
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED", // as the jar's manifest says
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(List.of(strings(arguments)));
        try {
            return new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectOutput(folder.resolve("out").toFile())
                    .redirectError(folder.resolve("err").toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits for a command that {@link #start} began. */
    static Ran end(Process process, Path folder) throws IOException, InterruptedException {
        try {
            if (!process.waitFor(300, TimeUnit.SECONDS)) {
                throw new AssertionError("the command did not end: " + Files.readString(folder.resolve("err")));
            }
            return new Ran(
                    process.exitValue(),
                    Files.readString(folder.resolve("out")),
                    Files.readString(folder.resolve("err")));
        } finally {
            process.destroyForcibly();
        }
    }

    private static String[] strings(Object[] arguments) {
        return List.of(arguments).stream().map(Object::toString).toArray(String[]::new);
    }

    /** Writes {@link #SMALL} with random weights as a folder that {@code --model} takes. */
    static Path model(Path folder, String... classes) {
        return model(folder, classes.length, List.of(classes));
    }

    /** The same without names for its classes. */
    static Path nameless(Path folder, int classes) {
        return model(folder, classes, List.of());
    }

    private static Path model(Path folder, int classes, List<String> names) {
        var options = LoadOptions.DEFAULT.withClasses(classes);
        try (var loaded = LoadedModel.load(SMALL, options)) {
            ModelFolder.write(folder, loaded.description(names), Checkpoint.of(loaded.model()));
        }
        return folder;
    }

    /** Writes {@code folder/CLASS/0.png} and so on: noise, redder for each class that follows. */
    static Path labelled(Path folder, int each, String... classes) {
        for (int c = 0; c < classes.length; c++) {
            for (int i = 0; i < each; i++) {
                image(folder.resolve(classes[c]).resolve(i + ".png"), 32, 80 * c, i);
            }
        }
        return folder;
    }

    /** Writes a square image of noise. */
    static Path image(Path file, int side, int red, int seed) {
        var random = new Random(seed);
        var image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < side * side; i++) {
            image.setRGB(i % side, i / side, red << 16 | random.nextInt(1 << 16));
        }
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            ImageIO.write(image, "png", file.toFile());
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
