package dev.vitrail.parity;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.t2t.T2TViTConfig;
import dev.vitrail.models.t2t.T2TViTConfig.Backbone;
import dev.vitrail.models.t2t.T2TViTConfig.TokenAttention;
import dev.vitrail.models.zoo.Catalog;
import java.util.Arrays;
import java.util.Optional;

/** The T2T-ViTs of the authors' code. */
final class TokensToTokenUpstream {
    private TokensToTokenUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments arguments) {
        return switch (upstreamClass) {
            case "t2t:t2t_vit/T2T_ViT" -> built(config(arguments, Backbone.PLAIN));
            case "t2t:t2t_vit_se/T2T_ViT_SE" -> built(config(arguments, Backbone.SE));
            case "t2t:t2t_vit_ghost/T2T_ViT_Ghost" -> built(config(arguments, Backbone.GHOST));
            case "t2t:t2t_vit_dense/T2T_ViT_Dense" -> built(config(arguments, Backbone.DENSE));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(T2TViTConfig config) {
        var family = Catalog.get("t2t_vit_14").family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    private static T2TViTConfig config(Arguments a, Backbone backbone) {
        var tokens = a.text("tokens_type", "performer");
        require(
                tokens.equals("performer") || tokens.equals("transformer"),
                "the tokens_type '%s' has no counterpart here: expected performer or transformer",
                tokens);
        // Golden cases are computed without chance, whatever the constructor was told.
        a.number("drop_rate", 0);
        a.number("attn_drop_rate", 0);
        a.number("drop_path_rate", 0);
        boolean dense = backbone == Backbone.DENSE;
        // Where the original fixes the token width, a case names its own to keep its files small.
        int tokenWidth = a.integer("token_dim", a.integer("$token_dim", 64));
        return T2TViTConfig.of(
                        a.integer("embed_dim", 768),
                        a.integer("depth", 12),
                        a.integer("num_heads", 12),
                        a.number("mlp_ratio", 4))
                .with(o -> {
                    o.imageHeight = o.imageWidth = a.integer("img_size", 224);
                    o.channels = a.integer("in_chans", 3);
                    o.classes = a.integer("num_classes", 1000);
                    o.tokens = tokens.equals("performer") ? TokenAttention.PERFORMER : TokenAttention.TRANSFORMER;
                    o.tokenWidth = tokenWidth;
                    o.tokenDropout = 0;
                    o.backbone = backbone;
                    o.qkvBias = a.flag("qkv_bias", false);
                    o.qkScale = a.optional("qk_scale");
                    if (dense) {
                        o.growth = a.integer("growth_rate", 32);
                        o.stages = Arrays.stream(a.integers("block_config", 3, 4, 6, 3))
                                .boxed()
                                .toList();
                    }
                });
    }
}
