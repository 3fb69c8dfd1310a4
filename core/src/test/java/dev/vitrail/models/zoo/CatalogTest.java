package dev.vitrail.models.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Variant;
import java.util.List;
import org.junit.jupiter.api.Test;

class CatalogTest {
    private static List<String> matching(String pattern) {
        return Catalog.matching(pattern).stream().map(Variant::name).toList();
    }

    @Test
    void starsAndQuestionMarksMatchTheWholeName() {
        assertThat(matching("deit_*_patch16_384"))
                .containsExactly("deit_base_patch16_384", "deit_base_distilled_patch16_384");
        assertThat(matching("deit?_base_patch16_???"))
                .containsExactly("deit3_base_patch16_224", "deit3_base_patch16_384");
        assertThat(matching("*_dinov2")).hasSize(8).allMatch(name -> name.endsWith("_dinov2"));
        assertThat(matching("deit_tiny*224")).doesNotContain("deit_tiny_patch16_LS");
    }

    @Test
    void aPatternWithoutEitherMatchesAPart() {
        assertThat(matching("siglip")).containsExactly("vit_base_patch16_siglip_224");
        assertThat(matching("")).hasSameSizeAs(Catalog.variants());
        assertThat(matching("nothing")).isEmpty();
    }

    @Test
    void otherSignsStandForThemselves() {
        assertThat(matching("vit.tiny*")).isEmpty();
        assertThat(matching("(")).isEmpty();
        assertThat(matching("\\E*")).isEmpty();
    }

    @Test
    void aMistypedNameIsAnsweredWithTheNearest() {
        assertThatThrownBy(() -> Catalog.get("vit_tiny_pach16_224"))
                .isInstanceOf(VitrailException.class)
                .hasMessageStartingWith(
                        "there is no model 'vit_tiny_pach16_224'; the nearest names are vit_tiny_patch16_224, ")
                .hasMessageEndingWith(" ('vitrail models' lists all)");
        assertThatThrownBy(() -> Catalog.get("vit_tiny_pach16_224.augreg_in21k"))
                .hasMessageContaining("the nearest names are vit_tiny_patch16_224, ");
    }

    @Test
    void nearestNamesComeInTheOrderOfChangedLetters() {
        var names = List.of("convnext_tiny", "swin_tiny", "vit_tiny", "vit_tine");
        assertThat(Names.nearest("VIT_tiny", names, 3)).containsExactly("vit_tiny", "vit_tine", "swin_tiny");
        assertThat(Names.nearest("", names, 1)).containsExactly("vit_tine");
        assertThat(Names.nearest("x", List.of(), 3)).isEmpty();
    }

    @Test
    void miniaturesAreAsSmallAsTheirTableSays() {
        assertThat(Catalog.get("vit_mini_patch4_32").create().parameterCount()).isBetween(1_150_000L, 1_250_000L);
        assertThat(Catalog.get("vit_mini_patch6_48").create().parameterCount()).isBetween(1_150_000L, 1_250_000L);
        assertThat(Catalog.get("vit_tiny_d6_patch4_32").create().parameterCount())
                .isBetween(2_650_000L, 2_750_000L);
        assertThat(Catalog.get("vit_tiny_d6_patch6_48").create().parameterCount())
                .isBetween(2_650_000L, 2_750_000L);
    }
}
