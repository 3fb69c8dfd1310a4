package dev.vitrail.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The {@code config.json} of timm's folder layout: which architecture the weights beside it belong to.
 *
 * @param architecture the variant without its tag, such as {@code vit_tiny_patch16_224}
 * @param numClasses outputs of the classifier; 0 for none
 * @param numFeatures width of the pooled features
 * @param globalPool {@code token}, {@code avg}, …
 * @param pretrained how the weights want their images prepared, and where they come from
 * @param modelArgs constructor arguments that differ from the architecture's own, each as JSON text
 * @param labelNames names of the classes in the order of the outputs; empty where unknown
 * @param labelDescriptions readable descriptions by label name
 * @param others all other fields of the file, each as JSON text: kept when the file is written back
 */
public record FolderConfig(
        String architecture,
        OptionalInt numClasses,
        OptionalInt numFeatures,
        Optional<String> globalPool,
        PretrainedConfig pretrained,
        Map<String, String> modelArgs,
        List<String> labelNames,
        Map<String, String> labelDescriptions,
        Map<String, String> others) {

    /** Arguments that change nothing of what a model computes, whatever the architecture. */
    private static final Set<String> HARMLESS = Set.of(
            "pretrained",
            "pretrained_strict",
            "scriptable",
            "exportable",
            "checkpoint_path",
            "cache_dir",
            "drop_rate",
            "pos_drop_rate",
            "proj_drop_rate",
            "attn_drop_rate",
            "patch_drop_rate",
            "drop_path_rate",
            "dynamic_img_size",
            "dynamic_img_pad",
            "strict_img_size",
            "weight_init",
            "fix_init",
            "zero_init_last",
            "device",
            "dtype");

    /** Arguments that every architecture takes in another way. */
    private static final Set<String> SEEN_TO = Set.of("img_size", "global_pool");

    public FolderConfig {
        VitrailException.require(
                !architecture.isBlank(), "a model's config needs the name of its architecture, which is blank");
        modelArgs = JsonFields.copy(modelArgs);
        labelNames = List.copyOf(labelNames);
        labelDescriptions = JsonFields.copy(labelDescriptions);
        others = JsonFields.copy(others);
    }

    /** A config that says no more than the architecture, its number of classes and the preparation of images. */
    public static FolderConfig of(String architecture, int numClasses, PretrainedConfig pretrained) {
        return new FolderConfig(
                architecture,
                OptionalInt.of(numClasses),
                OptionalInt.empty(),
                Optional.empty(),
                pretrained,
                Map.of(),
                List.of(),
                Map.of(),
                Map.of());
    }

    /**
     * The architecture's own configuration, with all that the file changes of it: classes, channels, size of the image
     * and pool. The constructor's arguments come before the fields that describe the same, as in timm.
     *
     * @throws VitrailException if an argument is not known here, or the architecture cannot be changed so
     */
    public ModelConfig configured(ModelConfig own) {
        var arguments = new JsonFields(JsonFields.parsed(modelArgs), "model_args of config.json");
        var classes = arguments.integer("num_classes");
        var channels = arguments.integer("in_chans");
        var image = arguments.integerOrIntegers("img_size");
        var pool = arguments.text("global_pool");
        VitrailException.require(
                image.size() <= 2 && image.stream().allMatch(size -> size > 0),
                "img_size in model_args of config.json is one side or height and width, in pixels; found %s",
                image);
        var described = pretrained.inputSize();
        var config = own.withArguments(constructorArguments(arguments.rest().keySet(), own, image, pool));
        if (classes.isPresent() || numClasses.isPresent()) {
            config = config.withClasses(classes.orElseGet(numClasses::getAsInt));
        }
        if (channels.isPresent() || !described.isEmpty()) {
            config = config.withChannels(channels.orElseGet(() -> described.get(0)));
        }
        if (!image.isEmpty() || !described.isEmpty()) {
            int height = image.isEmpty() ? described.get(1) : image.get(0);
            int width = image.isEmpty() ? described.get(2) : image.get(image.size() - 1);
            boolean same = height == config.imageHeight() && width == config.imageWidth();
            config = same ? config : config.withImage(height, width);
        }
        // Without a pool timm gives all tokens; the vector of such a model is the one that its architecture takes.
        var wanted = pool.or(() -> globalPool).filter(name -> !name.isEmpty());
        return wanted.isPresent() ? config.withPool(wanted.get()) : config;
    }

    /**
     * The arguments that name architecture, and how they are told to it.
     *
     * @param others names of those that are not classes, channels, image or pool
     */
    private ConstructorArguments constructorArguments(
            Set<String> others, ModelConfig own, List<Integer> image, Optional<String> pool) {
        var values = new LinkedHashMap<String, Optional<Object>>();
        JsonFields.parsed(modelArgs).properties().forEach(entry -> {
            if (others.contains(entry.getKey())) {
                values.put(entry.getKey(), plain(entry.getValue()));
            }
        });
        var known = new ConstructorArguments(withSizes(values, image, pool));
        own.withArguments(known);
        var unknown = known.unread().stream()
                .filter(name -> !HARMLESS.contains(name) && !SEEN_TO.contains(name))
                .toList();
        VitrailException.require(
                unknown.isEmpty(),
                "model_args of config.json asks for %s, which cannot be built here for %s: remove what the weights do"
                        + " not need",
                FormatErrors.printable(String.join(", ", unknown)),
                architecture);
        return known;
    }

    private Map<String, Optional<Object>> withSizes(
            Map<String, Optional<Object>> values, List<Integer> image, Optional<String> pool) {
        var all = new LinkedHashMap<>(values);
        var described = pretrained.inputSize();
        if (!image.isEmpty() || described.size() == 3) {
            all.put("img_size", Optional.of(image.isEmpty() ? described.subList(1, 3) : image));
        }
        pool.or(() -> globalPool).ifPresent(name -> all.put("global_pool", Optional.of(name)));
        return all;
    }

    /** A JSON value as a number, text, flag or list; empty for null. */
    private static Optional<Object> plain(JsonNode node) {
        if (node.isNull()) {
            return Optional.empty();
        }
        if (node.isArray()) {
            var items = new ArrayList<Object>();
            node.forEach(item -> plain(item).ifPresent(items::add));
            return Optional.of(items);
        }
        return Optional.of(
                node.isBoolean()
                        ? (Object) node.booleanValue()
                        : node.isInt()
                                ? (Object) node.intValue()
                                : node.isNumber() ? (Object) node.doubleValue() : node.asText());
    }

    /** Number of classes that the file states for its weights; empty where it states none. */
    public OptionalInt statedClasses() {
        var argument = new JsonFields(JsonFields.parsed(modelArgs), "model_args of config.json").integer("num_classes");
        return argument.isPresent() ? argument : numClasses;
    }

    /**
     * This configuration for a model with another pool.
     *
     * @param changed whether that is not the architecture's own pool: then timm needs it as an argument as well
     */
    public FolderConfig withPool(String pool, boolean changed) {
        return new FolderConfig(
                architecture,
                numClasses,
                numFeatures,
                Optional.of(pool),
                pretrained,
                changed ? Map.of("global_pool", JsonFile.text(TextNode.valueOf(pool))) : Map.of(),
                labelNames,
                labelDescriptions,
                others);
    }

    /**
     * Text of the transformers config that the model was built from, where its architecture is no variant of the
     * catalogue; see {@link Variant#origin()}.
     */
    public Optional<String> origin() {
        return Optional.ofNullable(others.get(TransformersConfig.FIELD));
    }

    /** This configuration for a model that was built from {@code text}. */
    public FolderConfig withOrigin(Optional<String> text) {
        var kept = new LinkedHashMap<>(others);
        kept.putAll(TransformersFolder.fields(text));
        return new FolderConfig(
                architecture,
                numClasses,
                numFeatures,
                globalPool,
                pretrained,
                modelArgs,
                labelNames,
                labelDescriptions,
                kept);
    }

    /**
     * The model as it is built without this file's changes of it: from {@link #origin()}, or the catalogue's variant.
     */
    public Variant variant() {
        return origin().map(
                        text -> new TransformersConfig(JsonFile.parse(text, "config.json"), "config.json").variant())
                .orElseGet(() -> Catalog.get(architecture));
    }

    /** This configuration with names for the classes. */
    public FolderConfig withLabels(List<String> names) {
        return new FolderConfig(
                architecture,
                numClasses,
                numFeatures,
                globalPool,
                pretrained,
                modelArgs,
                names,
                labelDescriptions,
                others);
    }

    /**
     * Reads {@code config.json}, also in the older layout that has the fields of {@code pretrained_cfg} at the top.
     *
     * @throws VitrailException if the file is no such config or a field has an impossible value
     */
    public static FolderConfig read(Path file) {
        return of(JsonFile.read(file), file.toString());
    }

    /**
     * Parses the text of a {@code config.json}.
     *
     * @param origin what to call it in errors
     */
    public static FolderConfig parse(String text, String origin) {
        return of(JsonFile.parse(text, origin), origin);
    }

    private static FolderConfig of(ObjectNode object, String origin) {
        var fields = new JsonFields(object, origin);
        String architecture = fields.text("architecture")
                .orElseThrow(() -> VitrailException.of(
                        "%s names no architecture; expected the config.json of a timm model, or one of the transformers"
                                + " library with a model_type",
                        origin));
        var numFeatures = fields.integer("num_features");
        var globalPool = fields.text("global_pool");
        var modelArgs = fields.objectOfJson("model_args");
        var labelNames = fields.texts("label_names").or(() -> fields.texts("labels"));
        var labelDescriptions = fields.objectOfTexts("label_descriptions");
        var nested = fields.object("pretrained_cfg");
        // In the flat layout one num_classes serves both, and it counts the outputs of these very weights.
        var numClasses = fields.integer("num_classes");
        var pretrained = PretrainedConfig.read(nested.orElse(fields));
        if (numClasses.isEmpty()) {
            numClasses = pretrained.numClasses();
        }
        return new FolderConfig(
                architecture,
                numClasses,
                numFeatures,
                globalPool,
                nested.isPresent() ? pretrained : pretrained.withoutOthers(),
                modelArgs,
                labelNames.orElse(List.of()),
                labelDescriptions,
                nested.isPresent() ? fields.rest() : pretrained.others());
    }

    /** Writes the file as timm lays it out, as a whole or not at all. */
    public void write(Path file) {
        AtomicFile.write(file, text());
    }

    /** The file's text. */
    public String text() {
        return JsonFile.text(json()) + "\n";
    }

    private ObjectNode json() {
        var json = JsonFile.MAPPER.createObjectNode();
        json.put("architecture", architecture);
        numClasses.ifPresent(value -> json.put("num_classes", value));
        numFeatures.ifPresent(value -> json.put("num_features", value));
        globalPool.ifPresent(value -> json.put("global_pool", value));
        if (!modelArgs.isEmpty()) {
            json.set("model_args", JsonFields.parsed(modelArgs));
        }
        json.set("pretrained_cfg", pretrained.json());
        if (!labelNames.isEmpty()) {
            json.set("label_names", JsonFile.MAPPER.<JsonNode>valueToTree(labelNames));
        }
        if (!labelDescriptions.isEmpty()) {
            json.set("label_descriptions", JsonFile.MAPPER.<JsonNode>valueToTree(labelDescriptions));
        }
        JsonFields.parsed(others).properties().forEach(entry -> json.putIfAbsent(entry.getKey(), entry.getValue()));
        return json;
    }
}
