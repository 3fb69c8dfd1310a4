package dev.vitrail.parity;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.cait.CaiTConfig;
import dev.vitrail.models.zoo.Catalog;
import java.util.Locale;
import java.util.Optional;

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
        return common(a).with(o -> {
            o.pool = CaiTConfig.Pool.valueOf(a.text("global_pool", "token").toUpperCase(Locale.ROOT));
            o.qkvBias = a.flag("qkv_bias", true);
            o.layerScale = a.number("init_values", 1e-4);
            o.normEps = a.normEps("norm_layer", 1e-6);
            o.classMlpRatio = a.number("mlp_ratio_token_only", 4);
            o.headDropout = a.number("drop_rate", 0);
            o.positionDropout = a.number("pos_drop_rate", 0);
            o.projectionDropout = a.number("proj_drop_rate", 0);
        });
    }

    private static CaiTConfig official(Arguments a) {
        return common(a).with(o -> {
            o.qkvBias = a.flag("qkv_bias", false);
            o.attentionScale = a.optional("qk_scale");
            o.layerScale = a.number("init_scale", 1e-4);
            o.normEps = a.normEps("norm_layer", 1e-5);
            o.classMlpRatio = a.number("mlp_ratio_clstk", 4);
            o.positionDropout = a.number("drop_rate", 0);
            o.projectionDropout = a.number("drop_rate", 0);
            require(a.text("global_pool", "token").equals("token"), "the authors' CaiT pools by its class token alone");
        });
    }

    private static CaiTConfig common(Arguments a) {
        var image = a.pair("img_size", 224);
        int patch = a.pair("patch_size", 16)[0];
        int depth = a.integer("depth", 12), heads = a.integer("num_heads", 12);
        return CaiTConfig.of(patch, patch, a.integer("embed_dim", 768), depth, heads)
                .with(o -> {
                    o.imageHeight = image[0];
                    o.imageWidth = image[1];
                    o.channels = a.integer("in_chans", 3);
                    o.classes = a.integer("num_classes", 1000);
                    o.classDepth = a.integer("depth_token_only", 2);
                    o.mlpRatio = a.number("mlp_ratio", 4);
                    o.attentionDropout = a.number("attn_drop_rate", 0);
                    o.dropPath = a.number("drop_path_rate", 0);
                    o.activation = a.activation("act_layer");
                });
    }
}
