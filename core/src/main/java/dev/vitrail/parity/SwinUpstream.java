package dev.vitrail.parity;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.models.Head;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Window;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.swin.SwinConfig.Patches;
import dev.vitrail.models.swin.SwinConfig.Stages;
import dev.vitrail.models.swin.SwinConfig.Version;
import dev.vitrail.models.swin.SwinConfig.Windows;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Pool;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
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
        a.get("weight_init"); // The weights are the case's own.
        int stages = a.integers("depths", 2, 2, 6, 2).length;
        boolean first = version == Version.V1;
        // Version 2 has one window for all stages, so a pair is its two sides.
        var sides = first ? new int[] {0, 0} : a.pair("window_size", 7);
        var windows = first
                ? windows(a.get("window_size"), stages)
                : Collections.nCopies(stages, new Window(sides[0], sides[1]));
        return config(
                a,
                version,
                new Patches(a.pair("patch_size", 4)[0], true, false),
                first ? perStage(a.get("head_dim"), stages, 0, JsonNode::asInt) : Collections.nCopies(stages, 0),
                OptionalDouble.empty(),
                first ? Activation.GELU : a.activation("act_layer"),
                windows,
                !a.flag("strict_img_size", true),
                a.number("drop_rate", 0),
                0,
                a.number("proj_drop_rate", 0));
    }

    private static SwinConfig official(Arguments a, Version version) {
        int stages = a.integers("depths", 2, 2, 6, 2).length, side = a.integer("window_size", 7);
        a.flag("use_checkpoint", false);
        a.flag("fused_window_process", false);
        return config(
                a,
                version,
                new Patches(a.pair("patch_size", 4)[0], a.flag("patch_norm", true), a.flag("ape", false)),
                Collections.nCopies(stages, 0),
                version == Version.V1 ? a.optional("qk_scale") : OptionalDouble.empty(),
                Activation.GELU,
                Collections.nCopies(stages, new Window(side, side)),
                false,
                0,
                a.number("drop_rate", 0),
                a.number("drop_rate", 0));
    }

    private static SwinConfig config(
            Arguments a,
            Version version,
            Patches patches,
            List<Integer> headWidths,
            OptionalDouble attentionScale,
            Activation activation,
            List<Window> windows,
            boolean fixedWindows,
            double headDropout,
            double positionDropout,
            double projectionDropout) {
        var depths = boxed(a.integers("depths", 2, 2, 6, 2));
        int stages = depths.size();
        return new SwinConfig(
                version,
                a.image(),
                patches,
                new Stages(
                        a.integer("embed_dim", 96),
                        depths,
                        boxed(a.integers("num_heads", 3, 6, 12, 24)),
                        headWidths,
                        perStage(a.get("mlp_ratio"), stages, 4.0, JsonNode::asDouble),
                        a.flag("qkv_bias", true),
                        attentionScale,
                        activation,
                        a.normEps("norm_layer", 1e-5)),
                new Windows(
                        windows,
                        version == Version.V2
                                ? perStage(a.get("pretrained_window_sizes"), stages, 0, JsonNode::asInt)
                                : Collections.nCopies(stages, 0),
                        fixedWindows),
                new Head(a.integer("num_classes", 1000), Pool.AVG, headDropout),
                new Dropouts(
                        positionDropout,
                        projectionDropout,
                        a.number("attn_drop_rate", 0),
                        a.number("drop_path_rate", 0.1)));
    }

    private static List<Integer> boxed(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    /**
     * One side, one pair of sides for all stages, or a side or pair for each: a list of two is a pair, as
     * timm reads it.
     */
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
