package dev.vitrail.parity;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.Head;
import dev.vitrail.models.cait.CaiTConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** timm's and the authors' CaiT. */
final class CaiTUpstream {
    private CaiTUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments arguments) {
        return switch (upstreamClass) {
            case "timm.models.cait/Cait" -> built(timm(arguments));
            case "deit:cait_models/cait_models" -> built(official(arguments));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(CaiTConfig config) {
        var family = Catalog.get("cait_xxs24_224").family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    private static CaiTConfig timm(Arguments a) {
        return config(
                a,
                a.flag("qkv_bias", true),
                a.normEps("norm_layer", 1e-6),
                a.number("mlp_ratio_token_only", 4),
                OptionalDouble.empty(),
                a.number("init_values", 1e-4),
                new Head(
                        a.integer("num_classes", 1000),
                        Pool.of(a.text("global_pool", "token"), List.of(Pool.TOKEN, Pool.AVG)),
                        a.number("drop_rate", 0)),
                a.number("pos_drop_rate", 0),
                a.number("proj_drop_rate", 0));
    }

    private static CaiTConfig official(Arguments a) {
        require(a.text("global_pool", "token").equals("token"), "the authors' CaiT pools by its class token alone");
        return config(
                a,
                a.flag("qkv_bias", false),
                a.normEps("norm_layer", 1e-5),
                a.number("mlp_ratio_clstk", 4),
                a.optional("qk_scale"),
                a.number("init_scale", 1e-4),
                new Head(a.integer("num_classes", 1000), Pool.TOKEN, 0),
                a.number("drop_rate", 0),
                a.number("drop_rate", 0));
    }

    private static CaiTConfig config(
            Arguments a,
            boolean qkvBias,
            double normEps,
            double classMlpRatio,
            OptionalDouble attentionScale,
            double layerScale,
            Head head,
            double positionDropout,
            double projectionDropout) {
        return new CaiTConfig(
                a.image(),
                a.pair("patch_size", 16)[0],
                new Encoder(
                        a.integer("embed_dim", 768),
                        a.integer("depth", 12),
                        a.integer("num_heads", 12),
                        a.number("mlp_ratio", 4),
                        qkvBias,
                        a.activation("act_layer"),
                        normEps),
                a.integer("depth_token_only", 2),
                classMlpRatio,
                attentionScale,
                layerScale,
                head,
                new Dropouts(
                        positionDropout,
                        projectionDropout,
                        a.number("attn_drop_rate", 0),
                        a.number("drop_path_rate", 0)));
    }
}
