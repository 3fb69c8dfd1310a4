package dev.vitrail.models.compact;

import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.nn.Pool;
import java.util.List;

/**
 * Sizes of vit-pytorch's models: those of its manual's examples, two of the ViT paper, and small ones for 32 pixels.
 */
public final class CompactVariants {
    private CompactVariants() {}

    private static final List<SoftSplit> T2T_SPLITS = List.of(
            CompactT2TViT.Config.split(7, 4), CompactT2TViT.Config.split(3, 2), CompactT2TViT.Config.split(3, 2));

    /** Windows of 3×3 that overlap, 4 pixels from token to token: 16×16 and 8×8 tokens for 32×32 pixels. */
    private static final List<SoftSplit> SMALL_T2T_SPLITS =
            List.of(CompactT2TViT.Config.split(3, 2), CompactT2TViT.Config.split(3, 2));

    private static CompactViT.Config vit(int image, int patch, Shape encoder, Pool pool) {
        return new CompactViT.Config(ImageInput.square(image), Patch.square(patch), encoder, Head.of(pool), 0);
    }

    public static final ModelFamily VIT = ModelFamily.of("compact ViT")
            // spotless:off
            // name                                      image patch         width depth heads head hidden dropout
            .variant("compact_vit_patch32_256",            vit(256, 32, new Shape(1024,  6, 16, 64, 2048, 0), Pool.TOKEN))
            .variant("compact_vit_tiny_patch16_224",       vit(224, 16, new Shape( 192, 12,  3, 64,  768, 0), Pool.TOKEN))
            .variant("compact_vit_base_patch16_224_mean",  vit(224, 16, new Shape( 768, 12, 12, 64, 3072, 0), Pool.AVG))
            .variant("compact_vit_mini_32",                vit( 32,  4, new Shape( 128,  6,  4, 32,  256, 0), Pool.TOKEN)
                    .withClasses(10));
            // spotless:on

    public static final ModelFamily SIMPLE = ModelFamily.of("SimpleViT")
            // spotless:off
            .variant("simple_vit_patch32_256", new SimpleViT.Config(
                    ImageInput.square(256), Patch.square(32), new Shape(1024, 6, 16, 64, 2048, 0), Head.of(Pool.AVG)))
            .variant("simple_vit_mini_32", new SimpleViT.Config(
                    ImageInput.square(32), Patch.square(4), new Shape(128, 6, 4, 32, 256, 0), new Head(10, Pool.AVG, 0)));
            // spotless:on

    public static final ModelFamily T2T = ModelFamily.of("compact T2T-ViT")
            // spotless:off
            .variant("compact_t2t_vit_224", new CompactT2TViT.Config(
                    ImageInput.square(224), T2T_SPLITS, new Shape(512, 5, 8, 64, 512, 0), Head.of(Pool.TOKEN), 0))
            .variant("compact_t2t_mini_32", new CompactT2TViT.Config(
                    ImageInput.square(32), SMALL_T2T_SPLITS, new Shape(128, 7, 4, 32, 256, 0), new Head(10, Pool.TOKEN, 0), 0));
            // spotless:on

    public static final ModelFamily CAIT = ModelFamily.of("compact CaiT")
            // spotless:off
            .variant("compact_cait_patch32_256", new CompactCaiT.Config(
                    ImageInput.square(256), Patch.square(32), new Shape(1024, 12, 16, 64, 2048, 0.1), 2, Head.of(Pool.TOKEN),
                    0.1, 0.05))
            .variant("compact_cait_mini_32", new CompactCaiT.Config(
                    ImageInput.square(32), Patch.square(4), new Shape(128, 6, 4, 32, 256, 0), 2, new Head(10, Pool.TOKEN, 0),
                    0, 0.05));
            // spotless:on
}
