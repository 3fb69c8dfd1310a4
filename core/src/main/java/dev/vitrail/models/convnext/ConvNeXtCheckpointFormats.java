package dev.vitrail.models.convnext;

import dev.vitrail.models.CheckpointFormat;
import dev.vitrail.models.ExportNames;
import dev.vitrail.models.ExportNames.CodeBase;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Parameter names of a {@link ConvNeXt} in other code bases. */
final class ConvNeXtCheckpointFormats {
    private ConvNeXtCheckpointFormats() {}

    /** The original repositories of ConvNeXt and ConvNeXt V2. */
    static final CheckpointFormat OFFICIAL = new CheckpointFormat(
            "official ConvNeXt",
            names -> names.contains("downsample_layers.0.0.weight"),
            ConvNeXtCheckpointFormats::official);

    /** The original repository's isotropic networks. */
    static final CheckpointFormat ISOTROPIC = new CheckpointFormat(
            "official isotropic ConvNeXt",
            names -> names.contains("stem.weight") && names.contains("blocks.0.dwconv.weight"),
            ConvNeXtCheckpointFormats::isotropic);

    static final CheckpointFormat TORCHVISION = new CheckpointFormat(
            "torchvision's ConvNeXt",
            names -> names.contains("features.0.0.weight") && names.contains("features.1.0.layer_scale"),
            ConvNeXtCheckpointFormats::torchvision);

    /** Transformers of Hugging Face; the backbone alone lacks the first word of the names. */
    static final CheckpointFormat HUGGING_FACE = new CheckpointFormat(
            "Hugging Face ConvNeXt",
            ConvNeXtCheckpointFormats::fromHuggingFace,
            ConvNeXtCheckpointFormats::huggingFace);

    private static final String BLOCK = "stages\\.(\\d+)\\.blocks\\.(\\d+)\\.";

    /** Linear layers that timm computes as 1×1 convolutions are linear everywhere else. */
    private static final UnaryOperator<long[]> AS_LINEAR = shape -> new long[] {shape[0], shape[1]};

    /** Factors of global response normalization are there {@code [1, 1, 1, C]}. */
    private static final UnaryOperator<long[]> OF_FOUR = shape -> new long[] {1, 1, 1, shape[0]};

    static final ExportNames TO_ORIGINAL = ExportNames.of(CodeBase.ORIGINAL)
            .rule("stem\\.([01]\\.(weight|bias))", "downsample_layers.0.$1")
            .rule("stages\\.([1-9])\\.downsample\\.([01]\\.(weight|bias))", "downsample_layers.$1.$2")
            .rule(BLOCK + "conv_dw\\.(weight|bias)", "stages.$1.$2.dwconv.$3")
            .reshaped(BLOCK + "mlp\\.fc([12])\\.weight", AS_LINEAR, "stages.$1.$2.pwconv$3.weight")
            .rule(BLOCK + "mlp\\.fc([12])\\.bias", "stages.$1.$2.pwconv$3.bias")
            .reshaped(BLOCK + "mlp\\.grn\\.weight", OF_FOUR, "stages.$1.$2.grn.gamma")
            .reshaped(BLOCK + "mlp\\.grn\\.bias", OF_FOUR, "stages.$1.$2.grn.beta")
            .rule(BLOCK + "(gamma|norm\\.(weight|bias))", "stages.$1.$2.$3")
            .rule("head\\.norm\\.(weight|bias)", "norm.$1")
            .rule("head\\.fc\\.(weight|bias)", "head.$1");

    static final ExportNames TO_TORCHVISION = ExportNames.of(CodeBase.TORCHVISION)
            .rule("stem\\.([01]\\.(weight|bias))", "features.0.$1")
            .computed(
                    "stages\\.([1-9])\\.downsample\\.([01]\\.(weight|bias))",
                    match -> feature(match, 0) + match.group(2))
            .computed(
                    BLOCK + "gamma",
                    shape -> new long[] {shape[0], 1, 1},
                    match -> feature(match, 1) + match.group(2) + ".layer_scale")
            .computed(BLOCK + "conv_dw\\.(weight|bias)", match -> block(match, "0"))
            .computed(BLOCK + "norm\\.(weight|bias)", match -> block(match, "2"))
            .computed(BLOCK + "mlp\\.fc1\\.(weight)", AS_LINEAR, match -> block(match, "3"))
            .computed(BLOCK + "mlp\\.fc1\\.(bias)", match -> block(match, "3"))
            .computed(BLOCK + "mlp\\.fc2\\.(weight)", AS_LINEAR, match -> block(match, "5"))
            .computed(BLOCK + "mlp\\.fc2\\.(bias)", match -> block(match, "5"))
            .rule("head\\.norm\\.(weight|bias)", "classifier.0.$1")
            .rule("head\\.fc\\.(weight|bias)", "classifier.2.$1");

    private static String feature(MatchResult match, int after) {
        return "features." + (2 * Integer.parseInt(match.group(1)) + after) + ".";
    }

    private static String block(MatchResult match, String layer) {
        return feature(match, 1) + match.group(2) + ".block." + layer + "." + match.group(3);
    }

    /** {@code ConvNextForImageClassification}. */
    static final ExportNames TO_TRANSFORMERS = toTransformers("convnext")
            .rule(BLOCK + "gamma", "convnext.encoder.stages.$1.layers.$2.layer_scale_parameter");

    /** {@code ConvNextV2ForImageClassification}. */
    static final ExportNames V2_TO_TRANSFORMERS = toTransformers("convnextv2")
            .reshaped(BLOCK + "mlp\\.grn\\.(weight|bias)", OF_FOUR, "convnextv2.encoder.stages.$1.layers.$2.grn.$3");

    private static ExportNames toTransformers(String model) {
        var layer = model + ".encoder.stages.$1.layers.$2.";
        return ExportNames.of(CodeBase.TRANSFORMERS)
                .rule("stem\\.0\\.(weight|bias)", model + ".embeddings.patch_embeddings.$1")
                .rule("stem\\.1\\.(weight|bias)", model + ".embeddings.layernorm.$1")
                .rule(
                        "stages\\.([1-9])\\.downsample\\.([01]\\.(weight|bias))",
                        model + ".encoder.stages.$1.downsampling_layer.$2")
                .rule(BLOCK + "conv_dw\\.(weight|bias)", layer + "dwconv.$3")
                .rule(BLOCK + "norm\\.(weight|bias)", layer + "layernorm.$3")
                .reshaped(BLOCK + "mlp\\.fc([12])\\.weight", AS_LINEAR, layer + "pwconv$3.weight")
                .rule(BLOCK + "mlp\\.fc([12])\\.bias", layer + "pwconv$3.bias")
                .rule("head\\.norm\\.(weight|bias)", model + ".layernorm.$1")
                .rule("head\\.fc\\.(weight|bias)", "classifier.$1");
    }

    private static final Pattern OFFICIAL_STEM = Pattern.compile("downsample_layers\\.0\\.(.*)");
    private static final Pattern OFFICIAL_DOWNSAMPLE = Pattern.compile("downsample_layers\\.(\\d+)\\.(.*)");
    private static final Pattern OFFICIAL_BLOCK = Pattern.compile("stages\\.(\\d+)\\.(\\d+)\\.(.*)");

    private static Optional<String> official(String name) {
        var stem = OFFICIAL_STEM.matcher(name);
        if (stem.matches()) {
            return Optional.of("stem." + stem.group(1));
        }
        var downsample = OFFICIAL_DOWNSAMPLE.matcher(name);
        if (downsample.matches()) {
            return Optional.of("stages." + downsample.group(1) + ".downsample." + downsample.group(2));
        }
        var block = OFFICIAL_BLOCK.matcher(name);
        if (block.matches()) {
            return Optional.of("stages." + block.group(1) + ".blocks." + block.group(2) + "." + inner(block.group(3)));
        }
        return Optional.of(head(name));
    }

    private static final Pattern ISOTROPIC_BLOCK = Pattern.compile("blocks\\.(\\d+)\\.(.*)");

    private static Optional<String> isotropic(String name) {
        var block = ISOTROPIC_BLOCK.matcher(name);
        if (block.matches()) {
            return Optional.of("stages.0.blocks." + block.group(1) + "." + inner(block.group(2)));
        }
        return Optional.of(name.startsWith("stem.") ? "stem.0." + name.substring(5) : head(name));
    }

    private static String inner(String name) {
        return name.replace("dwconv", "conv_dw")
                .replace("pwconv", "mlp.fc")
                .replace("grn.gamma", "mlp.grn.weight")
                .replace("grn.beta", "mlp.grn.bias");
    }

    private static String head(String name) {
        return name.startsWith("norm.") ? "head." + name : name.replaceFirst("^head\\.", "head.fc.");
    }

    private static final Pattern TORCHVISION_FEATURE = Pattern.compile("features\\.(\\d+)\\.(.*)");
    private static final Pattern TORCHVISION_BLOCK = Pattern.compile("(\\d+)\\.(?:block\\.(\\d+)\\.(.*)|layer_scale)");

    private static Optional<String> torchvision(String name) {
        var feature = TORCHVISION_FEATURE.matcher(name);
        if (!feature.matches()) {
            return Optional.of(name.replaceFirst("^classifier\\.0\\.", "head.norm.")
                    .replaceFirst("^classifier\\.2\\.", "head.fc."));
        }
        int place = Integer.parseInt(feature.group(1)), stage = place / 2;
        if (place == 0) {
            return Optional.of("stem." + feature.group(2));
        }
        var block = TORCHVISION_BLOCK.matcher(feature.group(2));
        if (place % 2 == 0 || !block.matches()) {
            return Optional.of("stages." + stage + ".downsample." + feature.group(2));
        }
        if (block.group(2) == null) {
            return Optional.of("stages." + stage + ".blocks." + block.group(1) + ".gamma");
        }
        var layer =
                switch (block.group(2)) {
                    case "0" -> "conv_dw";
                    case "2" -> "norm";
                    case "3" -> "mlp.fc1";
                    default -> "mlp.fc2";
                };
        return Optional.of("stages." + stage + ".blocks." + block.group(1) + "." + layer + "." + block.group(3));
    }

    private static final Pattern HUGGING_FACE_START = Pattern.compile("^convnext(v2)?\\.");

    private static boolean fromHuggingFace(Set<String> names) {
        return names.stream()
                .map(name -> HUGGING_FACE_START.matcher(name).replaceFirst(""))
                .anyMatch("encoder.stages.0.layers.0.dwconv.weight"::equals);
    }

    private static Optional<String> huggingFace(String name) {
        return Optional.of(HUGGING_FACE_START
                .matcher(name)
                .replaceFirst("")
                .replaceFirst("^embeddings\\.patch_embeddings\\.", "stem.0.")
                .replaceFirst("^embeddings\\.layernorm\\.", "stem.1.")
                .replaceFirst("^encoder\\.stages\\.(\\d+)\\.downsampling_layer\\.", "stages.$1.downsample.")
                .replaceFirst("^encoder\\.stages\\.(\\d+)\\.layers\\.", "stages.$1.blocks.")
                .replaceFirst("^layernorm\\.", "head.norm.")
                .replaceFirst("^classifier\\.", "head.fc.")
                .replace(".layer_scale_parameter", ".gamma")
                .replace(".layernorm.", ".norm.")
                .replace(".dwconv.", ".conv_dw.")
                .replace(".pwconv", ".mlp.fc")
                .replace(".grn.", ".mlp.grn."));
    }
}
