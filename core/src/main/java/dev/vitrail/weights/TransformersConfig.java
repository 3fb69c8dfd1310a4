package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.Variant;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.ViTConfig.Pool;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The {@code config.json} of the transformers library: a model described by its numbers, from which it is built, whether or not the
 * catalogue has one of that size.
 *
 * <p>The defaults of absent fields are those of the library's configuration classes.
 */
public final class TransformersConfig {
    /** The field of a saved model's {@code config.json} that keeps what it was built from. */
    static final String FIELD = "transformers";

    /** Our own field beside the library's: what the weights say of the classifier. */
    private static final String HEAD = "head";

    /** What the weights have after the last block. */
    enum Head {
        /** A classifier of the class token, or none. */
        CLASS,
        /** Classifiers of the class token and the distillation token. */
        TWO,
        /** A classifier of the class token and the mean over patches (DINOv2). */
        CLASS_AND_MEAN,
        /** A normalised mean over patches (BEiT). */
        MEAN
    }

    private static final String KNOWN =
            "vit, deit, swin, swinv2, convnext, convnextv2, beit, dinov2, dinov2_with_registers," + " resnet and bit";

    /** Fields that say how the model is built; all others are of no use to build it again. */
    private static final Set<String> NUMBERS = Set.of(
            "model_type",
            HEAD,
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "mlp_ratio",
            "hidden_act",
            "layer_norm_eps",
            "image_size",
            "patch_size",
            "num_channels",
            "qkv_bias",
            "layerscale_value",
            "layer_scale_init_value",
            "use_swiglu_ffn",
            "num_register_tokens",
            "use_absolute_position_embeddings",
            "use_absolute_embeddings",
            "embed_dim",
            "depths",
            "num_heads",
            "window_size",
            "pretrained_window_sizes",
            "hidden_sizes",
            "embedding_size",
            "layer_type",
            "downsample_in_first_stage",
            "downsample_in_bottleneck",
            "global_padding",
            "embedding_dynamic_padding",
            "num_groups",
            "width_factor",
            "output_stride",
            "drop_path_rate",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob");

    private final ObjectNode object;
    private final JsonFields fields;
    private final String origin;
    private final String type;

    TransformersConfig(ObjectNode object, String origin) {
        this.object = object;
        this.origin = origin;
        fields = new JsonFields(object, origin);
        type = fields.text("model_type").orElseThrow();
    }

    /** Whether an object is such a config, and not timm's. */
    public static boolean is(ObjectNode object) {
        return object.path("model_type").isTextual()
                && !object.path("architecture").isTextual();
    }

    /** The {@code model_type}, such as {@code vit}. */
    String type() {
        return type;
    }

    /** The model that the numbers describe, with as many classes as its catalogue's variant or 1000. */
    Variant variant() {
        var head = fields.text(HEAD).map(Head::valueOf).orElse(Head.CLASS);
        try {
            return named(config(head));
        } catch (VitrailException e) {
            throw new VitrailException(
                    "%s describes a model that cannot be built here (%s): %s"
                            .formatted(origin, numbers(), e.getMessage()),
                    e);
        }
    }

    /** The same config with what a folder's weights and its processor say besides. */
    TransformersConfig with(Head head, int height, int width) {
        var copy = object.deepCopy();
        copy.put(HEAD, head.name());
        copy.putArray("image_size").add(height).add(width);
        return new TransformersConfig(copy, origin);
    }

    /** Names of the classes in the order of their numbers; empty where the file names none. */
    List<String> labels() {
        var names = fields.objectOfTexts("id2label");
        var labels = new ArrayList<>(Collections.nCopies(names.size(), ""));
        var seen = new boolean[names.size()];
        names.forEach((id, name) -> {
            int index = id.matches("\\d{1,6}") ? Integer.parseInt(id) : -1;
            require(
                    index >= 0 && index < seen.length && !seen[index],
                    "id2label of %s names %d classes, so their numbers go from 0 to %d; found '%s'",
                    origin,
                    seen.length,
                    seen.length - 1,
                    id);
            seen[index] = true;
            labels.set(index, name);
        });
        return List.copyOf(labels);
    }

    int channels() {
        return fields.integer("num_channels").orElse(3);
    }

    /** Rows and columns of the images that the file names, pixels. */
    int[] image() {
        return pair("image_size", 224);
    }

    int[] patch() {
        return pair(
                "patch_size",
                type.startsWith("swin") || type.startsWith("convnext") ? 4 : type.equals("dinov2") ? 14 : 16);
    }

    private int[] pair(String name, int otherwise) {
        var sides = fields.integerOrIntegers(name);
        require(
                sides.size() <= 2 && sides.stream().allMatch(side -> side > 0),
                "%s of %s is one side or height and width, in pixels; found %s",
                name,
                origin,
                sides);
        return sides.isEmpty()
                ? new int[] {otherwise, otherwise}
                : new int[] {sides.get(0), sides.get(sides.size() - 1)};
    }

    private ModelConfig config(Head head) {
        return switch (type) {
            case "vit", "vit_msn", "vit_mae", "deit" -> column(head);
            case "dinov2", "dinov2_with_registers" -> dino(head);
            case "beit", "data2vec-vision" -> beit(head);
            case "swin" -> swin(SwinConfig.Version.V1);
            case "swinv2" -> swin(SwinConfig.Version.V2);
            case "convnext", "convnextv2" -> convNeXt();
            case "resnet" -> resNet();
            case "bit" -> bit();
            default ->
                throw VitrailException.of(
                        "its model_type is '%s', and those that can be built are %s: convert the weights to one of these",
                        type, KNOWN);
        };
    }

    private int integer(String name, int otherwise) {
        return fields.integer(name).orElse(otherwise);
    }

    private double number(String name, double otherwise) {
        return fields.number(name).orElse(otherwise);
    }

    private Activation activation(String otherwise) {
        var name = fields.text("hidden_act").orElse(otherwise);
        return switch (name) {
            case "gelu", "gelu_python" -> Activation.GELU;
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh" -> Activation.GELU_TANH;
            case "quick_gelu" -> Activation.QUICK_GELU;
            case "relu" -> Activation.RELU;
            case "silu", "swish" -> Activation.SILU;
            default ->
                throw VitrailException.of(
                        "its hidden_act is '%s', expected gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu or silu",
                        name);
        };
    }

    /** A ratio whose product with the width is that many channels, cut to whole ones as the models cut it. */
    private static double ratio(int hidden, int width) {
        double ratio = (double) hidden / width;
        return (int) (width * ratio) == hidden ? ratio : Math.nextUp(ratio);
    }

    /** ViT's and DeiT's numbers. */
    private ViTConfig column(Head head) {
        int width = integer("hidden_size", 768);
        int hidden = integer("intermediate_size", 4 * width);
        require(width > 0 && hidden > 0, "hidden_size %d and intermediate_size %d must be positive", width, hidden);
        var image = image();
        var patch = patch();
        return base(width, image, patch).with(o -> {
            o.mlpRatio = ratio(hidden, width);
            o.normEps = number("layer_norm_eps", 1e-12);
            // Without a classifier of its own the distillation token is one more token, as a register is.
            o.distilled = type.equals("deit") && head == Head.TWO;
            o.registers = type.equals("deit") && head != Head.TWO ? 1 : 0;
        });
    }

    private ViTConfig base(int width, int[] image, int[] patch) {
        return ViTConfig.of(
                        patch[0], patch[0], width, integer("num_hidden_layers", 12), integer("num_attention_heads", 12))
                .with(o -> {
                    o.imageHeight = image[0];
                    o.imageWidth = image[1];
                    o.patchHeight = patch[0];
                    o.patchWidth = patch[1];
                    o.channels = channels();
                    o.activation = activation("gelu");
                    o.qkvBias = fields.flag("qkv_bias").orElse(true);
                    o.projectionDropout = number("hidden_dropout_prob", 0);
                    o.attentionDropout = number("attention_probs_dropout_prob", 0);
                    o.dropPath = number("drop_path_rate", 0);
                });
    }

    private ViTConfig dino(Head head) {
        int width = integer("hidden_size", 768);
        double ratio = number("mlp_ratio", 4);
        boolean gated = fields.flag("use_swiglu_ffn").orElse(false);
        int hidden = (int) (width * ratio);
        // A gated MLP has two thirds of the channels, a multiple of eight, for the gate and as many to pass it.
        int wide = gated ? 2 * (((int) (hidden * 2.0 / 3) + 7) / 8 * 8) : hidden;
        require(width > 0 && wide > 0, "hidden_size %d and mlp_ratio %s must be positive", width, ratio);
        int registers = type.equals("dinov2_with_registers") ? integer("num_register_tokens", 4) : 0;
        return base(width, image(), patch()).with(o -> {
            o.mlpRatio = ratio(wide, width);
            o.gatedMlp = gated;
            o.normEps = number("layer_norm_eps", 1e-6);
            o.layerScale = OptionalDouble.of(number("layerscale_value", 1));
            o.registers = registers;
            o.positionsCoverPrefix = registers == 0;
            o.pool = head == Head.CLASS_AND_MEAN ? Pool.TOKEN_AVG : Pool.TOKEN;
        });
    }

    private Beit.Config beit(Head head) {
        int width = integer("hidden_size", 768);
        int hidden = integer("intermediate_size", 4 * width);
        var image = image();
        var patch = patch();
        require(patch[0] == patch[1], "its patches are %d×%d pixels, and BEiT's are square", patch[0], patch[1]);
        require(
                activation("gelu") == Activation.GELU,
                "its hidden_act is '%s', and BEiT's is gelu",
                fields.text("hidden_act").orElse(""));
        require(width > 0 && hidden > 0, "hidden_size %d and intermediate_size %d must be positive", width, hidden);
        return new Beit.Config(
                image[0],
                image[1],
                patch[0],
                channels(),
                1000,
                width,
                integer("num_hidden_layers", 12),
                integer("num_attention_heads", 12),
                ratio(hidden, width),
                number("layer_scale_init_value", 0.1),
                head == Head.MEAN ? Beit.Config.Pool.AVG : Beit.Config.Pool.TOKEN,
                fields.flag("use_absolute_position_embeddings").orElse(false),
                number("layer_norm_eps", 1e-12),
                number("drop_path_rate", 0.1));
    }

    private SwinConfig swin(SwinConfig.Version version) {
        var image = image();
        var patch = patch();
        require(patch[0] == patch[1], "its patches are %d×%d pixels, and Swin's are square", patch[0], patch[1]);
        var depths = list("depths", 2, 2, 6, 2);
        double ratio = number("mlp_ratio", 4);
        var pretrained = fields.integers("pretrained_window_sizes");
        return SwinConfig.of(
                        version,
                        image[0],
                        integer("embed_dim", 96),
                        depths,
                        list("num_heads", 3, 6, 12, 24),
                        integer("window_size", 7))
                .with(o -> {
                    o.imageWidth = image[1];
                    o.patch = patch[0];
                    o.channels = channels();
                    o.mlpRatios = Collections.nCopies(depths.size(), ratio);
                    o.qkvBias = fields.flag("qkv_bias").orElse(true);
                    o.absolutePositions = fields.flag("use_absolute_embeddings").orElse(false);
                    o.pretrainedWindows = pretrained.isEmpty() ? Collections.nCopies(depths.size(), 0) : pretrained;
                    o.activation = activation("gelu");
                    o.normEps = number("layer_norm_eps", 1e-5);
                    o.positionDropout = number("hidden_dropout_prob", 0);
                    o.projectionDropout = number("hidden_dropout_prob", 0);
                    o.attentionDropout = number("attention_probs_dropout_prob", 0);
                    o.dropPath = number("drop_path_rate", 0.1);
                });
    }

    private ConvNeXtConfig convNeXt() {
        var image = image();
        var patch = patch();
        require(patch[0] == patch[1], "its patches are %d×%d pixels, and ConvNeXt's are square", patch[0], patch[1]);
        boolean second = type.equals("convnextv2");
        double scale = number("layer_scale_init_value", 1e-6);
        return ConvNeXtConfig.of(list("depths", 3, 3, 9, 3), list("hidden_sizes", 96, 192, 384, 768))
                .with(o -> {
                    o.imageHeight = image[0];
                    o.imageWidth = image[1];
                    o.channels = channels();
                    o.patch = patch[0];
                    o.layerScale = second || scale <= 0 ? OptionalDouble.empty() : OptionalDouble.of(scale);
                    o.responseNorm = second;
                    o.activation = activation("gelu");
                    o.headNormEps = number("layer_norm_eps", 1e-12);
                    o.dropPath = number("drop_path_rate", 0);
                });
    }

    private ResNetConfig resNet() {
        var layers = fields.text("layer_type").orElse("bottleneck");
        require(
                layers.equals("bottleneck") || layers.equals("basic"),
                "its layer_type is '%s', expected bottleneck or basic",
                layers);
        var block = layers.equals("basic") ? ResNetConfig.BlockKind.BASIC : ResNetConfig.BlockKind.BOTTLENECK;
        int expansion = layers.equals("basic") ? 1 : 4;
        var sizes = list("hidden_sizes", 256, 512, 1024, 2048);
        require(
                integer("embedding_size", 64) == 64,
                "its embedding_size is %d, expected 64",
                integer("embedding_size", 64));
        require(
                !fields.flag("downsample_in_first_stage").orElse(false)
                        && !fields.flag("downsample_in_bottleneck").orElse(false),
                "it sets downsample_in_first_stage or downsample_in_bottleneck, expected neither");
        require(
                sizes.stream().allMatch(size -> size % expansion == 0),
                "its hidden_sizes are %s, expected multiples of %d",
                sizes,
                expansion);
        return ResNetConfig.of(block, list("depths", 3, 4, 6, 3).toArray(Integer[]::new))
                .with(o -> {
                    o.channels = channels();
                    o.widths = sizes.stream().map(size -> size / expansion).toList();
                    o.activation = activation("relu");
                    image(o);
                });
    }

    private ResNetV2Config bit() {
        require(
                fields.text("layer_type").orElse("preactivation").equals("preactivation"),
                "its layer_type is '%s', expected preactivation",
                fields.text("layer_type").orElse(""));
        require(
                integer("output_stride", 32) == 32,
                "its output_stride is %d, expected 32",
                integer("output_stride", 32));
        var padding = fields.text("global_padding").orElse("");
        require(
                padding.isEmpty() && !fields.flag("embedding_dynamic_padding").orElse(false),
                "its global_padding is '%s', expected none",
                padding);
        return ResNetV2Config.of(list("depths", 3, 4, 6, 3).toArray(Integer[]::new))
                .with(o -> {
                    o.channels = channels();
                    o.widths = list("hidden_sizes", 256, 512, 1024, 2048);
                    o.widthFactor = integer("width_factor", 1);
                    o.stemWidth = integer("embedding_size", 64);
                    o.stem = ResNetV2Config.Stem.FIXED;
                    o.groups = integer("num_groups", 32);
                    o.convolutionEps = 1e-8;
                    o.activation = activation("relu");
                    o.dropPath = number("drop_path_rate", 0);
                    image(o);
                });
    }

    private void image(ModelOptions<?> o) {
        var image = image();
        o.imageHeight = image[0];
        o.imageWidth = image[1];
    }

    private List<Integer> list(String name, Integer... otherwise) {
        var given = fields.integers(name);
        return given.isEmpty() ? List.of(otherwise) : given;
    }

    /** The numbers that a person would recognise the model by. */
    private String numbers() {
        return "model_type %s".formatted(type)
                + List.of(
                                "hidden_size",
                                "num_hidden_layers",
                                "num_attention_heads",
                                "intermediate_size",
                                "embed_dim",
                                "depths",
                                "num_heads",
                                "hidden_sizes",
                                "window_size",
                                "patch_size",
                                "image_size")
                        .stream()
                        .filter(object::hasNonNull)
                        .map(name -> ", %s %s".formatted(name, object.get(name)))
                        .collect(Collectors.joining());
    }

    /** The model under the catalogue's name for its size, or one that tells its numbers where the catalogue has none such. */
    private Variant named(ModelConfig config) {
        var relatives = Catalog.FAMILIES.stream()
                .flatMap(family -> family.variants().stream())
                .filter(variant -> isLike(variant.config(), config))
                .sorted((a, b) -> Boolean.compare(sameImage(b.config(), config), sameImage(a.config(), config)))
                .toList();
        var family = relatives.isEmpty()
                ? Catalog.get(NEAREST.getOrDefault(type, "vit_base_patch16_224"))
                        .family()
                : relatives.get(0).family();
        var name = relatives.isEmpty() ? ownName() : relatives.get(0).name();
        return new Variant(name, family, config, Optional.of(JsonFile.text(pruned())));
    }

    /** For each kind of model one of the catalogue's variants of its family. */
    private static final Map<String, String> NEAREST = Map.of(
            "deit", "deit_base_patch16_224",
            "swin", "swin_base_patch4_window7_224",
            "swinv2", "swinv2_base_window8_256",
            "convnext", "convnext_base",
            "convnextv2", "convnextv2_base",
            "beit", "beit_base_patch16_224",
            "data2vec-vision", "beit_base_patch16_224",
            "resnet", "resnet50",
            "bit", "resnetv2_50x1_bit");

    private String ownName() {
        var image = image();
        var sizes = !object.hasNonNull("depths")
                ? "width%d_depth%d".formatted(integer("hidden_size", 768), integer("num_hidden_layers", 12))
                : "depths%s"
                        .formatted(fields.integers("depths").stream()
                                .map(String::valueOf)
                                .collect(Collectors.joining("-")));
        return "%s_%s_%d".formatted(type.replace('-', '_'), sizes, image[0]);
    }

    private static boolean sameImage(ModelConfig a, ModelConfig b) {
        return a.imageHeight() == b.imageHeight() && a.imageWidth() == b.imageWidth();
    }

    /** Whether two models have the same parameters but for image size, classes, and all that is chosen for a training. */
    private static boolean isLike(ModelConfig a, ModelConfig b) {
        return a.getClass() == b.getClass() && neutral(a).equals(neutral(b));
    }

    private static ModelConfig neutral(ModelConfig config) {
        if (config instanceof ViTConfig vit) {
            return vit.with(o -> {
                o.imageHeight = o.patchHeight;
                o.imageWidth = o.patchWidth;
                o.stem = vit.stem();
                o.classes = 0;
                o.channels = 3;
                o.normEps = 0;
                o.dropPath = 0;
                o.dropPathUniform = false;
                o.projectionDropout = 0;
                o.attentionDropout = 0;
                o.pool = vit.pool() == Pool.TOKEN_AVG ? Pool.TOKEN : vit.pool();
                o.layerScale = vit.layerScale().isPresent() ? OptionalDouble.of(1) : OptionalDouble.empty();
                o.dynamicPad = true;
                o.weightInit = ViTConfig.InitScheme.TIMM;
            });
        }
        if (config instanceof SwinConfig swin) {
            return swin.with(o -> {
                o.classes = 0;
                o.channels = 3;
                o.normEps = 0;
                o.dropPath = 0;
                o.positionDropout = 0;
                o.projectionDropout = 0;
                o.attentionDropout = 0;
            });
        }
        if (config instanceof ConvNeXtConfig next) {
            return next.with(o -> {
                o.imageHeight = 1024;
                o.imageWidth = 1024;
                o.classes = 0;
                o.channels = 3;
                o.normEps = 0;
                o.headNormEps = 0;
                o.dropPath = 0;
                o.convolvedMlp = false;
                o.headInitScale = 1;
                o.layerScale = next.layerScale().isPresent() ? OptionalDouble.of(1) : OptionalDouble.empty();
            });
        }
        if (config instanceof Beit.Config beit) {
            return beit.with(o -> {
                o.imageHeight = o.patch;
                o.imageWidth = o.patch;
                o.classes = 0;
                o.channels = 3;
                o.normEps = 0;
                o.dropPath = 0;
                o.layerScale = 1;
                o.pool = Beit.Config.Pool.AVG;
            });
        }
        if (config instanceof ResNetConfig resNet) {
            return resNet.with(o -> {
                o.imageHeight = 224;
                o.imageWidth = 224;
                o.classes = 0;
                o.channels = 3;
                o.dropPath = 0;
                o.zeroInitLast = true;
            });
        }
        if (config instanceof ResNetV2Config bit) {
            return bit.with(o -> {
                o.imageHeight = 224;
                o.imageWidth = 224;
                o.classes = 0;
                o.channels = 3;
                o.dropPath = 0;
            });
        }
        return config;
    }

    /** The fields that tell how the model is built. */
    private ObjectNode pruned() {
        var kept = new LinkedHashMap<String, String>();
        object.properties().forEach(entry -> {
            if (NUMBERS.contains(entry.getKey()) && !entry.getValue().isNull()) {
                kept.put(entry.getKey(), JsonFile.text(entry.getValue()));
            }
        });
        return JsonFields.parsed(kept);
    }
}
