package dev.vitrail.models.vit;

import dev.vitrail.models.CheckpointFormat;
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

    /** DINOv2 as its authors published it; its versions with registers add positions to the class token, which no renaming can. */
    static final CheckpointFormat DINO_V2 = new CheckpointFormat(
            "the official DINOv2 code",
            names -> names.contains("mask_token") && !names.contains("register_tokens"),
            name -> name.equals("mask_token")
                    ? Optional.empty()
                    : Optional.of(name.replace(".mlp.w12.", ".mlp.fc1.").replace(".mlp.w3.", ".mlp.fc2.")));
}
