package dev.vitrail.models.hybrid;

import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.resnet.ResNet;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.ViTVariants;
import dev.vitrail.nn.Pool;

/**
 * The published hybrids, by timm's names: the paper's and Steiner et al.'s (<i>How to train your ViT?</i>,
 * 2021, arXiv:2106.10270) after a {@link ResNetV2}, timm's own after a {@link ResNet}; and a miniature for
 * images of 32 pixels.
 */
public final class HybridVariants {
    private HybridVariants() {}

    /** A transformer behind a stem, with patches of {@code patch} positions. */
    private static ViTConfig after(ViTConfig.Stem stem, int image, int patch, int width, int depth, int heads) {
        return ViTConfig.of(image, patch * stem.stride(), width, depth, heads)
                .withPatches(p -> ViTConfig.Patches.of(patch).withStem(stem));
    }

    private static ResNetV2Config google(Integer... depths) {
        return ResNetV2Config.of(depths)
                .withStem(s -> s.withType(ResNetV2Config.StemType.SAME))
                .withBlocks(b -> b.withPreActivation(false))
                .withLayers(l -> l.withConvolution(ResNetV2Config.Convolution.STANDARDIZED_SAME, 1e-8));
    }

    private static final ViTConfig.Stem ROOT = new Hybrid.RootStem(google(1)),
            R26_S32 = new Hybrid.NetworkStem(google(2, 2, 2, 2)),
            R50_S16 = new Hybrid.NetworkStem(google(3, 4, 9)),
            R50_S32 = new Hybrid.NetworkStem(google(3, 4, 6, 3)),
            RESNET26D =
                    new Hybrid.NetworkStem(ResNetConfig.of(ResNetConfig.BlockType.BOTTLENECK, 2, 2, 2, 2)
                            .d()),
            RESNET50D =
                    new Hybrid.NetworkStem(ResNetConfig.of(ResNetConfig.BlockType.BOTTLENECK, 3, 4, 6, 3)
                            .d()),
            RESNET50D_S16 =
                    new Hybrid.NetworkStem(ResNetConfig.of(ResNetConfig.BlockType.BOTTLENECK, 3, 4, 6)
                            .d());

    /**
     * A stage of two blocks gives 8×8 positions of 64 channels for 32×32 pixels; behind it, the miniature ViT with
     * a block less.
     */
    private static final ViTConfig.Stem R5_S4 =
            new Hybrid.NetworkStem(ResNetConfig.of(ResNetConfig.BlockType.BASIC, 2));

    public static final ModelFamily FAMILY = ModelFamily.of("ViT hybrid")
            // spotless:off
            //                                                  stem           image patch width depth heads
            .variant("vit_tiny_r_s16_p8_224",       after(ROOT,          224,  8,  192, 12,  3))
            .variant("vit_tiny_r_s16_p8_384",       after(ROOT,          384,  8,  192, 12,  3))
            .variant("vit_small_r26_s32_224",       after(R26_S32,       224,  1,  384, 12,  6))
            .variant("vit_small_r26_s32_384",       after(R26_S32,       384,  1,  384, 12,  6))
            .variant("vit_base_r26_s32_224",        after(R26_S32,       224,  1,  768, 12, 12))
            .variant("vit_base_r50_s16_224",        after(R50_S16,       224,  1,  768, 12, 12).withClasses(0))
            .variant("vit_base_r50_s16_384",        after(R50_S16,       384,  1,  768, 12, 12))
            .variant("vit_large_r50_s32_224",       after(R50_S32,       224,  1, 1024, 24, 16))
            .variant("vit_large_r50_s32_384",       after(R50_S32,       384,  1, 1024, 24, 16))
            .variant("vit_small_resnet26d_224",     after(RESNET26D,     224,  1,  768,  8,  8).withEncoder(e -> e.withMlpRatio(3)))
            .variant("vit_small_resnet50d_s16_224", after(RESNET50D_S16, 224,  1,  768,  8,  8).withEncoder(e -> e.withMlpRatio(3)))
            .variant("vit_base_resnet26d_224",      after(RESNET26D,     224,  1,  768, 12, 12))
            .variant("vit_base_resnet50d_224",      after(RESNET50D,     224,  1,  768, 12, 12))
            // Not published.
            .variant("vit_mini_r5_s4_gap_32",       after(R5_S4,          32,  1,  128,  4,  4)
                    .with(ViTVariants.pooledBy(Pool.AVG)).withClasses(10));
            // spotless:on
}
