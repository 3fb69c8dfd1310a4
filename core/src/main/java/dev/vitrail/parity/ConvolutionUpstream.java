package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.hybrid.Hybrid;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.GlobalPool;
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
                    case "timm.models.resnetv2/ResNetV2" -> new Hybrid.PreActivationStem(resNetV2(arguments));
                    case "timm.models.resnetv2/create_resnetv2_stem" -> new Hybrid.RootStem(root(arguments));
                    case "timm.models.resnet/ResNet" -> new Hybrid.ResidualStem(resNet(arguments));
                    default -> throw VitrailException.of("the stem '%s' has no counterpart here", of);
                };
        arguments.requireAllRead();
        return stem;
    }

    private static ResNetConfig resNet(Arguments a) {
        var kind = a.get("block").asText().endsWith("BasicBlock")
                ? ResNetConfig.BlockKind.BASIC
                : ResNetConfig.BlockKind.BOTTLENECK;
        requireWholeStride(a);
        return ResNetConfig.of(kind, boxed(a.integers("layers", 3, 4, 6, 3))).with(o -> {
            o.classes = a.integer("num_classes", 1000);
            o.channels = a.integer("in_chans", 3);
            o.pool = pool(a);
            o.cardinality = a.integer("cardinality", 1);
            o.baseWidth = a.integer("base_width", 64);
            o.stemWidth = a.integer("stem_width", 64);
            o.stem = switch (a.text("stem_type", "")) {
                case "" -> ResNetConfig.Stem.PLAIN;
                case "deep" -> ResNetConfig.Stem.DEEP;
                case "deep_tiered" -> ResNetConfig.Stem.DEEP_TIERED;
                default ->
                    throw VitrailException.of("the stem type '%s' has no counterpart here", a.text("stem_type", ""));
            };
            o.convolvedPool = a.flag("replace_stem_pool", false);
            o.reduceFirst = a.integer("block_reduce_first", 1);
            o.downKernel = a.integer("down_kernel_size", 1);
            o.averageDown = a.flag("avg_down", false);
            o.widths = list(a.integers("channels", 64, 128, 256, 512));
            o.activation = activation(a, Activation.RELU);
            o.normEps = a.normEps("norm_layer", 1e-5);
            o.headDropout = a.number("drop_rate", 0);
            o.dropPath = a.number("drop_path_rate", 0);
            o.zeroInitLast = a.flag("zero_init_last", true);
        });
    }

    private static ResNetV2Config resNetV2(Arguments a) {
        requireWholeStride(a);
        return shared(a, ResNetV2Config.of(boxed(a.integers("layers", 3, 4, 6, 3))))
                .with(o -> {
                    o.classes = a.integer("num_classes", 1000);
                    o.channels = a.integer("in_chans", 3);
                    o.pool = pool(a);
                    o.widths = list(a.integers("channels", 256, 512, 1024, 2048));
                    o.widthFactor = a.integer("width_factor", 1);
                    o.stemWidth = a.integer("stem_chs", 64);
                    o.averageDown = a.flag("avg_down", false);
                    o.plainBlocks = a.flag("basic", false);
                    o.bottleRatio = a.number("bottle_ratio", 0.25);
                    o.activation = activation(a, Activation.RELU);
                    o.headDropout = a.number("drop_rate", 0);
                    o.dropPath = a.number("drop_path_rate", 0);
                    o.zeroInitLast = a.flag("zero_init_last", false);
                });
    }

    private static ResNetV2Config root(Arguments a) {
        return shared(a, ResNetV2Config.of(1)).with(o -> {
            o.channels = a.integer("in_chs", 3);
            o.stemWidth = a.integer("out_chs", 64);
        });
    }

    private static ResNetV2Config shared(Arguments a, ResNetV2Config config) {
        var conv = a.get("conv_layer");
        var norm = a.get("norm_layer");
        var type = a.text("stem_type", "");
        return config.with(o -> {
            o.preActivation = a.flag("preact", true);
            o.stem = type.isEmpty()
                    ? ResNetV2Config.Stem.PLAIN
                    : ResNetV2Config.Stem.valueOf(type.toUpperCase(Locale.ROOT));
            o.convolution = switch (name(conv, "timm.layers/StdConv2d")) {
                case "timm.layers/StdConv2d" -> ResNetV2Config.Convolution.STANDARDISED;
                case "timm.layers/StdConv2dSame" -> ResNetV2Config.Convolution.STANDARDISED_SAME;
                case "timm.layers/create_conv2d", "torch.nn/Conv2d" -> ResNetV2Config.Convolution.PLAIN;
                default -> throw VitrailException.of("the convolution '%s' has no counterpart here", name(conv, ""));
            };
            o.convolutionEps = conv.path("args").path("eps").asDouble(1e-6);
            o.norm = switch (name(norm, "timm.layers/GroupNormAct")) {
                case "timm.layers/GroupNormAct", "groupnormact" -> ResNetV2Config.Norm.GROUP;
                case "timm.layers/BatchNormAct2d", "batchnormact2d" -> ResNetV2Config.Norm.BATCH;
                default -> throw VitrailException.of("the normalisation '%s' has no counterpart here", name(norm, ""));
            };
            o.groups = norm.path("args").path("num_groups").asInt(32);
            o.normEps = norm.path("args").path("eps").asDouble(1e-5);
        });
    }

    private static ConvNeXtConfig convNeXt(Arguments a) {
        requireWholeStride(a);
        var depths = list(a.integers("depths", 3, 3, 9, 3));
        var kernels = list(a.integers("kernel_sizes", 7));
        var norm = a.get("norm_layer");
        VitrailException.require(
                name(norm, "layernorm").matches("layernorm(2d)?|timm.layers/LayerNorm(2d)?"),
                "the normalisation '%s' has no counterpart here",
                name(norm, ""));
        return ConvNeXtConfig.of(depths, list(a.integers("dims", 96, 192, 384, 768)))
                .with(o -> {
                    o.classes = a.integer("num_classes", 1000);
                    o.channels = a.integer("in_chans", 3);
                    o.pool = pool(a);
                    o.kernels = kernels.size() == depths.size()
                            ? kernels
                            : Collections.nCopies(depths.size(), kernels.get(0));
                    o.layerScale = firstScale(a, "ls_init_value");
                    o.stem = ConvNeXtConfig.Stem.valueOf(
                            a.text("stem_type", "patch").toUpperCase(Locale.ROOT));
                    o.patch = a.integer("patch_size", 4);
                    o.headInitScale = a.number("head_init_scale", 1);
                    o.normsBeforePool = a.flag("head_norm_first", false);
                    o.headHidden = a.integer("head_hidden_size", 0);
                    o.convolvedMlp = a.flag("conv_mlp", false);
                    o.convBias = a.flag("conv_bias", true);
                    o.responseNorm = a.flag("use_grn", false);
                    o.activation = activation(a, Activation.GELU);
                    o.normEps =
                            a.number("norm_eps", norm.path("args").path("eps").asDouble(1e-6));
                    o.headNormEps = o.normEps;
                    o.headDropout = a.number("drop_rate", 0);
                    o.dropPath = a.number("drop_path_rate", 0);
                });
    }

    private static ConvNeXtConfig officialConvNeXt(Arguments a) {
        return official(
                a,
                ConvNeXtConfig.of(list(a.integers("depths", 3, 3, 9, 3)), list(a.integers("dims", 96, 192, 384, 768)))
                        .with(o -> o.layerScale = firstScale(a, "layer_scale_init_value")));
    }

    private static ConvNeXtConfig isotropicConvNeXt(Arguments a) {
        return official(
                a,
                ConvNeXtConfig.of(List.of(a.integer("depth", 18)), List.of(a.integer("dim", 384)))
                        .with(o -> {
                            o.patch = 16;
                            o.stemNorm = false;
                            o.layerScale = a.has("layer_scale_init_value")
                                    ? firstScale(a, "layer_scale_init_value")
                                    : OptionalDouble.empty();
                        }));
    }

    private static ConvNeXtConfig official(Arguments a, ConvNeXtConfig config) {
        return config.with(o -> {
            o.classes = a.integer("num_classes", 1000);
            o.channels = a.integer("in_chans", 3);
            o.headInitScale = a.number("head_init_scale", 1);
            o.dropPath = a.number("drop_path_rate", 0);
        });
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

    static GlobalPool.Kind pool(Arguments a) {
        var text = a.text("global_pool", "avg");
        return text.isEmpty() ? GlobalPool.Kind.NONE : GlobalPool.Kind.valueOf(text.toUpperCase(Locale.ROOT));
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

    private static Integer[] boxed(int[] values) {
        return list(values).toArray(Integer[]::new);
    }
}
