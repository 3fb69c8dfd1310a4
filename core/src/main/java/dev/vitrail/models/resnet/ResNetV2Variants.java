package dev.vitrail.models.resnet;

import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.resnet.ResNetV2Config.Convolution;
import dev.vitrail.models.resnet.ResNetV2Config.Norm;
import dev.vitrail.models.resnet.ResNetV2Config.Stem;
import java.util.List;

/** The published sizes of the {@link ResNetV2}, by timm's names; BiT's are of its paper's section 3.1. */
public final class ResNetV2Variants {
    private ResNetV2Variants() {}

    private static ResNetV2Config bit(int image, int widthFactor, Integer... depths) {
        return ResNetV2Config.of(depths).with(o -> {
            o.imageHeight = image;
            o.imageWidth = image;
            o.widthFactor = widthFactor;
            o.stem = Stem.FIXED;
            o.convolutionEps = 1e-8;
        });
    }

    /** With batch normalisation and ordinary convolutions. */
    private static ResNetV2Config batch(Integer... depths) {
        return ResNetV2Config.of(depths).with(o -> {
            o.convolution = Convolution.PLAIN;
            o.norm = Norm.BATCH;
        });
    }

    private static ResNetV2Config d(ResNetV2Config config) {
        return config.with(o -> {
            o.stem = Stem.DEEP;
            o.averageDown = true;
        });
    }

    public static final ModelFamily FAMILY = ModelFamily.of("ResNetV2")
            // spotless:off
            .variant("resnetv2_50",         batch(3, 4, 6, 3))
            .variant("resnetv2_50d",        d(batch(3, 4, 6, 3)))
            .variant("resnetv2_50d_gn",     d(batch(3, 4, 6, 3)).with(o -> o.norm = Norm.GROUP))
            .variant("resnetv2_101",        batch(3, 4, 23, 3))
            //                                  image factor
            .variant("resnetv2_50x1_bit",   bit(224, 1, 3, 4, 6, 3))
            .variant("resnetv2_50x3_bit",   bit(448, 3, 3, 4, 6, 3))
            .variant("resnetv2_101x1_bit",  bit(448, 1, 3, 4, 23, 3))
            .variant("resnetv2_101x3_bit",  bit(448, 3, 3, 4, 23, 3))
            .variant("resnetv2_152x2_bit",  bit(224, 2, 3, 8, 36, 3))
            .variant("resnetv2_152x4_bit",  bit(480, 4, 3, 8, 36, 3))
            // BiT's blocks in miniature, for small images; ours, without published weights
            .variant("resnetv2_mini_32_bit", ResNetV2Config.of(1, 1, 1).with(o -> {
                o.imageHeight = 32;
                o.imageWidth = 32;
                o.classes = 10;
                o.widths = List.of(128, 256, 512);
                o.stemWidth = 32;
                o.stem = Stem.FIXED;
                o.convolutionEps = 1e-8;
            }));
            // spotless:on
}
