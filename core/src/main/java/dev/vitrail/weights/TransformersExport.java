package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.IoReason;
import dev.vitrail.files.PathNames;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.models.ExportNames.CodeBase;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelFamily;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes a model as {@code save_pretrained} of the transformers library does, so that
 * {@code AutoModelForImageClassification.from_pretrained} and {@code AutoImageProcessor.from_pretrained} load it:
 * {@code config.json}, {@code preprocessor_config.json} and {@code model.safetensors}.
 *
 * <p>Both configurations are read back before anything is written, and must describe the same model and the same input.
 * So a model that the library cannot build is refused, and never written as one that computes something else.
 */
public final class TransformersExport {
    private TransformersExport() {}

    /**
     * Writes the folder; what it holds besides is kept.
     *
     * @param labels a name for each class, in the order of the classifier; empty for the library's own {@code LABEL_0}
     *     and so on
     * @return the number of tensors
     * @throws VitrailException if the library has no such model or no such preprocessing, or the folder
     *     cannot be written
     */
    public static int write(
            Path folder, ModelFamily family, Model model, Preprocessing preprocessing, List<String> labels) {
        require(
                model.config().classes() > 0,
                "the model has no classifier, and a folder of transformers holds one: train it on labelled images"
                        + " first");
        var input = TransformersPreparation.written(preprocessing);
        var config = TransformersConfig.written(model.config(), labels);
        var tensors = WeightsExport.of(family, model, Optional.of(CodeBase.TRANSFORMERS));
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new VitrailException(
                    "could not make the folder %s: %s".formatted(PathNames.text(folder), IoReason.of(e)), e);
        }
        Safetensors.write(
                folder.resolve("model.safetensors"), tensors, Map.of("format", "pt")); // as the library asks for
        write(folder.resolve(TransformersPreparation.FILE), input);
        write(folder.resolve("config.json"), config);
        return tensors.size();
    }

    private static void write(Path file, ObjectNode object) {
        AtomicFile.write(file, object.toPrettyString() + "\n");
    }
}
