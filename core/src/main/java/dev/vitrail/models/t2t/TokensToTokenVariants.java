package dev.vitrail.models.t2t;

import dev.vitrail.models.Family;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.TokensToTokenViTConfig.Backbone;
import dev.vitrail.models.t2t.TokensToTokenViTConfig.TokenAttention;
import java.util.List;

/** The sizes of {@link TokensToTokenViT} by the names of the authors' code, and small ones for images of 32×32 pixels. */
public final class TokensToTokenVariants {
    private TokensToTokenVariants() {}

    /** Windows that overlap, 4 pixels from token to token: 16×16, 8×8 and 8×8 tokens for 32×32 pixels. */
    private static final List<SoftSplit> SMALL_SPLITS =
            List.of(new SoftSplit(5, 2, 2), new SoftSplit(3, 2, 1), new SoftSplit(3, 1, 1));

    private static TokensToTokenViTConfig exact(TokensToTokenViTConfig config) {
        return config.with(o -> o.tokens = TokenAttention.TRANSFORMER);
    }

    private static TokensToTokenViTConfig with(Backbone backbone, TokensToTokenViTConfig config) {
        return config.with(o -> o.backbone = backbone);
    }

    private static TokensToTokenViTConfig dense(int width, int heads, int growth, Integer... stages) {
        // The original leaves `depth` at 12, whatever the stages.
        return TokensToTokenViTConfig.of(width, 12, heads, 2).with(o -> {
            o.backbone = Backbone.DENSE;
            o.growth = growth;
            o.stages = List.of(stages);
        });
    }

    private static TokensToTokenViTConfig small(TokensToTokenViTConfig config) {
        return config.withImage(32, 32).withClasses(10).with(o -> {
            o.splits = SMALL_SPLITS;
            o.tokenWidth = 32;
        });
    }

    public static final Family FAMILY = Family.of("T2T-ViT")
            // spotless:off
            // name                              width depth heads mlp
            .variant("t2t_vit_7",          TokensToTokenViTConfig.of(256,  7,  4, 2))
            .variant("t2t_vit_10",         TokensToTokenViTConfig.of(256, 10,  4, 2))
            .variant("t2t_vit_12",         TokensToTokenViTConfig.of(256, 12,  4, 2))
            .variant("t2t_vit_14",         TokensToTokenViTConfig.of(384, 14,  6, 3))
            .variant("t2t_vit_14_384",     TokensToTokenViTConfig.of(384, 14,  6, 3).withImage(384, 384))
            .variant("t2t_vit_19",         TokensToTokenViTConfig.of(448, 19,  7, 3))
            .variant("t2t_vit_24",         TokensToTokenViTConfig.of(512, 24,  8, 3))
            .variant("t2t_vit_t_14", exact(TokensToTokenViTConfig.of(384, 14,  6, 3)))
            .variant("t2t_vit_t_19", exact(TokensToTokenViTConfig.of(448, 19,  7, 3)))
            .variant("t2t_vit_t_24", exact(TokensToTokenViTConfig.of(512, 24,  8, 3)))
            // The backbones that section 3.2 compares.
            .variant("t2t_vit_dense",                       dense(128, 8, 64, 3, 6, 6, 4))
            .variant("t2t_vit_14_wide",                 TokensToTokenViTConfig.of(768,  4, 12, 3))
            .variant("t2t_vit_14_se",     with(Backbone.SE, TokensToTokenViTConfig.of(384, 14,  6, 3)))
            .variant("t2t_vit_14_resnext",              TokensToTokenViTConfig.of(384, 14, 32, 3))
            .variant("t2t_vit_16_ghost", with(Backbone.GHOST, TokensToTokenViTConfig.of(384, 16,  6, 3)))
            // The same study in miniature, each near a million parameters.
            .variant("t2t_mini_32",                           small(TokensToTokenViTConfig.of(128,  7,  4, 2)))
            .variant("t2t_mini_32_dense",                         small(dense( 64, 4, 32, 2, 3, 3, 2)))
            .variant("t2t_mini_32_wide",                      small(TokensToTokenViTConfig.of(240,  2,  4, 2)))
            .variant("t2t_mini_32_se",    with(Backbone.SE,    small(TokensToTokenViTConfig.of(128,  7,  4, 2))))
            .variant("t2t_mini_32_resnext",                   small(TokensToTokenViTConfig.of(128,  7, 16, 2)))
            .variant("t2t_mini_32_ghost", with(Backbone.GHOST, small(TokensToTokenViTConfig.of(128,  9,  4, 3))));
            // spotless:on
}
