package dev.vitrail.models.swin;

import dev.vitrail.models.CheckpointFormat;
import dev.vitrail.models.ExportNames;
import dev.vitrail.models.ExportNames.CodeBase;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Other code bases' names for the parameters of a {@link SwinTransformer} of either version. */
final class SwinCheckpointFormats {
    private SwinCheckpointFormats() {}

    /** The authors' code, and timm before 0.9: merging at a stage's end, the head without its {@code fc}. */
    static final CheckpointFormat OFFICIAL = new CheckpointFormat(
            "official Swin",
            names -> names.contains("head.weight") || names.contains("layers.0.downsample.reduction.weight"),
            SwinCheckpointFormats::official);

    private static final Pattern MERGING = Pattern.compile("layers\\.(\\d+)\\.downsample\\.(.+)");

    private static Optional<String> official(String name) {
        var merging = MERGING.matcher(name);
        if (merging.matches()) {
            return Optional.of(
                    "layers.%d.downsample.%s".formatted(Integer.parseInt(merging.group(1)) + 1, merging.group(2)));
        }
        return Optional.of(inHead(name));
    }

    /** Masks and indices, which files of every format may carry: timm stored them too before 0.9. */
    static boolean isDerived(String name) {
        return name.endsWith("attn_mask")
                || name.endsWith("relative_position_index")
                || name.endsWith("relative_coords_table");
    }

    private static String inHead(String name) {
        return name.startsWith("head.") ? "head.fc." + name.substring(5) : name;
    }

    /**
     * torchvision: patch embedding, stages and mergings in one list, MLPs as lists.
     *
     * <p>Version 2 has one bias for queries, keys and values where the authors and timm have one for queries and one
     * for values: torchvision reads the keys' part as zero, whatever is stored. The rest of the function was
     * compared with its source: the order of four neighbours in a merging and its normalisation after the reduction,
     * eps 10⁻⁵, cosines with the least length 10⁻¹², the scale's limit ln 100, the logarithmic coordinates over the
     * window's own side, 16 times a sigmoid, and −100 in the masks are the same. For an image whose last maps are
     * smaller than a window torchvision pads them, and we take smaller windows, as the authors do; at the published
     * sizes neither happens.
     */
    static final CheckpointFormat TORCHVISION = new CheckpointFormat(
            "torchvision",
            names -> names.contains("features.0.0.weight") && names.contains("features.1.0.attn.qkv.weight"),
            SwinCheckpointFormats::torchvision);

    /** {@link #TORCHVISION} of version 2. */
    static final CheckpointFormat TORCHVISION_V2 =
            TORCHVISION.splitting(name -> name.endsWith(".attn.qkv.bias") ? queriesAndValues(name) : List.of());

    private static List<Optional<String>> queriesAndValues(String qkvBias) {
        return List.of(
                torchvision(qkvBias.replace("qkv.bias", "q_bias")),
                Optional.empty(),
                torchvision(qkvBias.replace("qkv.bias", "v_bias")));
    }

    static final ExportNames TO_ORIGINAL = ExportNames.of(CodeBase.ORIGINAL)
            .computed("layers\\.(\\d+)\\.(downsample\\..+)", match -> "layers.%d.%s"
                    .formatted(Integer.parseInt(match.group(1)) - 1, match.group(2)))
            .rule("((patch_embed|layers|norm)\\..+)", "$1")
            .rule("head\\.fc\\.(weight|bias)", "head.$1");

    /** Version 1: version 2 has a bias of keys there, which is not stored here. */
    static final ExportNames TO_TORCHVISION = ExportNames.of(CodeBase.TORCHVISION)
            .rule("patch_embed\\.proj\\.(weight|bias)", "features.0.0.$1")
            .rule("patch_embed\\.norm\\.(weight|bias)", "features.0.2.$1")
            .computed("layers\\.(\\d+)\\.downsample\\.(.+)", match -> feature(match, 0) + match.group(2))
            .computed("layers\\.(\\d+)\\.blocks\\.(\\d+)\\.mlp\\.fc([12])\\.(weight|bias)", match -> "%s%s.mlp.%s.%s"
                    .formatted(
                            feature(match, 1), match.group(2), match.group(3).equals("1") ? "0" : "3", match.group(4)))
            .computed("layers\\.(\\d+)\\.blocks\\.(.+)", match -> feature(match, 1) + match.group(2))
            .rule("norm\\.(weight|bias)", "norm.$1")
            .rule("head\\.fc\\.(weight|bias)", "head.$1");

    private static final String BLOCK_OF_STAGE = "layers\\.(\\d+)\\.blocks\\.(\\d+)\\.";

    /** {@code SwinForImageClassification}. */
    static final ExportNames TO_TRANSFORMERS = toTransformers("swin")
            .rule(
                    BLOCK_OF_STAGE + "attn\\.qkv\\.(weight|bias)",
                    "swin.encoder.layers.$1.blocks.$2.attention.self.query.$3",
                    "swin.encoder.layers.$1.blocks.$2.attention.self.key.$3",
                    "swin.encoder.layers.$1.blocks.$2.attention.self.value.$3")
            .rule(
                    BLOCK_OF_STAGE + "attn\\.relative_position_bias_table",
                    "swin.encoder.layers.$1.blocks.$2.attention.self.relative_position_bias_table");

    /** {@code Swinv2ForImageClassification}, whose keys have no bias. */
    static final ExportNames V2_TO_TRANSFORMERS = toTransformers("swinv2")
            .rule(
                    BLOCK_OF_STAGE + "attn\\.qkv\\.weight",
                    "swinv2.encoder.layers.$1.blocks.$2.attention.self.query.weight",
                    "swinv2.encoder.layers.$1.blocks.$2.attention.self.key.weight",
                    "swinv2.encoder.layers.$1.blocks.$2.attention.self.value.weight")
            .rule(BLOCK_OF_STAGE + "attn\\.q_bias", "swinv2.encoder.layers.$1.blocks.$2.attention.self.query.bias")
            .rule(BLOCK_OF_STAGE + "attn\\.v_bias", "swinv2.encoder.layers.$1.blocks.$2.attention.self.value.bias")
            .rule(
                    BLOCK_OF_STAGE + "attn\\.logit_scale",
                    "swinv2.encoder.layers.$1.blocks.$2.attention.self.logit_scale")
            .rule(
                    BLOCK_OF_STAGE + "attn\\.cpb_mlp\\.(.+)",
                    "swinv2.encoder.layers.$1.blocks.$2.attention.self.continuous_position_bias_mlp.$3");

    private static ExportNames toTransformers(String model) {
        var block = model + ".encoder.layers.$1.blocks.$2.";
        return ExportNames.of(CodeBase.TRANSFORMERS)
                .rule("patch_embed\\.proj\\.(weight|bias)", model + ".embeddings.patch_embeddings.projection.$1")
                .rule("patch_embed\\.norm\\.(weight|bias)", model + ".embeddings.norm.$1")
                .rule("absolute_pos_embed", model + ".embeddings.position_embeddings")
                // timm merges patches at a stage's beginning, transformers at the end of the one before.
                .computed("layers\\.(\\d+)\\.downsample\\.(.+)", match -> "%s.encoder.layers.%d.downsample.%s"
                        .formatted(model, Integer.parseInt(match.group(1)) - 1, match.group(2)))
                .rule(BLOCK_OF_STAGE + "norm1\\.(weight|bias)", block + "layernorm_before.$3")
                .rule(BLOCK_OF_STAGE + "norm2\\.(weight|bias)", block + "layernorm_after.$3")
                .rule(BLOCK_OF_STAGE + "attn\\.proj\\.(weight|bias)", block + "attention.output.dense.$3")
                .rule(BLOCK_OF_STAGE + "mlp\\.fc1\\.(weight|bias)", block + "intermediate.dense.$3")
                .rule(BLOCK_OF_STAGE + "mlp\\.fc2\\.(weight|bias)", block + "output.dense.$3")
                .rule("norm\\.(weight|bias)", model + ".layernorm.$1")
                .rule("head\\.fc\\.(weight|bias)", "classifier.$1");
    }

    private static String feature(MatchResult match, int after) {
        return "features." + (2 * Integer.parseInt(match.group(1)) + after) + ".";
    }

    private static final Pattern FEATURE = Pattern.compile("features\\.(\\d+)\\.(.+)");
    private static final Pattern BLOCK = Pattern.compile("(\\d+)\\.(.+)");

    private static Optional<String> torchvision(String name) {
        var feature = FEATURE.matcher(name);
        return Optional.of(
                feature.matches() ? feature(Integer.parseInt(feature.group(1)), feature.group(2)) : inHead(name));
    }

    private static String feature(int number, String rest) {
        if (number == 0) {
            return "patch_embed." + rest.replaceFirst("^0\\.", "proj.").replaceFirst("^2\\.", "norm.");
        }
        if (number % 2 == 0) {
            return "layers.%d.downsample.%s".formatted(number / 2, rest);
        }
        var block = BLOCK.matcher(rest);
        return block.matches()
                ? "layers.%d.blocks.%s.%s"
                        .formatted(
                                number / 2,
                                block.group(1),
                                block.group(2)
                                        .replaceFirst("^mlp\\.0\\.", "mlp.fc1.")
                                        .replaceFirst("^mlp\\.3\\.", "mlp.fc2."))
                : "layers.%d.%s".formatted(number / 2, rest);
    }
}
