package dev.vitrail.models.mixer;

import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.mixer.MlpMixer.Config;

/** The published sizes of the {@link MlpMixer}, by timm's names. */
public final class MlpMixerVariants {
    private MlpMixerVariants() {}

    public static final ModelFamily FAMILY = ModelFamily.of("MLP-Mixer")
            // spotless:off
            // name                     image patch width depth
            .variant("mixer_s32_224", Config.of(224, 32,  512,  8))
            .variant("mixer_s16_224", Config.of(224, 16,  512,  8))
            .variant("mixer_b32_224", Config.of(224, 32,  768, 12))
            .variant("mixer_b16_224", Config.of(224, 16,  768, 12))
            .variant("mixer_l32_224", Config.of(224, 32, 1024, 24))
            .variant("mixer_l16_224", Config.of(224, 16, 1024, 24));
            // spotless:on
}
