package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.weights.TransformersConfig.Classifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model in the folder layout of the transformers library, as {@code save_pretrained} writes it:
 * {@code config.json} with the model's numbers and the names of its classes, {@code preprocessor_config.json}, and
 * weights by that library's names.
 */
final class TransformersFolder {
    private TransformersFolder() {}

    /** The folder as one in timm's layout would say it. */
    static ModelFolder read(Path path, ObjectNode object, String origin) {
        var stored = new TransformersConfig(object, origin);
        int[] image = stored.image();
        var file = path.resolve(TransformersPreparation.FILE);
        var input = Files.isRegularFile(file)
                ? TransformersPreparation.read(JsonFile.read(file), file.toString(), stored.type(), image[0], image[1])
                : TransformersPreparation.guess(stored.type(), image[0], image[1]);
        var state = WeightsFile.read(path);
        int classes = classifier(state).map(matrix -> (int) matrix[0]).orElse(0);
        var model = stored.with(head(stored, state), input.height(), input.width());
        var variant = model.variant();
        var config = FolderConfig.of(variant.name(), classes, input.described(stored.channels(), classes))
                .withLabels(labels(stored, classes, origin))
                .withOrigin(variant.origin());
        var notes = new ArrayList<>(input.notes());
        if (input.height() != image[0] || input.width() != image[1]) {
            notes.add("the model is run at %d×%d pixels, as %s has it, and not at the %d×%d of config.json"
                    .formatted(input.height(), input.width(), TransformersPreparation.FILE, image[0], image[1]));
        }
        return new ModelFolder(path, config, List.copyOf(notes));
    }

    /** Rows and columns of the classifier; empty where the weights have none. */
    private static Optional<long[]> classifier(StateDict state) {
        return List.of("classifier.weight", "cls_classifier.weight", "classifier.1.weight").stream()
                .flatMap(name -> state.find(name).stream())
                .map(StoredTensor::shape)
                .filter(shape -> shape.length == 2)
                .findFirst();
    }

    private static Classifier head(TransformersConfig config, StateDict state) {
        return switch (config.type()) {
            case "deit" -> state.find("distillation_classifier.weight").isPresent() ? Classifier.TWO : Classifier.CLASS;
            case "beit", "data2vec-vision" ->
                TransformersNames.find(state, "pooler.layernorm.weight").isPresent()
                        ? Classifier.MEAN
                        : Classifier.CLASS;
            case "dinov2", "dinov2_with_registers" ->
                classifier(state)
                                .filter(shape -> TransformersNames.find(state, "embeddings.cls_token")
                                        .filter(token -> shape[1] == 2 * token.shape()[token.shape().length - 1])
                                        .isPresent())
                                .isPresent()
                        ? Classifier.CLASS_AND_MEAN
                        : Classifier.CLASS;
            default -> Classifier.CLASS;
        };
    }

    private static List<String> labels(TransformersConfig config, int classes, String origin) {
        var labels = config.labels();
        if (classes == 0 || labels.isEmpty()) {
            return List.of();
        }
        require(
                labels.size() == classes,
                "id2label of %s names %d classes, and the weights beside it have a classifier of %d: correct the file,"
                        + " or take the weights that belong to it",
                origin,
                labels.size(),
                classes);
        return labels;
    }

    /** The weights with positions for the images that the model is run at, resampled as the library does it. */
    static StateDict fitted(StateDict state, FolderConfig config) {
        var text = config.origin();
        var size = config.pretrained().inputSize();
        if (text.isEmpty() || size.size() != 3) {
            return state;
        }
        var model = new TransformersConfig(JsonFile.parse(text.get(), "config.json"), "config.json");
        int[] patch = model.patch();
        return TransformersNames.withGrid(
                state,
                model.type().equals("deit") ? 2 : 1,
                size.get(1) / patch[0],
                size.get(2) / patch[1],
                model.type().equals("dinov2_with_registers"));
    }

    /** Fields that keep what a model was built from. */
    static Map<String, String> fields(Optional<String> origin) {
        return origin.map(text -> Map.of(TransformersConfig.FIELD, text)).orElse(Map.of());
    }
}
