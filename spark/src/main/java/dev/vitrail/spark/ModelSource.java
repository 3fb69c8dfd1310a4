package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.ModelFolder;
import java.io.Serializable;
import java.nio.file.Path;
import org.apache.spark.SparkFiles;

/**
 * Where an executor finds a model.
 *
 * @param name what the user called it
 * @param key the same for the same weights: a process that has loaded a model does not load it again
 * @param shipped whether {@code location} is the name of a folder that Spark has brought to the executor; else it is a path that
 *     executors see, or another name of a model
 * @param location where it is
 * @param architecture the catalogue's name for a bare weights file; empty where the source says it itself
 */
record ModelSource(String name, String key, boolean shipped, String location, String architecture)
        implements Serializable {
    /**
     * Loads it.
     *
     * @param host what errors call this machine
     * @throws VitrailException if it is not there, or is no model
     */
    LoadedModel load(String host) {
        if (shipped) {
            var folder = Path.of(SparkFiles.get(location));
            VitrailException.require(
                    ModelFolder.looksLike(folder),
                    "executor %s has not received the model '%s': expected the folder %s; see the executor's log for why the file"
                            + " could not be fetched from the driver",
                    host,
                    name,
                    folder);
            return LoadedModel.load(folder.toString(), LoadOptions.DEFAULT);
        }
        var path = Path.of(location);
        VitrailException.require(
                path.toFile().exists(),
                "executor %s cannot read the model '%s': there is no file or folder %s; mount it on all executors, or let Spark bring"
                        + " it with setModelDelivery(\"ship\")",
                host,
                name,
                path);
        return LoadedModel.load(location, Models.options(architecture));
    }
}
