package dev.vitrail.parity;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.models.layers.Window;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.swin.SwinConfig.Version;
import dev.vitrail.models.zoo.Catalog;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** timm's and the authors' Swin Transformers of both versions. */
final class SwinUpstream {
    private SwinUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments a) {
        return switch (upstreamClass) {
            case "timm.models.swin_transformer/SwinTransformer" -> built(timm(a, Version.V1));
            case "timm.models.swin_transformer_v2/SwinTransformerV2" -> built(timm(a, Version.V2));
            case "swin:swin_transformer/SwinTransformer" -> built(official(a, Version.V1));
            case "swin:swin_transformer_v2/SwinTransformerV2" -> built(official(a, Version.V2));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(SwinConfig config) {
        var family = Catalog.get(
                        config.version() == Version.V1 ? "swin_tiny_patch4_window7_224" : "swinv2_tiny_window8_256")
                .family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    private static SwinConfig timm(Arguments a, Version version) {
        require(a.text("global_pool", "avg").equals("avg"), "Swin here pools by the mean alone");
        require(
                !a.flag("always_partition", false),
                "windows larger than the map (always_partition) have no counterpart here");
        var config = common(a, version);
        int stages = config.stages();
        return config.with(o -> {
            a.get("weight_init"); // The weights are the case's own.
            o.fixedWindows = !a.flag("strict_img_size", true);
            o.headDropout = a.number("drop_rate", 0);
            o.projectionDropout = a.number("proj_drop_rate", 0);
            if (version == Version.V1) {
                o.windows = windows(a.get("window_size"), stages);
                o.headWidths = perStage(a.get("head_dim"), stages, 0, JsonNode::asInt);
                o.mlpRatios = perStage(a.get("mlp_ratio"), stages, 4.0, JsonNode::asDouble);
            } else {
                // Version 2 has one window for all stages, so a pair is its two sides.
                var sides = a.pair("window_size", 7);
                o.windows = Collections.nCopies(stages, new Window(sides[0], sides[1]));
                o.activation = a.activation("act_layer");
            }
        });
    }

    private static SwinConfig official(Arguments a, Version version) {
        var config = common(a, version);
        int window = a.integer("window_size", 7);
        return config.with(o -> {
            o.windows = Collections.nCopies(config.stages(), new Window(window, window));
            o.attentionScale = version == Version.V1 ? a.optional("qk_scale") : o.attentionScale;
            o.patchNorm = a.flag("patch_norm", true);
            o.absolutePositions = a.flag("ape", false);
            o.positionDropout = a.number("drop_rate", 0);
            o.projectionDropout = a.number("drop_rate", 0);
            a.flag("use_checkpoint", false);
            a.flag("fused_window_process", false);
        });
    }

    private static SwinConfig common(Arguments a, Version version) {
        var image = a.pair("img_size", 224);
        var depths = boxed(a.integers("depths", 2, 2, 6, 2));
        var heads = boxed(a.integers("num_heads", 3, 6, 12, 24));
        return SwinConfig.of(version, image[0], a.integer("embed_dim", 96), depths, heads, 7)
                .with(o -> {
                    o.imageWidth = image[1];
                    o.patch = a.pair("patch_size", 4)[0];
                    o.channels = a.integer("in_chans", 3);
                    o.classes = a.integer("num_classes", 1000);
                    o.mlpRatios = perStage(a.get("mlp_ratio"), depths.size(), 4.0, JsonNode::asDouble);
                    o.qkvBias = a.flag("qkv_bias", true);
                    o.normEps = a.normEps("norm_layer", 1e-5);
                    o.attentionDropout = a.number("attn_drop_rate", 0);
                    o.dropPath = a.number("drop_path_rate", 0.1);
                    if (version == Version.V2) {
                        o.pretrainedWindows =
                                perStage(a.get("pretrained_window_sizes"), depths.size(), 0, JsonNode::asInt);
                    }
                });
    }

    private static List<Integer> boxed(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    /** One side, one pair of sides for all stages, or a side or pair for each: a list of two is a pair, as timm reads it. */
    private static List<Window> windows(JsonNode node, int stages) {
        if (!node.isArray() || node.size() == 2) {
            return Collections.nCopies(stages, window(node));
        }
        var windows = new ArrayList<Window>();
        node.forEach(entry -> windows.add(window(entry)));
        return windows;
    }

    private static Window window(JsonNode node) {
        return node.isArray()
                ? new Window(node.get(0).asInt(), node.get(1).asInt())
                : new Window(node.asInt(7), node.asInt(7));
    }

    private static <T> List<T> perStage(JsonNode node, int stages, T otherwise, Function<JsonNode, T> read) {
        if (!node.isArray()) {
            return Collections.nCopies(stages, node.isNumber() ? read.apply(node) : otherwise);
        }
        var values = new ArrayList<T>();
        node.forEach(entry -> values.add(entry.isNull() ? otherwise : read.apply(entry)));
        return values.subList(0, Math.min(stages, values.size()));
    }
}
