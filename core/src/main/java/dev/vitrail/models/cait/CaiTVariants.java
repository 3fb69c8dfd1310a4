package dev.vitrail.models.cait;

import dev.vitrail.models.ModelFamily;

/**
 * The published sizes of {@link CaiT} (paper, Tables 2 and 3), by timm's names, and a miniature for images
 * of 32 pixels.
 */
public final class CaiTVariants {
    private CaiTVariants() {}

    public static final ModelFamily FAMILY = ModelFamily.of("CaiT")
            // spotless:off
            .variant("cait_xxs24_224", CaiTConfig.of(224, 16, 192, 24, 4))
            .variant("cait_xxs24_384", CaiTConfig.of(384, 16, 192, 24, 4))
            .variant("cait_xxs36_224", CaiTConfig.of(224, 16, 192, 36, 4))
            .variant("cait_xxs36_384", CaiTConfig.of(384, 16, 192, 36, 4))
            .variant("cait_xs24_384",  CaiTConfig.of(384, 16, 288, 24, 6))
            .variant("cait_s24_224",   CaiTConfig.of(224, 16, 384, 24, 8))
            .variant("cait_s24_384",   CaiTConfig.of(384, 16, 384, 24, 8))
            .variant("cait_s36_384",   CaiTConfig.of(384, 16, 384, 36, 8))
            .variant("cait_m36_384",   CaiTConfig.of(384, 16, 768, 36, 16))
            .variant("cait_m48_448",   CaiTConfig.of(448, 16, 768, 48, 16))
            .variant("cait_mini_32",   CaiTConfig.of(32, 4, 96, 10, 4).withClasses(10));
            // spotless:on
}
