package dev.vitrail.models.beit;

import dev.vitrail.models.ExportNames;
import dev.vitrail.models.ExportNames.CodeBase;

/** The names of other code bases for the parameters of a {@link Beit}; the authors' own are timm's. */
final class BeitCheckpointFormats {
    private static final String BLOCK = "blocks\\.(\\d+)\\.";
    private static final String LAYER = "beit.encoder.layer.$1.";
    private static final String ATTENTION = LAYER + "attention.attention.";

    private BeitCheckpointFormats() {}

    /** {@code BeitForImageClassification}, whose keys have no bias. */
    static final ExportNames TO_TRANSFORMERS = ExportNames.of(CodeBase.TRANSFORMERS)
            .rule("cls_token", "beit.embeddings.cls_token")
            .rule("pos_embed", "beit.embeddings.position_embeddings")
            .rule("patch_embed\\.proj\\.(weight|bias)", "beit.embeddings.patch_embeddings.projection.$1")
            .rule(BLOCK + "gamma_([12])", LAYER + "lambda_$2")
            .rule(BLOCK + "norm1\\.(weight|bias)", LAYER + "layernorm_before.$2")
            .rule(BLOCK + "norm2\\.(weight|bias)", LAYER + "layernorm_after.$2")
            .rule(
                    BLOCK + "attn\\.qkv\\.weight",
                    ATTENTION + "query.weight",
                    ATTENTION + "key.weight",
                    ATTENTION + "value.weight")
            .rule(BLOCK + "attn\\.q_bias", ATTENTION + "query.bias")
            .rule(BLOCK + "attn\\.v_bias", ATTENTION + "value.bias")
            .rule(
                    BLOCK + "attn\\.relative_position_bias_table",
                    ATTENTION + "relative_position_bias.relative_position_bias_table")
            .rule(BLOCK + "attn\\.proj\\.(weight|bias)", LAYER + "attention.output.dense.$2")
            .rule(BLOCK + "mlp\\.fc1\\.(weight|bias)", LAYER + "intermediate.dense.$2")
            .rule(BLOCK + "mlp\\.fc2\\.(weight|bias)", LAYER + "output.dense.$2")
            .rule("norm\\.(weight|bias)", "beit.layernorm.$1")
            .rule("fc_norm\\.(weight|bias)", "beit.pooler.layernorm.$1")
            .rule("head\\.(weight|bias)", "classifier.$1");
}
