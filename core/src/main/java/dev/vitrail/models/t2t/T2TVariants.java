package dev.vitrail.models.t2t;

import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.T2TViTConfig.Backbone;
import dev.vitrail.models.t2t.T2TViTConfig.BackboneType;
import dev.vitrail.models.t2t.T2TViTConfig.TokenAttention;
import dev.vitrail.models.t2t.T2TViTConfig.Tokens;
import dev.vitrail.nn.Pool;
import java.util.List;

/** The sizes of {@link T2TViT} by the names of the authors' code, and small ones for images of 32×32 pixels. */
public final class T2TVariants {
    private T2TVariants() {}

    /** Windows that overlap, 4 pixels from token to token: 16×16, 8×8 and 8×8 tokens for 32×32 pixels. */
    private static final List<SoftSplit> SMALL_SPLITS =
            List.of(new SoftSplit(5, 2, 2), new SoftSplit(3, 2, 1), new SoftSplit(3, 1, 1));

    private static T2TViTConfig exact(T2TViTConfig config) {
        return config.withTokens(t -> t.withAttention(TokenAttention.TRANSFORMER));
    }

    private static T2TViTConfig with(BackboneType type, T2TViTConfig config) {
        return config.withBackbone(b -> b.withType(type));
    }

    private static T2TViTConfig dense(int width, int heads, int growth, Integer... stages) {
        // The original leaves `depth` at 12, whatever the stages.
        return T2TViTConfig.of(Backbone.plain(width, 12, heads, 2).dense(growth, List.of(stages)));
    }

    private static T2TViTConfig small(T2TViTConfig config) {
        return config.withTokens(t -> new Tokens(SMALL_SPLITS, t.attention(), 32, t.dropout()))
                .withImage(ImageInput.square(32))
                .withHead(new Head(10, Pool.TOKEN, 0));
    }

    public static final ModelFamily FAMILY = ModelFamily.of("T2T-ViT")
            // spotless:off
            // name                              width depth heads mlp
            .variant("t2t_vit_7",          T2TViTConfig.of(256,  7,  4, 2))
            .variant("t2t_vit_10",         T2TViTConfig.of(256, 10,  4, 2))
            .variant("t2t_vit_12",         T2TViTConfig.of(256, 12,  4, 2))
            .variant("t2t_vit_14",         T2TViTConfig.of(384, 14,  6, 3))
            .variant("t2t_vit_14_384",     T2TViTConfig.of(384, 14,  6, 3).withImage(384, 384))
            .variant("t2t_vit_19",         T2TViTConfig.of(448, 19,  7, 3))
            .variant("t2t_vit_24",         T2TViTConfig.of(512, 24,  8, 3))
            .variant("t2t_vit_t_14", exact(T2TViTConfig.of(384, 14,  6, 3)))
            .variant("t2t_vit_t_19", exact(T2TViTConfig.of(448, 19,  7, 3)))
            .variant("t2t_vit_t_24", exact(T2TViTConfig.of(512, 24,  8, 3)))
            // The backbones that section 3.2 compares.
            .variant("t2t_vit_dense",                       dense(128, 8, 64, 3, 6, 6, 4))
            .variant("t2t_vit_14_wide",                 T2TViTConfig.of(768,  4, 12, 3))
            .variant("t2t_vit_14_se",     with(BackboneType.SE, T2TViTConfig.of(384, 14,  6, 3)))
            .variant("t2t_vit_14_resnext",              T2TViTConfig.of(384, 14, 32, 3))
            .variant("t2t_vit_16_ghost", with(BackboneType.GHOST, T2TViTConfig.of(384, 16,  6, 3)))
            // The same study in miniature, each near a million parameters.
            .variant("t2t_mini_32",                           small(T2TViTConfig.of(128,  7,  4, 2)))
            .variant("t2t_mini_32_dense",                         small(dense( 64, 4, 32, 2, 3, 3, 2)))
            .variant("t2t_mini_32_wide",                      small(T2TViTConfig.of(240,  2,  4, 2)))
            .variant("t2t_mini_32_se",    with(BackboneType.SE,    small(T2TViTConfig.of(128,  7,  4, 2))))
            .variant("t2t_mini_32_resnext",                   small(T2TViTConfig.of(128,  7, 16, 2)))
            .variant("t2t_mini_32_ghost", with(BackboneType.GHOST, small(T2TViTConfig.of(128,  9,  4, 3))));
            // spotless:on
}
