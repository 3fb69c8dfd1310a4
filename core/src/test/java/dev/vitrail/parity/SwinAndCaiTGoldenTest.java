package dev.vitrail.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Swin, Swin V2 and CaiT against timm and the authors' code. */
final class SwinAndCaiTGoldenTest {
    private static final Path OWN = Path.of("src/test/resources/golden");
    private static final Path FIXTURES = Path.of("../../shared/fixtures");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models/swin_official_ape",
                "models/swin_timm_pad",
                "models/swinv2_official_w4",
                "models/cait_official",
                "misc/swin_tables"
            })
    void computesWhatTheOriginalDoes(String name) {
        compare(OWN.resolve(name + ".json"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models/swin_official_w4",
                "models/swin_timm_small_map",
                "models/swin_timm_w4",
                "models/swinv2_timm_w4",
                "models/cait_timm"
            })
    void computesWhatTheOriginalDoesInFurtherCases(String name) {
        var path = FIXTURES.resolve(name + ".json");
        assumeTrue(Files.exists(path), "the fixtures are not on this machine");
        compare(path);
    }

    private static void compare(Path path) {
        assertThat(Parity.run(List.of(path), outcome -> {}))
                .singleElement()
                .satisfies(outcome -> assertThat(outcome.complaint()).isEmpty());
    }
}
