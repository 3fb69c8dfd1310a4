package dev.vitrail.parity;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** T2T-ViT with every token attention and backbone, vit-pytorch's models, the MLP-Mixer and BEiT, against the originals. */
final class CompactFamiliesParityTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "t2t_transformer",
                "t2t_performer",
                "t2t_performer_qkscale",
                "t2t_se",
                "t2t_dense",
                "t2t_ghost",
                "lucid_vit_cls",
                "lucid_vit_mean",
                "lucid_simple_vit",
                "lucid_t2t",
                "lucid_cait",
                "mixer_timm",
                "beit_timm"
            })
    void computesWhatTheOriginalDoes(String id) {
        var outcomes = Parity.run(List.of(Path.of("src/test/resources/golden/models", id + ".json")), outcome -> {});
        assertThat(outcomes).singleElement().satisfies(outcome -> {
            assertThat(outcome.complaint()).isEmpty();
            assertThat(outcome.figures()).containsKeys("blocks_error", "features_error", "gradient_error");
        });
    }
}
