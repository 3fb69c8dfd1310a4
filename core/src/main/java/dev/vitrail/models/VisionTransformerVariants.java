package dev.vitrail.models;

import dev.vitrail.models.VisionTransformer.Config;

/** The published sizes of the {@link VisionTransformer}, by timm's names. */
final class VisionTransformerVariants {
    private VisionTransformerVariants() {}

    static final Family<Config> FAMILY = Family.of(
                    "ViT",
                    Config.class,
                    VisionTransformer::new,
                    VisionTransformerDialects.OFFICIAL_DEIT3,
                    VisionTransformerDialects.TORCHVISION)
            // spotless:off
            .variant("vit_tiny_patch16_224", Config.of(224, 16, 192, 12, 3))
            .variant("vit_base_patch16_224", Config.of(224, 16, 768, 12, 12));
            // spotless:on
}
