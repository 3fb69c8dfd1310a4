package dev.vitrail.models.resnet;

import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.resnet.ResNetV2Config.Convolution;
import dev.vitrail.models.resnet.ResNetV2Config.Norm;
import dev.vitrail.models.resnet.ResNetV2Config.StemType;
import java.util.List;

/** The published sizes of the {@link ResNetV2}, by timm's names; BiT's are of its paper's section 3.1. */
public final class ResNetV2Variants {
    private ResNetV2Variants() {}

    private static ResNetV2Config bit(int image, int widthFactor, Integer... depths) {
        return bit(ResNetV2Config.of(depths))
                .withBlocks(b -> b.withWidthFactor(widthFactor))
                .withImage(ImageInput.square(image));
    }

    private static ResNetV2Config bit(ResNetV2Config config) {
        return config.withStem(s -> s.withType(StemType.FIXED))
                .withLayers(l -> l.withConvolution(Convolution.STANDARDIZED, 1e-8));
    }

    /** Configuration with batch normalization and ordinary convolutions. */
    private static ResNetV2Config batch(Integer... depths) {
        return ResNetV2Config.of(depths)
                .withLayers(l -> l.withNorm(Norm.BATCH).withConvolution(Convolution.PLAIN, l.convolutionEps()));
    }

    private static ResNetV2Config d(ResNetV2Config config) {
        return config.withStem(s -> s.withType(StemType.DEEP)).withBlocks(b -> b.withAverageDown(true));
    }

    public static final ModelFamily FAMILY = ModelFamily.of("ResNetV2")
            .exporting(ResNetCheckpointFormats.BIT_TO_TRANSFORMERS)
            // spotless:off
            .variant("resnetv2_50",         batch(3, 4, 6, 3))
            .variant("resnetv2_50d",        d(batch(3, 4, 6, 3)))
            .variant("resnetv2_50d_gn",     d(batch(3, 4, 6, 3)).withLayers(l -> l.withNorm(Norm.GROUP)))
            .variant("resnetv2_101",        batch(3, 4, 23, 3))
            //                                  image factor
            .variant("resnetv2_50x1_bit",   bit(224, 1, 3, 4, 6, 3))
            .variant("resnetv2_50x3_bit",   bit(448, 3, 3, 4, 6, 3))
            .variant("resnetv2_101x1_bit",  bit(448, 1, 3, 4, 23, 3))
            .variant("resnetv2_101x3_bit",  bit(448, 3, 3, 4, 23, 3))
            .variant("resnetv2_152x2_bit",  bit(224, 2, 3, 8, 36, 3))
            .variant("resnetv2_152x4_bit",  bit(480, 4, 3, 8, 36, 3))
            // BiT's blocks in miniature, for small images; ours, without published weights
            .variant("resnetv2_mini_32_bit", bit(ResNetV2Config.of(1, 1, 1))
                    .withStem(s -> new ResNetV2Config.Stem(s.type(), 32))
                    .withBlocks(b -> b.withWidths(List.of(128, 256, 512)))
                    .withImage(32, 32).withClasses(10));
            // spotless:on
}
