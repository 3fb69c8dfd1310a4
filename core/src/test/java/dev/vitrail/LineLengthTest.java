package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Lines of Java have at most {@value #MOST} characters: the formatter breaks code, but neither comments nor strings.
 *
 * <p>Tables are exempt: text blocks, and what stands between {@code spotless:off} and {@code spotless:on}.
 */
class LineLengthTest {
    private static final int MOST = 120;

    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    @Test
    void linesFitTheScreen() throws IOException {
        var found = new ArrayList<String>();
        int read = 0;
        for (var module : List.of("core", "onnx", "serve", "spark", "cli", "bench")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src"))) {
                for (var file :
                        files.filter(file -> file.toString().endsWith(".java")).toList()) {
                    read++;
                    longLines(Files.readAllLines(file)).forEach(line -> found.add(ROOT.relativize(file) + ":" + line));
                }
            }
        }
        assertThat(read).isGreaterThan(400);
        assertThat(found).isEmpty();
    }

    @Test
    void tablesAreExempt() {
        var line = "x".repeat(MOST + 1);
        assertThat(longLines(List.of(line, "\"\"\"", line, "\"\"\"", "// spotless:off", line, "// spotless:on", line)))
                .containsExactly(1, 8);
        assertThat(longLines(List.of("x".repeat(MOST)))).isEmpty();
    }

    /** Numbers of the lines that are too long, from 1. */
    private static List<Integer> longLines(List<String> lines) {
        var found = new ArrayList<Integer>();
        boolean block = false;
        boolean table = false;
        for (int i = 0; i < lines.size(); i++) {
            var line = lines.get(i);
            table = (table || line.contains("spotless:off")) && !line.contains("spotless:on");
            int quotes = line.split("\"\"\"", -1).length - 1;
            if (line.codePointCount(0, line.length()) > MOST && !block && !table) {
                found.add(i + 1);
            }
            block ^= quotes % 2 == 1;
        }
        return found;
    }
}
