package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both backends of linear layers, each in a process of its own, since a process has one. */
class BackendsTest {
    private static final int SHAPES = 1250;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    @Test
    void bothBackendsEqualDoublePrecision() throws Exception {
        var onednn = start("onednn", "sweep");
        var blas = start("blas", "sweep");
        // Where caches are hidden, oneDNN's canary fails even if oneDNN is asked for.
        boolean trusted = !Processor.read().hidesCaches();
        assertThat(finish("onednn", onednn))
                .contains(trusted ? "backend oneDNN" : "backend BLAS", SHAPES + " shapes, 0 wrong");
        assertThat(finish("blas", blas)).contains("backend BLAS", SHAPES + " shapes, 0 wrong");
    }

    @Test
    void aFailedCanaryLeadsToTheBlasAndOneSentence() throws Exception {
        var output = finish("canary", start("auto", "canary"));
        assertThat(output)
                .contains("oneDNN computes wrong results on this machine (a product gives 1 instead of 2)")
                .contains("'vitrail system --full' shows more")
                .contains("backend BLAS")
                .contains("200 shapes, 0 wrong");
        assertThat(output.lines().filter(line -> line.contains("wrong results on this machine")))
                .hasSize(1);
    }

    private Process start(String products, String what) throws IOException {
        var command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-Dvitrail.products=" + products,
                "-Dvitrail.wait=passive", // two processes share the cores
                "-cp",
                System.getProperty("java.class.path"),
                Sweep.class.getName(),
                what));
        var builder = new ProcessBuilder(command);
        // A process inherits what the engine of this one has set, unless its environment is asked for.
        builder.environment().remove("ONEDNN_MAX_CPU_ISA");
        return builder.redirectErrorStream(true)
                .redirectOutput(
                        folder.resolve(what.equals("canary") ? what : products).toFile())
                .start();
    }

    private String finish(String log, Process process) throws Exception {
        try {
            assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        var output = Files.readString(folder.resolve(log), StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }

    /** What such a process does. */
    static final class Sweep {
        public static void main(String[] arguments) {
            boolean fails = arguments[0].equals("canary");
            if (fails) {
                Products.canary = () -> Optional.of("a product gives 1 instead of 2");
            }
            int shapes = fails ? 200 : SHAPES;
            var result = SelfTest.run(7, shapes);
            System.out.println("backend " + Products.choice().backend());
            result.failures().forEach(System.out::println);
            System.out.println(shapes + " shapes, " + result.failures().size() + " wrong");
        }
    }
}
