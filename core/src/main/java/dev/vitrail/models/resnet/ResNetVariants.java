package dev.vitrail.models.resnet;

import static dev.vitrail.models.resnet.ResNetConfig.BlockType.BASIC;
import static dev.vitrail.models.resnet.ResNetConfig.BlockType.BOTTLENECK;

import dev.vitrail.models.ModelFamily;
import java.util.List;

/** The published sizes of the {@link ResNet} (paper, table 1), by torchvision's and timm's names. */
public final class ResNetVariants {
    private ResNetVariants() {}

    public static final ModelFamily FAMILY = ModelFamily.of("ResNet")
            .exporting(ResNetCheckpointFormats.TO_TORCHVISION, ResNetCheckpointFormats.TO_TRANSFORMERS)
            // spotless:off
            .variant("resnet18",  ResNetConfig.of(BASIC,      2, 2,  2, 2))
            .variant("resnet26",  ResNetConfig.of(BOTTLENECK, 2, 2,  2, 2))
            .variant("resnet26d", ResNetConfig.of(BOTTLENECK, 2, 2,  2, 2).d())
            .variant("resnet34",  ResNetConfig.of(BASIC,      3, 4,  6, 3))
            .variant("resnet50",  ResNetConfig.of(BOTTLENECK, 3, 4,  6, 3))
            .variant("resnet50d", ResNetConfig.of(BOTTLENECK, 3, 4,  6, 3).d())
            .variant("resnet101", ResNetConfig.of(BOTTLENECK, 3, 4, 23, 3))
            .variant("resnet152", ResNetConfig.of(BOTTLENECK, 3, 8, 36, 3))
            // Not published: small ones for small images, the second with as many parameters as a miniature ViT.
            .variant("resnet_mini_32", ResNetConfig.of(BASIC, 1, 1, 1)
                    .withBlocks(b -> b.withWidths(List.of(32, 64, 128))).withImage(32, 32).withClasses(10))
            .variant("resnet20_mini_32", ResNetConfig.of(BASIC, 7, 2).withImage(32, 32).withClasses(10));
            // spotless:on
}
