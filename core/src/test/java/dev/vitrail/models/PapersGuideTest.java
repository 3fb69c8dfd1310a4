package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The guide "Reading the models beside the papers" names files, types and methods that exist. */
class PapersGuideTest {
    private static final Path GUIDE = Path.of("..", "docs", "guide", "papers.md");
    private static final Pattern REFERENCE =
            Pattern.compile("\\[`([\\w.]+)`\\]\\(([^)]+/dev/vitrail/([\\w/]+)\\.java)\\)");

    static Stream<String> references() throws IOException {
        return REFERENCE.matcher(Files.readString(GUIDE)).results().map(match -> match.group(1) + " " + match.group(2));
    }

    @ParameterizedTest
    @MethodSource("references")
    void aReferenceLeadsToWhatItNames(String reference) throws ClassNotFoundException {
        var names = reference.substring(0, reference.indexOf(' ')).split("\\.");
        var file = reference.substring(reference.indexOf(' ') + 1);
        assertThat(GUIDE.resolveSibling(file)).exists();
        Class<?> type = Class.forName(
                file.replaceFirst(".*/(dev/vitrail/.*)\\.java", "$1").replace('/', '.'));
        assertThat(type.getSimpleName()).isEqualTo(names[0]);
        for (int i = 1; i < names.length; i++) {
            var name = names[i];
            if (Character.isUpperCase(name.charAt(0))) {
                type = Arrays.stream(type.getDeclaredClasses())
                        .filter(nested -> nested.getSimpleName().equals(name))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError(reference + ": there is no " + name));
            } else {
                assertThat(type.getDeclaredMethods()).as(reference).anyMatch(method -> method.getName()
                        .equals(name));
            }
        }
    }
}
