package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.zoo.Catalog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code model_args} of timm build, as tensors of the model show it. */
class ConstructorArgumentsTest {
    private static ModelConfig configured(String variant, String arguments) {
        var text = "{\"architecture\": \"%s\", \"model_args\": %s}".formatted(variant, arguments);
        return FolderConfig.parse(text, "config.json")
                .configured(Catalog.get(variant).config());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "vit_tiny_patch16_224 | {'init_values': 1e-5} | blocks.0.ls1.gamma | 192",
                "vit_small_patch14_dinov2 | {'init_values': null, 'img_size': 224, 'patch_size': 16} | pos_embed |"
                        + " 1,197,384",
                "vit_tiny_patch16_224 | {'reg_tokens': 4} | reg_token | 1,4,192",
                "vit_tiny_patch16_224 | {'reg_tokens': 4, 'no_embed_class': true} | pos_embed | 1,196,192",
                "vit_tiny_patch16_224 | {'mlp_ratio': 5.3375} | blocks.3.mlp.fc1.weight | 1024,192",
                "vit_tiny_patch16_224 | {'mlp_ratio': 2.5, 'mlp_layer': 'timm.layers.SwiGLUPacked', 'act_layer':"
                        + " 'silu'} | blocks.3.mlp.fc1.weight | 480,192",
                "vit_tiny_patch16_224 | {'embed_dim': 96, 'depth': 2, 'num_heads': 2} | blocks.1.attn.qkv.weight |"
                        + " 288,96",
                "vit_tiny_patch16_224 | {'img_size': [112, 224]} | pos_embed | 1,99,192",
                "vit_tiny_patch16_224 | {'patch_size': 8, 'img_size': 120} | patch_embed.proj.weight | 192,3,8,8",
                "vit_tiny_patch16_224 | {'class_token': false, 'global_pool': 'avg'} | fc_norm.weight | 192",
                "vit_tiny_patch16_224 | {'class_token': false, 'global_pool': 'avg', 'fc_norm': false} | norm.weight |"
                        + " 192",
                "vit_tiny_patch16_224 | {'qk_norm': true} | blocks.0.attn.q_norm.weight | 64",
                "vit_tiny_patch16_224 | {'pre_norm': true} | norm_pre.weight | 192",
                "vit_tiny_patch16_224 | {'num_classes': 7, 'in_chans': 1} | head.weight | 7,192",
                "swin_tiny_patch4_window7_224 | {'window_size': 8, 'img_size': 256}"
                        + " | layers.0.blocks.0.attn.relative_position_bias_table | 225,3",
                "swin_tiny_patch4_window7_224 | {'depths': [1, 1], 'num_heads': [2, 4], 'embed_dim': 32}"
                        + " | layers.1.blocks.0.attn.qkv.weight | 192,64",
                "convnext_tiny | {'depths': [1, 1, 1, 1], 'dims': [8, 16, 24, 32]} | stages.3.blocks.0.conv_dw.weight |"
                        + " 32,1,7,7",
                "convnext_tiny | {'use_grn': true, 'ls_init_value': null} | stages.0.blocks.0.mlp.grn.weight | 384",
                "cait_xxs24_224 | {'depth': 2, 'embed_dim': 48, 'num_heads': 2} | blocks.1.attn.qkv.weight | 144,48",
                "beit_base_patch16_224 | {'depth': 2, 'embed_dim': 48, 'num_heads': 2} | blocks.1.attn.qkv.weight |"
                        + " 144,48",
                "mixer_b16_224 | {'num_blocks': 1, 'mlp_ratio': [0.5, 2.0]} | blocks.0.mlp_channels.fc1.weight |"
                        + " 1536,768",
                "resnet18 | {'layers': [1, 1, 1, 1]} | layer4.0.conv2.weight | 512,512,3,3"
            })
    void argumentsBuildWhatTheyName(String variant, String arguments, String tensor, String shape) {
        var config = configured(variant, arguments.replace('\'', '"'));
        try (var model = config.create()) {
            var parameter = model.parameters().get(tensor);
            assertThat(parameter)
                    .as("%s among %s", tensor, model.parameters().keySet())
                    .isNotNull();
            assertThat(java.util.Objects.requireNonNull(parameter).shape())
                    .containsExactly(java.util.Arrays.stream(shape.split(","))
                            .mapToLong(Long::parseLong)
                            .toArray());
        }
    }

    @Test
    void nullMeansNoLayerScale() {
        try (var model = configured("vit_small_patch14_dinov2", "{\"init_values\": null}")
                .create()) {
            assertThat(model.parameters().keySet()).noneMatch(name -> name.contains(".ls1."));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "vit_tiny_patch16_224",
        "swin_tiny_patch4_window7_224",
        "convnext_tiny",
        "cait_xxs24_224",
        "beit_base_patch16_224",
        "mixer_b16_224",
        "resnet18",
        "t2t_vit_7"
    })
    void whatChangesNoPredictionIsTakenEverywhere(String variant) {
        var arguments =
                "{\"drop_rate\": 0.1, \"drop_path_rate\": 0.2, \"dynamic_img_size\": true, \"pretrained\": true,"
                        + " \"scriptable\": false, \"nothing\": null}";
        try (var model = configured(variant, arguments).create();
                var plain = Catalog.get(variant).create()) {
            assertThat(model.parameters().keySet()).isEqualTo(plain.parameters().keySet());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "vit_tiny_patch16_224 | {'block_fn': 'ParallelBlock', 'qkv_biased': 1} | block_fn, qkv_biased",
                "swin_tiny_patch4_window7_224 | {'reg_tokens': 4} | reg_tokens",
                "vit_tiny_patch16_224 | {'init_values': 'many'} | init_values",
                "vit_tiny_patch16_224 | {'depth': 2.5} | depth",
                "vit_tiny_patch16_224 | {'mlp_layer': 'GluMlp'} | mlp_layer",
                "vit_tiny_patch16_224 | {'act_layer': 'mish'} | act_layer",
                "vit_tiny_patch16_224 | {'norm_layer': 'rmsnorm'} | norm_layer",
                "vit_tiny_patch16_224 | {'num_heads': 5} | 192",
                "convnext_tiny | {'output_stride': 8} | output_stride",
                "swin_tiny_patch4_window7_224 | {'num_heads': [1, 2]} | num_heads"
            })
    void whatCannotBeBuiltIsRefusedByName(String variant, String arguments, String named) {
        assertRefused(() -> configured(variant, arguments.replace('\'', '"')), named);
    }
}
