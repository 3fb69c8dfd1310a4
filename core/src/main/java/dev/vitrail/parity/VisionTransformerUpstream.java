package dev.vitrail.parity;

import dev.vitrail.models.Head;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** timm's and DeiT's Vision Transformers. */
final class VisionTransformerUpstream {
    private VisionTransformerUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments arguments) {
        return switch (upstreamClass) {
            case "timm.models.vision_transformer/VisionTransformer" -> built(timm(arguments));
            case "timm.models.deit/VisionTransformerDistilled" ->
                built(timm(arguments).withTokens(t -> t.withDistilled(true)));
            case "deit:models/DistilledVisionTransformer" ->
                built(timm(arguments).withTokens(t -> t.withDistilled(true)));
            case "deit:models_v2/vit_models" -> built(deit3(arguments));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(ViTConfig config) {
        var family = Catalog.get("vit_tiny_patch16_224").family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    private static ViTConfig timm(Arguments a) {
        return timm(a, true);
    }

    private static ViTConfig timm(Arguments a, boolean qkvBias) {
        var patch = a.pair("patch_size", 16);
        var pool = a.text("global_pool", "token");
        var fcNorm = a.get("fc_norm");
        return new ViTConfig(
                a.image(),
                new ViTConfig.Patches(
                        new Patch(patch[0], patch[1]),
                        a.flag("dynamic_img_size", false),
                        a.flag("dynamic_img_pad", false),
                        stem(a)),
                new ViTConfig.Tokens(
                        a.flag("class_token", true),
                        false,
                        a.integer("reg_tokens", 0),
                        !a.flag("no_embed_class", false),
                        a.number("patch_drop_rate", 0)),
                new Encoder(
                        a.integer("embed_dim", 768),
                        a.integer("depth", 12),
                        a.integer("num_heads", 12),
                        a.number("mlp_ratio", 4),
                        a.flag("qkv_bias", qkvBias),
                        a.activation("act_layer"),
                        a.normEps("norm_layer", 1e-6)),
                new ViTConfig.Blocks(false, a.flag("qk_norm", false), a.optional("init_values"), false),
                new ViTConfig.Norms(
                        a.flag("pre_norm", false),
                        a.flag("final_norm", true),
                        fcNorm.isBoolean() ? Optional.of(fcNorm.asBoolean()) : Optional.empty()),
                new Head(
                        a.integer("num_classes", 1000),
                        Pool.valueOf(pool.toUpperCase(Locale.ROOT)),
                        a.number("drop_rate", 0)),
                new Dropouts(
                        a.number("pos_drop_rate", 0),
                        a.number("proj_drop_rate", 0),
                        a.number("attn_drop_rate", 0),
                        a.number("drop_path_rate", 0)),
                ViTConfig.InitScheme.TIMM);
    }

    private static Optional<ViTConfig.Stem> stem(Arguments a) {
        if (!a.has("embed_layer")) {
            return Optional.empty();
        }
        var embedding = a.nested("embed_layer");
        var stem = ConvolutionUpstream.stem(embedding.get("backbone"));
        embedding.requireAllRead();
        return Optional.of(stem);
    }

    private static ViTConfig deit3(Arguments a) {
        boolean scaled = a.text("block_layers", "Block").contains("Layer_scale_init_Block");
        double first = a.number("init_scale", 1e-4);
        return timm(a, false).withTokens(t -> t.withPositionsCoverPrefix(false)).withBlocks(b -> b.withUniformDropPath(
                        true)
                .withLayerScale(scaled ? OptionalDouble.of(first) : b.layerScale()));
    }
}
