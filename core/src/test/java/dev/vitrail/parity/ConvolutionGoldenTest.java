package dev.vitrail.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Convolutional networks and the hybrids that begin with them against timm and the original code. */
final class ConvolutionGoldenTest {
    @ParameterizedTest
    @ValueSource(strings = {"resnet_d_variant", "hybrid_stem_only_p4", "convnext_official", "convnextv2_timm_dims2"})
    void computesWhatTheOriginalDoes(String name) throws URISyntaxException {
        var file = Objects.requireNonNull(getClass().getResource("/golden/models/" + name + ".json"), name);
        run(Path.of(file.toURI()));
    }

    /** Larger files, which the repository does not hold. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "resnet_basic",
                "resnet_bottleneck",
                "resnetv2_bit",
                "hybrid_r_s8",
                "convnext_timm",
                "convnext_timm_convmlp_ols",
                "convnext_timm_headmlp",
                "convnext_timm_headnormfirst",
                "convnextv2_timm"
            })
    void computesWhatTheOriginalDoesInMoreShapes(String name) {
        var file = Path.of("../../shared/fixtures/models", name + ".json");
        assumeTrue(Files.exists(file), "the fixtures are not on this machine");
        run(file);
    }

    private static void run(Path file) {
        assertThat(Parity.run(List.of(file), outcome -> {}))
                .singleElement()
                .satisfies(outcome ->
                        assertThat(outcome.passed()).as("%s", outcome).isTrue());
    }
}
