package dev.vitrail.parity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every golden case of the repository: models, training, images and checkpoints against the originals' own results. */
final class GoldenCasesTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");

    @TestFactory
    Stream<DynamicTest> equalsTheOriginal() throws IOException {
        List<Path> files;
        try (var walk = Files.walk(GOLDEN)) {
            files = walk.filter(file -> file.toString().endsWith(".json"))
                    .sorted()
                    .toList();
        }
        assertThat(files).hasSizeGreaterThan(80);
        return files.stream()
                .map(file -> DynamicTest.dynamicTest(GOLDEN.relativize(file).toString(), () -> assertThat(
                                Parity.run(List.of(file), outcome -> {}))
                        .singleElement()
                        .satisfies(outcome ->
                                assertThat(outcome.passed()).as("%s", outcome).isTrue())));
    }
}
