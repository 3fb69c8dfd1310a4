package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.sun.jna.Platform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class NativeMessagesTest {
    private static final String WARNING = "was resized";

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    /**
     * Two threads of Java in a process of their own: a handler that holds for one thread would let the
     * other's warning out.
     */
    @Test
    void warningsOfLibtorchReachTheLoggerAndNothingElse() throws Exception {
        var output = folder.resolve("output");
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        NativeMessagesTest.class.getName())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        var lines = Files.readAllLines(output);
        assertThat(process.exitValue()).as(String.join("\n", lines)).isZero();
        assertThat(lines).contains("2 threads warned").noneMatch(line -> line.startsWith("[W"));
        if (Platform.isLinux() && Platform.isIntel()) {
            assertThat(lines.stream().filter(line -> line.contains(WARNING)))
                    .hasSize(2)
                    .allMatch(line -> line.startsWith("DEBUG libtorch: "));
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        ((Logger) LoggerFactory.getLogger("dev.vitrail.engine.libtorch")).setLevel(Level.DEBUG);
        Natives.load();
        torch.set_warnAlways(true);
        for (int i = 0; i < 2; i++) {
            var thread = new Thread(NativeMessagesTest::warn);
            thread.start();
            thread.join();
        }
        System.out.println("2 threads warned");
    }

    /** An operation that writes to a tensor of another size makes libtorch warn. */
    private static void warn() {
        Frame.run(() -> {
            var two = Tensor.zeros(2).handle;
            torch.add_out(Tensor.zeros(3).handle, two, two);
        });
    }
}
