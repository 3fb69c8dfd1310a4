package dev.vitrail.models.vit;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.CheckpointFormat;
import dev.vitrail.models.ExportNames;
import dev.vitrail.models.ExportNames.CodeBase;
import java.util.Optional;
import java.util.regex.Pattern;

/** Other code bases' names for the parameters of a {@link VisionTransformer}. */
public final class ViTCheckpointFormats {
    private ViTCheckpointFormats() {}

    /** DeiT III as its authors published it: LayerScale's factors lie beside the block's layers. */
    public static final CheckpointFormat OFFICIAL_DEIT3 = new CheckpointFormat(
            "the official DeiT III code",
            names -> names.contains("blocks.0.gamma_1") && names.contains("pos_embed"),
            name -> Optional.of(name.replaceFirst("\\.gamma_([12])$", ".ls$1.gamma")));

    private static final Pattern TORCHVISION_LAYER = Pattern.compile("encoder\\.layers\\.encoder_layer_(\\d+)\\.(.+)");

    private static final String LAYER = "encoder.layers.encoder_layer_$1.";

    static final CheckpointFormat TORCHVISION = new CheckpointFormat(
            "torchvision",
            names -> names.contains("conv_proj.weight") && names.contains("encoder.pos_embedding"),
            ViTCheckpointFormats::fromTorchvision);

    private static Optional<String> fromTorchvision(String name) {
        var layer = TORCHVISION_LAYER.matcher(name);
        if (layer.matches()) {
            var part = layer.group(2)
                    .replaceFirst("^ln_([12])", "norm$1")
                    .replace("self_attention.in_proj_", "attn.qkv.")
                    .replace("self_attention.out_proj", "attn.proj")
                    .replaceFirst("^mlp\\.(0|linear_1)\\.", "mlp.fc1.")
                    .replaceFirst("^mlp\\.(3|linear_2)\\.", "mlp.fc2.");
            return Optional.of("blocks." + layer.group(1) + "." + part);
        }
        return Optional.of(name.replace("conv_proj", "patch_embed.proj")
                .replace("class_token", "cls_token")
                .replace("encoder.pos_embedding", "pos_embed")
                .replace("encoder.ln.", "norm.")
                .replace("heads.head.", "head."));
    }

    static final ExportNames TO_TORCHVISION = ExportNames.of(CodeBase.TORCHVISION)
            .rule("cls_token", "class_token")
            .rule("pos_embed", "encoder.pos_embedding")
            .rule("patch_embed\\.proj\\.(weight|bias)", "conv_proj.$1")
            .rule("blocks\\.(\\d+)\\.norm([12])\\.(weight|bias)", LAYER + "ln_$2.$3")
            .rule("blocks\\.(\\d+)\\.attn\\.qkv\\.(weight|bias)", LAYER + "self_attention.in_proj_$2")
            .rule("blocks\\.(\\d+)\\.attn\\.proj\\.(weight|bias)", LAYER + "self_attention.out_proj.$2")
            .rule("blocks\\.(\\d+)\\.mlp\\.fc1\\.(weight|bias)", LAYER + "mlp.0.$2")
            .rule("blocks\\.(\\d+)\\.mlp\\.fc2\\.(weight|bias)", LAYER + "mlp.3.$2")
            .rule("norm\\.(weight|bias)", "encoder.ln.$1")
            .rule("head\\.(weight|bias)", "heads.head.$1");

    /** {@code ViTForImageClassification}, which transformers has DeiT without a distillation token in, too. */
    public static final ExportNames TO_TRANSFORMERS = toTransformers("vit")
            .rule("blocks\\.(\\d+)\\.mlp\\.fc1\\.(weight|bias)", "vit.encoder.layer.$1.intermediate.dense.$2")
            .rule("blocks\\.(\\d+)\\.mlp\\.fc2\\.(weight|bias)", "vit.encoder.layer.$1.output.dense.$2")
            .rule("head\\.(weight|bias)", "classifier.$1");

    /** {@code DeiTForImageClassificationWithTeacher}. */
    public static final ExportNames DEIT_TO_TRANSFORMERS = toTransformers("deit")
            .rule("dist_token", "deit.embeddings.distillation_token")
            .rule("blocks\\.(\\d+)\\.mlp\\.fc1\\.(weight|bias)", "deit.encoder.layer.$1.intermediate.dense.$2")
            .rule("blocks\\.(\\d+)\\.mlp\\.fc2\\.(weight|bias)", "deit.encoder.layer.$1.output.dense.$2")
            .rule("head\\.(weight|bias)", "cls_classifier.$1")
            .rule("head_dist\\.(weight|bias)", "distillation_classifier.$1");

    /** {@code Dinov2ForImageClassification}, with an MLP, and with a gated one, which has other names there. */
    static final ExportNames DINO_V2_TO_TRANSFORMERS = dinoToTransformers("dinov2", false);

    static final ExportNames GATED_DINO_V2_TO_TRANSFORMERS = dinoToTransformers("dinov2", true);

    /** {@code Dinov2WithRegistersForImageClassification}. */
    static final ExportNames DINO_V2_WITH_REGISTERS_TO_TRANSFORMERS = registers(false);

    static final ExportNames GATED_DINO_V2_WITH_REGISTERS_TO_TRANSFORMERS = registers(true);

    /** The class token's position, which we keep within the token itself, is zero. */
    private static ExportNames registers(boolean gated) {
        return dinoToTransformers("dinov2_with_registers", gated)
                .rule("reg_token", "dinov2_with_registers.embeddings.register_tokens");
    }

    private static ExportNames dinoToTransformers(String model, boolean gated) {
        var block = model + ".encoder.layer.$1.";
        var names = toTransformers(model)
                .when(config -> config instanceof ViTConfig c && c.blocks().gatedMlp() == gated)
                .rule("blocks\\.(\\d+)\\.ls([12])\\.gamma", block + "layer_scale$2.lambda1")
                .rule("head\\.(weight|bias)", "classifier.$1");
        return gated
                ? names.rule("blocks\\.(\\d+)\\.mlp\\.fc1\\.(weight|bias)", block + "mlp.weights_in.$2")
                        .rule("blocks\\.(\\d+)\\.mlp\\.fc2\\.(weight|bias)", block + "mlp.weights_out.$2")
                : names.rule("blocks\\.(\\d+)\\.mlp\\.(fc[12])\\.(weight|bias)", block + "mlp.$2.$3");
    }

    private static ExportNames toTransformers(String model) {
        boolean dino = model.startsWith("dino");
        var block = model + ".encoder.layer.$1.";
        return ExportNames.of(CodeBase.TRANSFORMERS)
                .rule("cls_token", model + ".embeddings.cls_token")
                .changed(
                        "pos_embed",
                        values -> model.equals("dinov2_with_registers")
                                ? Tensor.cat(1, Tensor.zeros(1, 1, values.size(2)), values)
                                : values,
                        model + ".embeddings.position_embeddings")
                .rule("patch_embed\\.proj\\.(weight|bias)", model + ".embeddings.patch_embeddings.projection.$1")
                .rule("blocks\\.(\\d+)\\.norm1\\.(weight|bias)", block + (dino ? "norm1.$2" : "layernorm_before.$2"))
                .rule("blocks\\.(\\d+)\\.norm2\\.(weight|bias)", block + (dino ? "norm2.$2" : "layernorm_after.$2"))
                .rule(
                        "blocks\\.(\\d+)\\.attn\\.qkv\\.(weight|bias)",
                        block + "attention.attention.query.$2",
                        block + "attention.attention.key.$2",
                        block + "attention.attention.value.$2")
                .rule("blocks\\.(\\d+)\\.attn\\.proj\\.(weight|bias)", block + "attention.output.dense.$2")
                .rule("norm\\.(weight|bias)", model + ".layernorm.$1");
    }

    /** DeiT III as its authors published it, and DeiT, whose authors have timm's names. */
    public static final ExportNames DEIT_TO_ORIGINAL = ExportNames.of(CodeBase.ORIGINAL)
            .rule("(blocks\\.\\d+)\\.ls([12])\\.gamma", "$1.gamma_$2")
            .rule("((cls_token|pos_embed|dist_token|patch_embed|blocks|norm|head|head_dist)(\\..*)?)", "$1");

    /**
     * DINOv2 as its authors published it; its versions with registers add positions to the class token, which
     * no renaming can.
     */
    static final CheckpointFormat DINO_V2 = new CheckpointFormat(
            "the official DINOv2 code",
            names -> names.contains("mask_token") && !names.contains("register_tokens"),
            name -> name.equals("mask_token")
                    ? Optional.empty()
                    : Optional.of(name.replace(".mlp.w12.", ".mlp.fc1.").replace(".mlp.w3.", ".mlp.fc2.")));
}
