package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Variant;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.Window;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Pool;
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
 * The {@code config.json} of the transformers library: a model described by its numbers, from which it is built,
 * whether or not the catalogue has one of that size.
 *
 * <p>The defaults of absent fields are those of the library's configuration classes.
 */
public final class TransformersConfig {
    /** The field of a saved model's {@code config.json} that keeps what it was built from. */
    static final String FIELD = "transformers";

    /** Our own field beside the library's: what the weights say of the classifier. */
    private static final String HEAD = "head";

    /** Head of the weights: the layers after the last block. */
    enum Classifier {
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

    /**
     * The file that describes a model.
     *
     * @param labels a name for each class; empty for the library's own
     * @throws VitrailException if the library has no such model
     */
    static ObjectNode written(ModelConfig model, List<String> labels) {
        var file = new TransformersFields(model);
        var read = new TransformersConfig(file.object(), "config.json")
                .with(file.classifier(), model.imageHeight(), model.imageWidth());
        ConfigMatch.requireSame(model, read.config(file.classifier()), "the %s of transformers".formatted(read.type()));
        return file.withLabels(labels);
    }

    /** Returns whether an object is such a config, and not timm's. */
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
        var head = fields.text(HEAD).map(Classifier::valueOf).orElse(Classifier.CLASS);
        try {
            return named(config(head));
        } catch (VitrailException e) {
            throw new VitrailException(
                    "%s describes a model that cannot be built here (%s): %s"
                            .formatted(origin, numbers(), e.getMessage()),
                    e);
        }
    }

    /** This config with the head of a folder's weights and the image size of its processor, pixels. */
    TransformersConfig with(Classifier head, int height, int width) {
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

    private ModelConfig config(Classifier head) {
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
                        "its model_type is '%s', and those that can be built are %s: convert the weights to one of"
                                + " these",
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
    private ViTConfig column(Classifier head) {
        var encoder = encoder(1e-12);
        boolean deit = type.equals("deit");
        // Without a classifier of its own the distillation token is one more token, as a register is.
        var tokens = new ViTConfig.Tokens(
                true, deit && head == Classifier.TWO, deit && head != Classifier.TWO ? 1 : 0, true, 0);
        return vit(tokens, encoder, ViTConfig.Blocks.PLAIN, Pool.TOKEN);
    }

    /** The encoder that fields of the usual names describe. */
    private Encoder encoder(double normEps) {
        int width = integer("hidden_size", 768);
        int hidden = integer("intermediate_size", 4 * width);
        require(width > 0 && hidden > 0, "hidden_size %d and intermediate_size %d must be positive", width, hidden);
        return encoder(width, ratio(hidden, width), normEps);
    }

    private Encoder encoder(int width, double mlpRatio, double normEps) {
        return new Encoder(
                width,
                integer("num_hidden_layers", 12),
                integer("num_attention_heads", 12),
                mlpRatio,
                fields.flag("qkv_bias").orElse(true),
                activation("gelu"),
                number("layer_norm_eps", normEps));
    }

    private ViTConfig vit(ViTConfig.Tokens tokens, Encoder encoder, ViTConfig.Blocks blocks, Pool pool) {
        var patch = patch();
        return new ViTConfig(
                input(),
                ViTConfig.Patches.of(patch[0]).withSize(new Patch(patch[0], patch[1])),
                tokens,
                encoder,
                blocks,
                ViTConfig.Norms.LAST,
                Head.of(pool),
                new Dropouts(
                        0,
                        number("hidden_dropout_prob", 0),
                        number("attention_probs_dropout_prob", 0),
                        number("drop_path_rate", 0)),
                ViTConfig.InitScheme.TIMM);
    }

    private ViTConfig dino(Classifier head) {
        int width = integer("hidden_size", 768);
        double ratio = number("mlp_ratio", 4);
        boolean gated = fields.flag("use_swiglu_ffn").orElse(false);
        int hidden = (int) (width * ratio);
        // A gated MLP has two thirds of the channels, a multiple of eight, for the gate and as many to pass it.
        int wide = gated ? 2 * (((int) (hidden * 2.0 / 3) + 7) / 8 * 8) : hidden;
        require(width > 0 && wide > 0, "hidden_size %d and mlp_ratio %s must be positive", width, ratio);
        int registers = type.equals("dinov2_with_registers") ? integer("num_register_tokens", 4) : 0;
        return vit(
                new ViTConfig.Tokens(true, false, registers, registers == 0, 0),
                encoder(width, ratio(wide, width), 1e-6),
                new ViTConfig.Blocks(gated, false, OptionalDouble.of(number("layerscale_value", 1)), false),
                head == Classifier.CLASS_AND_MEAN ? Pool.TOKEN_AVG : Pool.TOKEN);
    }

    private Beit.Config beit(Classifier head) {
        require(
                activation("gelu") == Activation.GELU,
                "its hidden_act is '%s', and BEiT's is gelu",
                fields.text("hidden_act").orElse(""));
        return new Beit.Config(
                input(),
                squarePatch("BEiT"),
                encoder(1e-12).withQkvBias(true),
                number("layer_scale_init_value", 0.1),
                fields.flag("use_absolute_position_embeddings").orElse(false),
                Head.of(head == Classifier.MEAN ? Pool.AVG : Pool.TOKEN),
                number("drop_path_rate", 0.1));
    }

    private int squarePatch(String family) {
        var patch = patch();
        require(patch[0] == patch[1], "its patches are %d×%d pixels, and %s's are square", patch[0], patch[1], family);
        return patch[0];
    }

    private SwinConfig swin(SwinConfig.Version version) {
        var depths = list("depths", 2, 2, 6, 2);
        int stages = depths.size(), window = integer("window_size", 7);
        var pretrained = fields.integers("pretrained_window_sizes");
        double dropout = number("hidden_dropout_prob", 0);
        return new SwinConfig(
                version,
                input(),
                new SwinConfig.Patches(
                        squarePatch("Swin"),
                        true,
                        fields.flag("use_absolute_embeddings").orElse(false)),
                new SwinConfig.Stages(
                        integer("embed_dim", 96),
                        depths,
                        list("num_heads", 3, 6, 12, 24),
                        Collections.nCopies(stages, 0),
                        Collections.nCopies(stages, number("mlp_ratio", 4)),
                        fields.flag("qkv_bias").orElse(true),
                        OptionalDouble.empty(),
                        activation("gelu"),
                        number("layer_norm_eps", 1e-5)),
                new SwinConfig.Windows(
                        Collections.nCopies(stages, new Window(window, window)),
                        pretrained.isEmpty() ? Collections.nCopies(stages, 0) : pretrained,
                        false),
                Head.of(Pool.AVG),
                new Dropouts(
                        dropout, dropout, number("attention_probs_dropout_prob", 0), number("drop_path_rate", 0.1)));
    }

    private ConvNeXtConfig convNeXt() {
        boolean second = type.equals("convnextv2");
        double scale = number("layer_scale_init_value", 1e-6);
        var layerScale = second || scale <= 0 ? OptionalDouble.empty() : OptionalDouble.of(scale);
        int patch = squarePatch("ConvNeXt");
        return ConvNeXtConfig.of(list("depths", 3, 3, 9, 3), list("hidden_sizes", 96, 192, 384, 768))
                .withStem(s -> s.withPatch(patch))
                .withBlocks(b ->
                        new ConvNeXtConfig.Blocks(layerScale, false, true, second, activation("gelu"), b.normEps()))
                .withHeadLayers(h -> h.withNormEps(number("layer_norm_eps", 1e-12)))
                .withDropPath(number("drop_path_rate", 0))
                .withImage(input());
    }

    private ResNetConfig resNet() {
        var layers = fields.text("layer_type").orElse("bottleneck");
        require(
                layers.equals("bottleneck") || layers.equals("basic"),
                "its layer_type is '%s', expected bottleneck or basic",
                layers);
        var block = layers.equals("basic") ? ResNetConfig.BlockType.BASIC : ResNetConfig.BlockType.BOTTLENECK;
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
        return new ResNetConfig(
                input(),
                new ResNetConfig.Stem(ResNetConfig.StemType.PLAIN, 64, false),
                new ResNetConfig.Blocks(
                        block,
                        list("depths", 3, 4, 6, 3),
                        sizes.stream().map(size -> size / expansion).toList(),
                        1,
                        64,
                        1,
                        activation("relu"),
                        1e-5,
                        true),
                new ResNetConfig.Shortcut(1, false),
                Head.of(Pool.AVG),
                0);
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
        return new ResNetV2Config(
                input(),
                new ResNetV2Config.Stem(ResNetV2Config.StemType.FIXED, integer("embedding_size", 64)),
                ResNetV2Config.Blocks.of(list("depths", 3, 4, 6, 3))
                        .withWidths(list("hidden_sizes", 256, 512, 1024, 2048))
                        .withWidthFactor(integer("width_factor", 1)),
                new ResNetV2Config.Layers(
                        ResNetV2Config.Norm.GROUP,
                        integer("num_groups", 32),
                        1e-5,
                        ResNetV2Config.Convolution.STANDARDIZED,
                        1e-8,
                        activation("relu")),
                Head.of(Pool.AVG),
                number("drop_path_rate", 0));
    }

    private ImageInput input() {
        var sides = image();
        return new ImageInput(sides[0], sides[1], channels());
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

    /**
     * The model under the catalogue's name for its size, or one that tells its numbers where the catalogue
     * has none such.
     */
    private Variant named(ModelConfig config) {
        var relative = ConfigMatch.inCatalog(config);
        var family = relative.map(Variant::family)
                .orElseGet(() -> Catalog.get(NEAREST.getOrDefault(type, "vit_base_patch16_224"))
                        .family());
        return new Variant(
                relative.map(Variant::name).orElseGet(this::ownName),
                family,
                config,
                Optional.of(JsonFile.text(pruned())));
    }

    /** Variant of the catalogue for each kind of model, of its family. */
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
