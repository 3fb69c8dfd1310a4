package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nobody but the command writes to the terminal: neither the natives nor the JVM, which warns since Java 22. */
class SilenceTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    @Test
    void trainingWritesNothingThatIsNotOurs() throws Exception {
        trainSilently(Path.of(System.getProperty("java.home")));
    }

    /** The same on another Java, whose home {@code JAVA_25_HOME} names. */
    @Test
    void trainingOnJava25WritesNothingThatIsNotOurs() throws Exception {
        var home = System.getenv("JAVA_25_HOME");
        assumeTrue(home != null, "JAVA_25_HOME names no Java");
        trainSilently(Path.of(home));
    }

    private void trainSilently(Path java) throws IOException, InterruptedException {
        var photos = Cli.labelled(folder.resolve("photos"), 8, "ants", "bees");
        var process = new ProcessBuilder(
                        java.resolve("bin").resolve("java").toString(),
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED", // as the jar's manifest says
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "train",
                        "--data",
                        photos.toString(),
                        "--model",
                        Cli.SMALL,
                        "--batch",
                        "4",
                        "--epochs",
                        "1",
                        "--out",
                        folder.resolve("run").toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile())
                .start();
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        var lines = Files.readAllLines(folder.resolve("output"));
        assertThat(process.exitValue()).as(String.join("\n", lines)).isZero();
        assertThat(lines).isNotEmpty();
        for (var foreign : List.of(
                "^\\[?[IWEF]\\d{4} ?.*", // glog and c10
                "(?i).*\\bwarning\\b.*", // libtorch, the JVM, compilers of kernels
                "(?i).*(nnpack|libgomp|omp:|openblas|onednn|mkl|sun\\.misc|restricted method).*")) {
            assertThat(lines).noneMatch(line -> line.matches(foreign));
        }
    }
}
