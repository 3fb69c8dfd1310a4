package dev.vitrail.parity;

import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.ViTConfig.Pool;
import dev.vitrail.models.zoo.Catalog;
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
                built(timm(arguments).with(o -> o.distilled = true));
            case "deit:models/DistilledVisionTransformer" ->
                built(timm(arguments).with(o -> o.distilled = true));
            case "deit:models_v2/vit_models" -> built(deit3(arguments));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(ViTConfig config) {
        var family = Catalog.get("vit_tiny_patch16_224").family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    private static ViTConfig timm(Arguments a) {
        var image = a.pair("img_size", 224);
        var patch = a.pair("patch_size", 16);
        var pool = Pool.valueOf(a.text("global_pool", "token").toUpperCase(Locale.ROOT));
        int width = a.integer("embed_dim", 768);
        int depth = a.integer("depth", 12);
        int heads = a.integer("num_heads", 12);
        var fcNorm = a.get("fc_norm");
        var stem = stem(a);
        return ViTConfig.of(Math.max(1, patch[0]), Math.max(1, patch[0]), width, depth, heads)
                .with(o -> {
                    o.imageHeight = image[0];
                    o.imageWidth = image[1];
                    o.patchHeight = patch[0];
                    o.patchWidth = patch[1];
                    o.stem = stem;
                    o.channels = a.integer("in_chans", 3);
                    o.classes = a.integer("num_classes", 1000);
                    o.pool = pool;
                    o.mlpRatio = a.number("mlp_ratio", 4);
                    o.qkvBias = a.flag("qkv_bias", true);
                    o.qkNorm = a.flag("qk_norm", false);
                    o.layerScale = a.optional("init_values");
                    o.classToken = a.flag("class_token", true);
                    o.registers = a.integer("reg_tokens", 0);
                    o.positionsCoverPrefix = !a.flag("no_embed_class", false);
                    o.preNorm = a.flag("pre_norm", false);
                    o.finalNorm = a.flag("final_norm", true);
                    o.fcNorm = fcNorm.isBoolean() ? Optional.of(fcNorm.asBoolean()) : Optional.empty();
                    o.activation = a.activation("act_layer");
                    o.normEps = a.normEps("norm_layer", 1e-6);
                    o.dynamicSize = a.flag("dynamic_img_size", false);
                    o.dynamicPad = a.flag("dynamic_img_pad", false);
                    o.headDropout = a.number("drop_rate", 0);
                    o.positionDropout = a.number("pos_drop_rate", 0);
                    o.patchDropout = a.number("patch_drop_rate", 0);
                    o.projectionDropout = a.number("proj_drop_rate", 0);
                    o.attentionDropout = a.number("attn_drop_rate", 0);
                    o.dropPath = a.number("drop_path_rate", 0);
                });
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
        var config = timm(a).with(o -> {
            o.qkvBias = a.flag("qkv_bias", false);
            o.positionsCoverPrefix = false;
            o.dropPathUniform = true;
        });
        return scaled ? config.with(o -> o.layerScale = OptionalDouble.of(first)) : config;
    }
}
