package dev.vitrail.weights;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Pool;
import dev.vitrail.weights.TransformersConfig.Classifier;
import java.util.List;

/**
 * The fields of a {@code config.json} of the transformers library for a model of ours: the inverse of
 * {@link TransformersConfig}, which has to find the same model in them.
 */
final class TransformersFields {
    private final ObjectNode object = JsonFile.MAPPER.createObjectNode();
    private final Classifier classifier;

    /** @throws VitrailException if the library has no model of that family */
    TransformersFields(ModelConfig model) {
        classifier = describe(model);
        object.put("num_channels", model.channels());
        object.put("dtype", "float32");
    }

    ObjectNode object() {
        return object.deepCopy();
    }

    /** Head of the weights: the layers after the last block. */
    Classifier classifier() {
        return classifier;
    }

    /** The fields, and names of the classes in both directions. */
    ObjectNode withLabels(List<String> labels) {
        var whole = object();
        if (!labels.isEmpty()) {
            var names = whole.putObject("id2label");
            var numbers = whole.putObject("label2id");
            for (int i = 0; i < labels.size(); i++) {
                names.put(String.valueOf(i), labels.get(i));
                numbers.put(labels.get(i), i);
            }
        }
        return whole;
    }

    private Classifier describe(ModelConfig model) {
        if (model instanceof ViTConfig c) {
            return c.blocks().layerScale().isPresent() ? dino(c) : column(c);
        }
        if (model instanceof SwinConfig c) {
            return swin(c);
        }
        if (model instanceof ConvNeXtConfig c) {
            return convNeXt(c);
        }
        if (model instanceof Beit.Config c) {
            return beit(c);
        }
        if (model instanceof ResNetConfig c) {
            return resNet(c);
        }
        if (model instanceof ResNetV2Config c) {
            return bit(c);
        }
        throw VitrailException.of(
                "transformers has no model of this family; it has ViT, DeiT, DINOv2, Swin, ConvNeXt, BEiT, ResNet and"
                        + " BiT");
    }

    private void kind(String modelType, String architecture) {
        object.put("model_type", modelType);
        object.putArray("architectures").add(architecture);
    }

    private Classifier column(ViTConfig c) {
        boolean distilled = c.tokens().distilled();
        kind(
                distilled ? "deit" : "vit",
                distilled ? "DeiTForImageClassificationWithTeacher" : "ViTForImageClassification");
        image(c.image());
        pair("patch_size", c.patches().size().height(), c.patches().size().width());
        encoder(c.encoder());
        object.put("intermediate_size", c.encoder().hidden());
        dropouts(c);
        return distilled ? Classifier.TWO : Classifier.CLASS;
    }

    private Classifier dino(ViTConfig c) {
        int registers = c.tokens().registers();
        kind(
                registers > 0 ? "dinov2_with_registers" : "dinov2",
                registers > 0 ? "Dinov2WithRegistersForImageClassification" : "Dinov2ForImageClassification");
        image(c.image());
        pair("patch_size", c.patches().size().height(), c.patches().size().width());
        encoder(c.encoder());
        var e = c.encoder();
        boolean gated = c.blocks().gatedMlp();
        // The library makes two thirds of what it reads wide, and has whole ratios of a gated MLP alone.
        object.put("mlp_ratio", gated ? Math.round(e.hidden() / 2.0 * 3 / 2 / e.width()) : Math.round(e.mlpRatio()));
        object.put("use_swiglu_ffn", gated);
        object.put("layerscale_value", c.blocks().layerScale().getAsDouble());
        if (registers > 0) {
            object.put("num_register_tokens", registers);
        }
        dropouts(c);
        object.put("drop_path_rate", c.dropouts().path());
        return Classifier.CLASS_AND_MEAN;
    }

    private void dropouts(ViTConfig c) {
        object.put("hidden_dropout_prob", c.dropouts().projection());
        object.put("attention_probs_dropout_prob", c.dropouts().attention());
    }

    private void encoder(Encoder e) {
        object.put("hidden_size", e.width());
        object.put("num_hidden_layers", e.depth());
        object.put("num_attention_heads", e.heads());
        object.put("qkv_bias", e.qkvBias());
        activation(e.activation());
        object.put("layer_norm_eps", e.normEps());
    }

    private Classifier swin(SwinConfig c) {
        boolean second = c.version() == SwinConfig.Version.V2;
        kind(second ? "swinv2" : "swin", second ? "Swinv2ForImageClassification" : "SwinForImageClassification");
        var s = c.stages();
        object.put("image_size", c.image().height());
        object.put("patch_size", c.patches().size());
        object.put("embed_dim", s.width());
        integers("depths", s.depths());
        integers("num_heads", s.heads());
        object.put("num_layers", s.depths().size());
        object.put("hidden_size", s.width() << (s.depths().size() - 1));
        object.put("window_size", c.windows().sizes().get(0).height());
        if (second) {
            integers("pretrained_window_sizes", c.windows().pretrained());
        }
        object.put("mlp_ratio", s.mlpRatios().get(0));
        object.put("qkv_bias", s.qkvBias());
        object.put("use_absolute_embeddings", c.patches().absolutePositions());
        activation(s.activation());
        object.put("layer_norm_eps", s.normEps());
        object.put("hidden_dropout_prob", c.dropouts().projection());
        object.put("attention_probs_dropout_prob", c.dropouts().attention());
        object.put("drop_path_rate", c.dropouts().path());
        return Classifier.CLASS;
    }

    private Classifier convNeXt(ConvNeXtConfig c) {
        boolean second = c.blocks().responseNorm();
        kind(
                second ? "convnextv2" : "convnext",
                second ? "ConvNextV2ForImageClassification" : "ConvNextForImageClassification");
        object.put("image_size", c.image().height());
        object.put("patch_size", c.stem().patch());
        object.put("num_stages", c.stages().depths().size());
        integers("depths", c.stages().depths());
        integers("hidden_sizes", c.stages().widths());
        activation(c.blocks().activation());
        object.put("layer_norm_eps", c.headLayers().normEps());
        if (!second) {
            object.put("layer_scale_init_value", c.blocks().layerScale().orElse(0));
        }
        object.put("drop_path_rate", c.dropPath());
        return Classifier.CLASS;
    }

    private Classifier beit(Beit.Config c) {
        kind("beit", "BeitForImageClassification");
        boolean mean = c.head().pool() == Pool.AVG;
        image(c.image());
        object.put("patch_size", c.patch());
        encoder(c.encoder());
        object.remove("qkv_bias");
        object.put("intermediate_size", c.encoder().hidden());
        object.put("layer_scale_init_value", c.layerScale());
        object.put("use_absolute_position_embeddings", c.absolutePositions());
        object.put("use_relative_position_bias", true);
        object.put("use_shared_relative_position_bias", false);
        object.put("use_mean_pooling", mean);
        object.put("use_mask_token", false);
        object.put("drop_path_rate", c.dropPath());
        return mean ? Classifier.MEAN : Classifier.CLASS;
    }

    private Classifier resNet(ResNetConfig c) {
        kind("resnet", "ResNetForImageClassification");
        boolean basic = c.blocks().type() == ResNetConfig.BlockType.BASIC;
        object.put("embedding_size", c.stem().width());
        object.put("layer_type", basic ? "basic" : "bottleneck");
        integers("depths", c.blocks().depths());
        integers(
                "hidden_sizes",
                c.blocks().widths().stream()
                        .map(width -> basic ? width : 4 * width)
                        .toList());
        activation(c.blocks().activation());
        return Classifier.CLASS;
    }

    private Classifier bit(ResNetV2Config c) {
        kind("bit", "BitForImageClassification");
        object.put("embedding_size", c.stem().width());
        object.put("layer_type", "preactivation");
        integers("depths", c.blocks().depths());
        integers("hidden_sizes", c.blocks().widths());
        object.put("width_factor", c.blocks().widthFactor());
        object.put("num_groups", c.layers().groups());
        activation(c.layers().activation());
        object.put("drop_path_rate", c.dropPath());
        return Classifier.CLASS;
    }

    private void image(ImageInput image) {
        pair("image_size", image.height(), image.width());
    }

    /** A number where both are equal, as the library's own files have it. */
    private void pair(String name, int height, int width) {
        if (height == width) {
            object.put(name, height);
        } else {
            object.putArray(name).add(height).add(width);
        }
    }

    private void integers(String name, List<Integer> values) {
        var list = object.putArray(name);
        values.forEach(list::add);
    }

    private void activation(Activation activation) {
        object.put(
                "hidden_act",
                switch (activation) {
                    case GELU -> "gelu";
                    case GELU_TANH -> "gelu_pytorch_tanh";
                    case QUICK_GELU -> "quick_gelu";
                    case RELU -> "relu";
                    case SILU -> "silu";
                });
    }
}
