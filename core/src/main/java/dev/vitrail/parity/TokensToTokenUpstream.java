package dev.vitrail.parity;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.t2t.T2TViTConfig;
import dev.vitrail.models.t2t.T2TViTConfig.Backbone;
import dev.vitrail.models.t2t.T2TViTConfig.BackboneType;
import dev.vitrail.models.t2t.T2TViTConfig.TokenAttention;
import dev.vitrail.models.t2t.T2TViTConfig.Tokens;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;

/** The T2T-ViTs of the authors' code. */
final class TokensToTokenUpstream {
    private TokensToTokenUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments arguments) {
        return switch (upstreamClass) {
            case "t2t:t2t_vit/T2T_ViT" -> built(config(arguments, BackboneType.PLAIN));
            case "t2t:t2t_vit_se/T2T_ViT_SE" -> built(config(arguments, BackboneType.SE));
            case "t2t:t2t_vit_ghost/T2T_ViT_Ghost" -> built(config(arguments, BackboneType.GHOST));
            case "t2t:t2t_vit_dense/T2T_ViT_Dense" -> built(config(arguments, BackboneType.DENSE));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(T2TViTConfig config) {
        var family = Catalog.get("t2t_vit_14").family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    private static T2TViTConfig config(Arguments a, BackboneType type) {
        var tokens = a.text("tokens_type", "performer");
        require(
                tokens.equals("performer") || tokens.equals("transformer"),
                "the tokens_type '%s' has no counterpart here: expected performer or transformer",
                tokens);
        // Golden cases are computed without chance, whatever the constructor was told.
        a.number("drop_rate", 0);
        a.number("attn_drop_rate", 0);
        a.number("drop_path_rate", 0);
        boolean dense = type == BackboneType.DENSE;
        int side = a.integer("img_size", 224);
        return new T2TViTConfig(
                new ImageInput(side, side, a.integer("in_chans", 3)),
                new Tokens(
                        Tokens.PAPER.splits(),
                        tokens.equals("performer") ? TokenAttention.PERFORMER : TokenAttention.TRANSFORMER,
                        // Where the original fixes the token width, a case names its own to keep its files small.
                        a.integer("token_dim", a.integer("$token_dim", 64)),
                        0),
                new Backbone(
                        type,
                        a.integer("embed_dim", 768),
                        a.integer("depth", 12),
                        a.integer("num_heads", 12),
                        a.number("mlp_ratio", 4),
                        a.flag("qkv_bias", false),
                        a.optional("qk_scale"),
                        dense ? a.integer("growth_rate", 32) : 0,
                        dense ? ConvolutionUpstream.list(a.integers("block_config", 3, 4, 6, 3)) : List.of()),
                new Head(a.integer("num_classes", 1000), Pool.TOKEN, 0),
                0,
                0,
                0);
    }
}
