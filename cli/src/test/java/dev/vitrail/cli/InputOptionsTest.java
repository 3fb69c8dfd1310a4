package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sizes on the command line, and what a model says of them. */
final class InputOptionsTest {
    private record Ran(int status, String out, String err) {}

    private static Ran run(String... arguments) {
        var errors = new StringWriter();
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var terminal = System.out;
        var log = System.err;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            int status =
                    Main.commandLine().setErr(new PrintWriter(errors, true)).execute(arguments);
            return new Ran(status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8) + errors);
        } finally {
            System.setOut(terminal);
            System.setErr(log);
        }
    }

    private static Ran benchmark(String model, String size) {
        return run("benchmark", "--model", model, "--size", size, "--batch", "1", "--repeat", "1", "--json");
    }

    @ParameterizedTest
    @CsvSource({"32, 32, 32", "48, 48, 48", "38x50, 38, 50", "23x61, 23, 61"})
    void benchmarksASwinAtAnySize(String size, int height, int width) {
        var ran = benchmark("swin_mini_32", size);
        assertThat(ran.status()).isZero();
        assertThat(ran.out().replaceAll("\\s", ""))
                .contains("\"input_size\":[3,%d,%d]".formatted(height, width))
                .contains("\"activations\":");
    }

    @Test
    void saysWhatIsPadded() {
        var err = benchmark("swin_mini_32", "23x61").err();
        assertThat(err.lines().filter(line -> line.contains("padded")))
                .singleElement()
                .asString()
                .contains("for images of 23×61 pixels, images of 23×61 pixels are padded to 24×62");
        assertThat(benchmark("swin_mini_32", "32").err()).doesNotContain("padded");
    }

    @Test
    void refusesSizesThatAreNone() {
        for (var size : new String[] {"big", "0", "3x", "x3", "-4"}) {
            var ran = benchmark("swin_mini_32", size);
            assertThat(ran.status()).as(size).isEqualTo(2);
            assertThat(ran.err().lines()).as(size).hasSize(1);
        }
    }

    @Test
    void refusesSizesThatPatchesDoNotDivide() {
        var ran = benchmark("vit_mini_patch4_32", "33");
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err()).contains("image height 33", "32 and 36");
    }
}
