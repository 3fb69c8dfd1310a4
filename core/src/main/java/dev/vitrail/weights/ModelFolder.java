package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A model in timm's folder layout: {@code config.json} beside {@code model.safetensors} (or another of the forms that
 * {@link WeightsFile} reads in a folder).
 *
 * <p>A folder of the transformers library is read as if it were one, with the preparation of its
 * {@code preprocessor_config.json}.
 *
 * @param path the folder
 * @param config what it says of its model
 * @param notes what of that had to be guessed, or is done otherwise, in sentences for a person
 */
public record ModelFolder(Path path, FolderConfig config, List<String> notes) {
    private static final String CONFIG = "config.json";
    private static final String WEIGHTS = "model.safetensors";

    public ModelFolder {
        notes = List.copyOf(notes);
    }

    /** Returns whether {@code path} is a folder with a {@code config.json}. */
    public static boolean looksLike(Path path) {
        return Files.isRegularFile(path.resolve(CONFIG));
    }

    /**
     * Reads the config; the weights wait for {@link #weights()}.
     *
     * @throws VitrailException if the folder or its config is missing or wrong
     */
    public static ModelFolder read(Path path) {
        VitrailException.require(
                looksLike(path), "%s is no model folder: expected a folder with config.json in it", path);
        var file = path.resolve(CONFIG);
        var object = JsonFile.read(file);
        return TransformersConfig.is(object)
                ? TransformersFolder.read(path, object, file.toString())
                : new ModelFolder(path, FolderConfig.read(file), List.of());
    }

    /**
     * Writes a model folder that timm reads as well. Weights come first and each file is replaced as a whole, so that a
     * new folder has a config only once it is complete.
     */
    public static ModelFolder write(Path path, FolderConfig config, Iterable<StoredTensor> weights) {
        Safetensors.write(path.resolve(WEIGHTS), weights);
        config.write(path.resolve(CONFIG));
        return new ModelFolder(path, config, List.of());
    }

    /** The folder's weights; same as {@code weights(false)}. */
    public StateDict weights() {
        return weights(false);
    }

    /**
     * The folder's weights.
     *
     * @param preferEma whether to take the averaged weights where a PyTorch file has both
     */
    public StateDict weights(boolean preferEma) {
        return TransformersFolder.fitted(WeightsFile.read(path, preferEma), config);
    }
}
