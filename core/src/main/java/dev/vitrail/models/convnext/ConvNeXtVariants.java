package dev.vitrail.models.convnext;

import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.convnext.ConvNeXtConfig.StemType;
import java.util.List;
import java.util.OptionalDouble;

/** The published sizes of the {@link ConvNeXt}: the papers' (section 3 and V2's table 3), and timm's smaller ones. */
public final class ConvNeXtVariants {
    private ConvNeXtVariants() {}

    /** Widths double from stage to stage. */
    private static ConvNeXtConfig sized(int width, Integer... depths) {
        return ConvNeXtConfig.of(List.of(depths), List.of(width, 2 * width, 4 * width, 8 * width));
    }

    private static ConvNeXtConfig small(int width, Integer... depths) {
        return sized(width, depths).withBlocks(b -> b.withConvolvedMlp(true));
    }

    private static ConvNeXtConfig v2(ConvNeXtConfig config) {
        return config.withBlocks(b -> b.withResponseNorm(true).withLayerScale(OptionalDouble.empty()));
    }

    private static ConvNeXtConfig overlapping(StemType type, ConvNeXtConfig config) {
        return config.withStem(s -> s.withType(type));
    }

    /** A vision transformer's shape: patches of 16×16, and one width throughout (section 3.3). */
    private static ConvNeXtConfig isotropic(int width, int depth, OptionalDouble layerScale) {
        return ConvNeXtConfig.of(List.of(depth), List.of(width))
                .withStem(s -> new ConvNeXtConfig.Stem(StemType.PATCH, 16, false))
                .withBlocks(b -> b.withLayerScale(layerScale));
    }

    public static final ModelFamily FAMILY = ModelFamily.of(
                    "ConvNeXt",
                    ConvNeXtCheckpointFormats.OFFICIAL,
                    ConvNeXtCheckpointFormats.ISOTROPIC,
                    ConvNeXtCheckpointFormats.TORCHVISION,
                    ConvNeXtCheckpointFormats.HUGGING_FACE)
            .exporting(
                    ConvNeXtCheckpointFormats.TO_ORIGINAL,
                    ConvNeXtCheckpointFormats.TO_TORCHVISION,
                    ConvNeXtCheckpointFormats.TO_TRANSFORMERS,
                    ConvNeXtCheckpointFormats.V2_TO_TRANSFORMERS)
            // spotless:off
            .variant("convnext_atto",      small(40, 2, 2, 6, 2))
            .variant("convnext_atto_ols",  overlapping(StemType.OVERLAP_TIERED, small(40, 2, 2, 6, 2)))
            .variant("convnext_femto",     small(48, 2, 2, 6, 2))
            .variant("convnext_femto_ols", overlapping(StemType.OVERLAP_TIERED, small(48, 2, 2, 6, 2)))
            .variant("convnext_pico",      small(64, 2, 2, 6, 2))
            .variant("convnext_pico_ols",  overlapping(StemType.OVERLAP_TIERED, small(64, 2, 2, 6, 2)))
            .variant("convnext_nano",      small(80, 2, 2, 8, 2))
            .variant("convnext_nano_ols",  overlapping(StemType.OVERLAP, small(80, 2, 2, 8, 2)))
            .variant("convnext_tiny",      sized(96, 3, 3, 9, 3))
            .variant("convnext_tiny_hnf",  small(96, 3, 3, 9, 3).withHeadLayers(h -> h.withNormFirst(true)))
            .variant("convnext_small",     sized(96, 3, 3, 27, 3))
            .variant("convnext_base",      sized(128, 3, 3, 27, 3))
            .variant("convnext_large",     sized(192, 3, 3, 27, 3))
            .variant("convnext_large_mlp", sized(192, 3, 3, 27, 3).withHeadLayers(h -> h.withHidden(1536)).withImage(320, 320))
            .variant("convnext_xlarge",    sized(256, 3, 3, 27, 3))
            .variant("convnext_xxlarge",   sized(384, 3, 4, 30, 3).withBlocks(b -> b.withNormEps(1e-5))
                    .withHeadLayers(h -> h.withNormEps(1e-5)).withImage(256, 256))

            .variant("convnext_isotropic_small", isotropic(384, 18, OptionalDouble.empty()))
            .variant("convnext_isotropic_base",  isotropic(768, 18, OptionalDouble.empty()))
            .variant("convnext_isotropic_large", isotropic(1024, 36, OptionalDouble.of(1e-6)))

            .variant("convnextv2_atto",    v2(small(40, 2, 2, 6, 2)))
            .variant("convnextv2_femto",   v2(small(48, 2, 2, 6, 2)))
            .variant("convnextv2_pico",    v2(small(64, 2, 2, 6, 2)))
            .variant("convnextv2_nano",    v2(small(80, 2, 2, 8, 2)))
            .variant("convnextv2_tiny",    v2(sized(96, 3, 3, 9, 3)))
            .variant("convnextv2_small",   v2(sized(96, 3, 3, 27, 3)))
            .variant("convnextv2_base",    v2(sized(128, 3, 3, 27, 3)))
            .variant("convnextv2_large",   v2(sized(192, 3, 3, 27, 3)))
            .variant("convnextv2_huge",    v2(sized(352, 3, 3, 27, 3)).withImage(384, 384))

            // Not published: a small one for small images, whose stem halves them instead of quartering.
            .variant("convnext_mini_32", ConvNeXtConfig.of(List.of(2, 2, 2), List.of(64, 128, 192))
                    .withStem(s -> s.withPatch(2)).withImage(32, 32).withClasses(10));
            // spotless:on
}
