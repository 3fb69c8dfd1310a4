package dev.vitrail.parity;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.Golden;
import java.nio.file.Files;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** T2T-ViT with every token attention and backbone against the authors' code. */
final class TokensToTokenGoldenTest {
    @ParameterizedTest
    @ValueSource(
            strings = {"t2t_transformer", "t2t_performer", "t2t_performer_qkscale", "t2t_se", "t2t_dense", "t2t_ghost"})
    void computesWhatTheOriginalDoes(String name) {
        var path = Golden.FIXTURES.resolve("models").resolve(name);
        assumeTrue(Files.exists(path.resolveSibling(name + ".json")), "the fixtures are not on this machine");
        GoldenModels.compare(Golden.read(path));
    }
}
