package dev.vitrail.models.beit;

import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.beit.Beit.Config;

/** The published sizes of {@link Beit}, by timm's names. */
public final class BeitVariants {
    private BeitVariants() {}

    public static final ModelFamily FAMILY = ModelFamily.of("BEiT")
            .exporting(BeitCheckpointFormats.TO_TRANSFORMERS)
            .deriving(name -> name.endsWith(".relative_position_index"))
            // spotless:off
            // name                               image width depth heads layerScale
            .variant("beit_base_patch16_224",   Config.of(224,  768, 12, 12, 0.1))
            .variant("beit_base_patch16_384",   Config.of(384,  768, 12, 12, 0.1))
            .variant("beit_large_patch16_224",  Config.of(224, 1024, 24, 16, 1e-5))
            .variant("beit_large_patch16_384",  Config.of(384, 1024, 24, 16, 1e-5))
            .variant("beit_large_patch16_512",  Config.of(512, 1024, 24, 16, 1e-5))
            .variant("beitv2_base_patch16_224", Config.of(224,  768, 12, 12, 1e-5))
            .variant("beitv2_large_patch16_224", Config.of(224, 1024, 24, 16, 1e-5));
            // spotless:on
}
