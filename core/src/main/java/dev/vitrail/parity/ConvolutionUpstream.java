package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.hybrid.Hybrid;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Pool;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** timm's residual networks, on their own and as the stems of hybrid transformers. */
final class ConvolutionUpstream {
    private ConvolutionUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments arguments) {
        return switch (upstreamClass) {
            case "timm.models.resnet/ResNet" -> built("resnet50", resNet(arguments));
            case "timm.models.resnetv2/ResNetV2" -> built("resnetv2_50x1_bit", resNetV2(arguments));
            case "timm.models.convnext/ConvNeXt" -> built("convnext_tiny", convNeXt(arguments));
            case "convnext:convnext/ConvNeXt" -> built("convnext_tiny", officialConvNeXt(arguments));
            case "convnext:convnext_isotropic/ConvNeXtIsotropic" ->
                built("convnext_tiny", isotropicConvNeXt(arguments));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(String sibling, ModelConfig config) {
        var family = Catalog.get(sibling).family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    /** The stem of a hybrid: {@code call} names timm's class or function and holds its arguments. */
    static ViTConfig.Stem stem(JsonNode call) {
        var of = call.path("$call").asText();
        var arguments = new Arguments(of, call.path("args"));
        var stem =
                switch (of) {
                    case "timm.models.resnetv2/ResNetV2" -> new Hybrid.NetworkStem(resNetV2(arguments));
                    case "timm.models.resnetv2/create_resnetv2_stem" -> new Hybrid.RootStem(root(arguments));
                    case "timm.models.resnet/ResNet" -> new Hybrid.NetworkStem(resNet(arguments));
                    default -> throw VitrailException.of("the stem '%s' has no counterpart here", of);
                };
        arguments.requireAllRead();
        return stem;
    }

    private static ResNetConfig resNet(Arguments a) {
        var type = a.get("block").asText().endsWith("BasicBlock")
                ? ResNetConfig.BlockType.BASIC
                : ResNetConfig.BlockType.BOTTLENECK;
        requireWholeStride(a);
        return new ResNetConfig(
                image(a),
                new ResNetConfig.Stem(
                        switch (a.text("stem_type", "")) {
                            case "" -> ResNetConfig.StemType.PLAIN;
                            case "deep" -> ResNetConfig.StemType.DEEP;
                            case "deep_tiered" -> ResNetConfig.StemType.DEEP_TIERED;
                            default ->
                                throw VitrailException.of(
                                        "the stem type '%s' has no counterpart here", a.text("stem_type", ""));
                        },
                        a.integer("stem_width", 64),
                        a.flag("replace_stem_pool", false)),
                new ResNetConfig.Blocks(
                        type,
                        list(a.integers("layers", 3, 4, 6, 3)),
                        list(a.integers("channels", 64, 128, 256, 512)),
                        a.integer("cardinality", 1),
                        a.integer("base_width", 64),
                        a.integer("block_reduce_first", 1),
                        activation(a, Activation.RELU),
                        a.normEps("norm_layer", 1e-5),
                        a.flag("zero_init_last", true)),
                new ResNetConfig.Shortcut(a.integer("down_kernel_size", 1), a.flag("avg_down", false)),
                head(a),
                a.number("drop_path_rate", 0));
    }

    private static ImageInput image(Arguments a) {
        return ImageInput.square(224).withChannels(a.integer("in_chans", 3));
    }

    private static Head head(Arguments a) {
        return new Head(a.integer("num_classes", 1000), pool(a), a.number("drop_rate", 0));
    }

    private static ResNetV2Config resNetV2(Arguments a) {
        requireWholeStride(a);
        return new ResNetV2Config(
                image(a),
                new ResNetV2Config.Stem(stemType(a), a.integer("stem_chs", 64)),
                new ResNetV2Config.Blocks(
                        list(a.integers("layers", 3, 4, 6, 3)),
                        list(a.integers("channels", 256, 512, 1024, 2048)),
                        a.integer("width_factor", 1),
                        a.flag("preact", true),
                        a.flag("basic", false),
                        a.number("bottle_ratio", 0.25),
                        a.flag("avg_down", false),
                        a.flag("zero_init_last", false)),
                layers(a, activation(a, Activation.RELU)),
                head(a),
                a.number("drop_path_rate", 0));
    }

    private static ResNetV2Config root(Arguments a) {
        var whole = ResNetV2Config.of(1);
        return whole.withImage(whole.image().withChannels(a.integer("in_chs", 3)))
                .withStem(s -> new ResNetV2Config.Stem(stemType(a), a.integer("out_chs", 64)))
                .withBlocks(b -> b.withPreActivation(a.flag("preact", true)))
                .withLayers(l -> layers(a, l.activation()));
    }

    private static ResNetV2Config.StemType stemType(Arguments a) {
        var type = a.text("stem_type", "");
        return type.isEmpty()
                ? ResNetV2Config.StemType.PLAIN
                : ResNetV2Config.StemType.valueOf(type.toUpperCase(Locale.ROOT));
    }

    private static ResNetV2Config.Layers layers(Arguments a, Activation activation) {
        var conv = a.get("conv_layer");
        var norm = a.get("norm_layer");
        return new ResNetV2Config.Layers(
                switch (name(norm, "timm.layers/GroupNormAct")) {
                    case "timm.layers/GroupNormAct", "groupnormact" -> ResNetV2Config.Norm.GROUP;
                    case "timm.layers/BatchNormAct2d", "batchnormact2d" -> ResNetV2Config.Norm.BATCH;
                    default ->
                        throw VitrailException.of("the normalization '%s' has no counterpart here", name(norm, ""));
                },
                norm.path("args").path("num_groups").asInt(32),
                norm.path("args").path("eps").asDouble(1e-5),
                switch (name(conv, "timm.layers/StdConv2d")) {
                    case "timm.layers/StdConv2d" -> ResNetV2Config.Convolution.STANDARDIZED;
                    case "timm.layers/StdConv2dSame" -> ResNetV2Config.Convolution.STANDARDIZED_SAME;
                    case "timm.layers/create_conv2d", "torch.nn/Conv2d" -> ResNetV2Config.Convolution.PLAIN;
                    default ->
                        throw VitrailException.of("the convolution '%s' has no counterpart here", name(conv, ""));
                },
                conv.path("args").path("eps").asDouble(1e-6),
                activation);
    }

    private static ConvNeXtConfig convNeXt(Arguments a) {
        requireWholeStride(a);
        var depths = list(a.integers("depths", 3, 3, 9, 3));
        var kernels = list(a.integers("kernel_sizes", 7));
        var norm = a.get("norm_layer");
        VitrailException.require(
                name(norm, "layernorm").matches("layernorm(2d)?|timm.layers/LayerNorm(2d)?"),
                "the normalization '%s' has no counterpart here",
                name(norm, ""));
        double normEps = a.number("norm_eps", norm.path("args").path("eps").asDouble(1e-6));
        return new ConvNeXtConfig(
                image(a),
                new ConvNeXtConfig.Stem(
                        ConvNeXtConfig.StemType.valueOf(
                                a.text("stem_type", "patch").toUpperCase(Locale.ROOT)),
                        a.integer("patch_size", 4),
                        true),
                new ConvNeXtConfig.Stages(
                        depths,
                        list(a.integers("dims", 96, 192, 384, 768)),
                        kernels.size() == depths.size() ? kernels : Collections.nCopies(depths.size(), kernels.get(0))),
                new ConvNeXtConfig.Blocks(
                        firstScale(a, "ls_init_value"),
                        a.flag("conv_mlp", false),
                        a.flag("conv_bias", true),
                        a.flag("use_grn", false),
                        activation(a, Activation.GELU),
                        normEps),
                new ConvNeXtConfig.HeadLayers(
                        a.integer("head_hidden_size", 0),
                        a.flag("head_norm_first", false),
                        normEps,
                        a.number("head_init_scale", 1)),
                head(a),
                a.number("drop_path_rate", 0));
    }

    private static ConvNeXtConfig officialConvNeXt(Arguments a) {
        return official(
                a,
                ConvNeXtConfig.of(list(a.integers("depths", 3, 3, 9, 3)), list(a.integers("dims", 96, 192, 384, 768)))
                        .withBlocks(b -> b.withLayerScale(firstScale(a, "layer_scale_init_value"))));
    }

    private static ConvNeXtConfig isotropicConvNeXt(Arguments a) {
        var layerScale =
                a.has("layer_scale_init_value") ? firstScale(a, "layer_scale_init_value") : OptionalDouble.empty();
        return official(
                a,
                ConvNeXtConfig.of(List.of(a.integer("depth", 18)), List.of(a.integer("dim", 384)))
                        .withStem(s -> new ConvNeXtConfig.Stem(s.type(), 16, false))
                        .withBlocks(b -> b.withLayerScale(layerScale)));
    }

    private static ConvNeXtConfig official(Arguments a, ConvNeXtConfig config) {
        return config.withHeadLayers(h -> h.withInitScale(a.number("head_init_scale", 1)))
                .withImage(image(a))
                .withHead(new Head(a.integer("num_classes", 1000), Pool.AVG, 0))
                .withDropPath(a.number("drop_path_rate", 0));
    }

    /** LayerScale's initial value; null or, in the original repository, 0 stands for none. */
    private static OptionalDouble firstScale(Arguments a, String name) {
        var value = a.get(name);
        if (value.isMissingNode()) {
            return OptionalDouble.of(1e-6);
        }
        return value.isNumber() && value.asDouble() > 0 ? OptionalDouble.of(value.asDouble()) : OptionalDouble.empty();
    }

    /** The class or function that an argument names, with or without arguments of its own. */
    static String name(JsonNode value, String otherwise) {
        if (value.isTextual()) {
            return value.asText().replaceFirst("^\\$cls ", "");
        }
        return value.path("$partial").asText(otherwise);
    }

    static Pool pool(Arguments a) {
        var text = a.text("global_pool", "avg");
        return text.isEmpty() ? Pool.NONE : Pool.valueOf(text.toUpperCase(Locale.ROOT));
    }

    static Activation activation(Arguments a, Activation otherwise) {
        var name = name(a.get("act_layer"), "");
        return switch (name) {
            case "" -> otherwise;
            case "relu", "torch.nn/ReLU" -> Activation.RELU;
            case "gelu", "torch.nn/GELU" -> Activation.GELU;
            case "gelu_tanh" -> Activation.GELU_TANH;
            case "silu", "swish", "torch.nn/SiLU" -> Activation.SILU;
            default -> throw VitrailException.of("the activation '%s' has no counterpart here", name);
        };
    }

    /** Dilated networks are not built here. */
    static void requireWholeStride(Arguments a) {
        int stride = a.integer("output_stride", 32);
        VitrailException.require(stride == 32, "an output stride of %d has no counterpart here, only 32", stride);
    }

    static List<Integer> list(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }
}
