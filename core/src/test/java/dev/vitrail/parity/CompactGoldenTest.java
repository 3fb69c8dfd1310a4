package dev.vitrail.parity;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.Golden;
import java.nio.file.Files;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The compact models against vit-pytorch. */
final class CompactGoldenTest {
    @ParameterizedTest
    @ValueSource(strings = {"lucid_vit_cls", "lucid_vit_mean", "lucid_simple_vit", "lucid_t2t", "lucid_cait"})
    void computesWhatTheOriginalDoes(String name) {
        var path = Golden.FIXTURES.resolve("models").resolve(name);
        assumeTrue(Files.exists(path.resolveSibling(name + ".json")), "the fixtures are not on this machine");
        GoldenModels.compare(Golden.read(path));
    }
}
