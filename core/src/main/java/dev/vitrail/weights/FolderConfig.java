package dev.vitrail.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.VitrailException;
import dev.vitrail.files.AtomicFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

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

    /** The same with names for the classes. */
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
        return of(Json.read(file), file.toString());
    }

    /**
     * The same from the file's text.
     *
     * @param origin what to call it in errors
     */
    public static FolderConfig parse(String text, String origin) {
        return of(Json.parse(text, origin), origin);
    }

    private static FolderConfig of(ObjectNode object, String origin) {
        var fields = new JsonFields(object, origin);
        String architecture = fields.text("architecture")
                .orElseThrow(() -> VitrailException.of(
                        "%s names no architecture; expected the config.json of a timm model (a config of the"
                                + " transformers library has another layout)",
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
        return Json.text(json()) + "\n";
    }

    private ObjectNode json() {
        var json = Json.MAPPER.createObjectNode();
        json.put("architecture", architecture);
        numClasses.ifPresent(value -> json.put("num_classes", value));
        numFeatures.ifPresent(value -> json.put("num_features", value));
        globalPool.ifPresent(value -> json.put("global_pool", value));
        if (!modelArgs.isEmpty()) {
            json.set("model_args", JsonFields.parsed(modelArgs));
        }
        json.set("pretrained_cfg", pretrained.json());
        if (!labelNames.isEmpty()) {
            json.set("label_names", Json.MAPPER.<JsonNode>valueToTree(labelNames));
        }
        if (!labelDescriptions.isEmpty()) {
            json.set("label_descriptions", Json.MAPPER.<JsonNode>valueToTree(labelDescriptions));
        }
        JsonFields.parsed(others).properties().forEach(entry -> json.putIfAbsent(entry.getKey(), entry.getValue()));
        return json;
    }
}
