package dev.vitrail.models.deit;

import static dev.vitrail.models.vit.ViTVariants.base;
import static dev.vitrail.models.vit.ViTVariants.huge;
import static dev.vitrail.models.vit.ViTVariants.large;
import static dev.vitrail.models.vit.ViTVariants.medium;
import static dev.vitrail.models.vit.ViTVariants.mini;
import static dev.vitrail.models.vit.ViTVariants.scaled;
import static dev.vitrail.models.vit.ViTVariants.small;
import static dev.vitrail.models.vit.ViTVariants.tiny;
import static dev.vitrail.models.vit.ViTVariants.withoutPrefixPositions;

import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.vit.ViTCheckpointFormats;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.VisionTransformer;

/**
 * The published sizes of DeiT (Touvron et al., 2021, arXiv:2012.12877, Table 1) and DeiT-III (Touvron et al., 2022,
 * arXiv:2204.07118), by timm's names. They are {@link VisionTransformer}s.
 */
public final class DeitVariants {
    private DeitVariants() {}

    // spotless:off
    public static final ModelFamily FAMILY = ModelFamily.of("DeiT", ViTCheckpointFormats.OFFICIAL_DEIT3)
            .exporting(
                    ViTCheckpointFormats.DEIT_TO_ORIGINAL,
                    ViTCheckpointFormats.TO_TRANSFORMERS,
                    ViTCheckpointFormats.DEIT_TO_TRANSFORMERS)
            .variant("deit_tiny_patch16_224", tiny(224, 16))
            .variant("deit_small_patch16_224", small(224, 16))
            .variant("deit_base_patch16_224", base(224, 16))
            .variant("deit_base_patch16_384", base(384, 16))
            // with a distillation token
            .variant("deit_tiny_distilled_patch16_224", distilled(tiny(224, 16)))
            .variant("deit_small_distilled_patch16_224", distilled(small(224, 16)))
            .variant("deit_base_distilled_patch16_224", distilled(base(224, 16)))
            .variant("deit_base_distilled_patch16_384", distilled(base(384, 16)))
            // DeiT-III; Ti is in the authors' code alone, by this name, and has no published weights
            .variant("deit_tiny_patch16_LS", third(tiny(224, 16), 1e-4))
            .variant("deit3_small_patch16_224", third(small(224, 16), 1e-6))
            .variant("deit3_small_patch16_384", third(small(384, 16), 1e-6))
            .variant("deit3_medium_patch16_224", third(medium(224), 1e-6))
            .variant("deit3_base_patch16_224", third(base(224, 16), 1e-6))
            .variant("deit3_base_patch16_384", third(base(384, 16), 1e-6))
            .variant("deit3_large_patch16_224", third(large(224, 16), 1e-6))
            .variant("deit3_large_patch16_384", third(large(384, 16), 1e-6))
            .variant("deit3_huge_patch14_224", third(huge(224, 14), 1e-6))
            // ours, in miniature, without published weights
            .variant("deit_mini_distilled_patch4_32", distilled(mini(32, 4, 128, 5, 4)))
            .variant("deit3_mini_patch4_32", third(mini(32, 4, 128, 5, 4), 1e-4));
    // spotless:on

    private static ViTConfig distilled(ViTConfig config) {
        return config.withTokens(t -> t.withDistilled(true));
    }

    /** LayerScale, a class token without position, and one rate of stochastic depth for all blocks. */
    private static ViTConfig third(ViTConfig config, double layerScale) {
        return config.with(scaled(layerScale))
                .with(withoutPrefixPositions())
                .withBlocks(b -> b.withUniformDropPath(true));
    }
}
