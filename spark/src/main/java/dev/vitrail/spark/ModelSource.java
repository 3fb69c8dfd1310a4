package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.broadcast.Broadcast;

/** Source of a model for an executor; goes to executors with each task. */
sealed interface ModelSource extends Serializable {
    /** Name by which the user called it. */
    String name();

    /** Key of the weights, equal for equal weights: a process that has loaded a model does not load it again. */
    String key();

    /**
     * Loads it.
     *
     * @param host what errors call this process
     * @throws VitrailException if it is not there, or is no model
     */
    LoadedModel load(String host);

    /**
     * A model that Spark brings: executors take it in blocks from each other, each block once.
     *
     * @param files of a folder in timm's layout
     */
    record Shipped(String name, String key, Broadcast<ModelFiles> files) implements ModelSource {
        @Override
        public LoadedModel load(String host) {
            try {
                var folder = Files.createTempDirectory("vitrail-model");
                try {
                    files.value().write(folder);
                    return LoadedModel.load(folder.toString(), LoadOptions.DEFAULT);
                } finally {
                    ModelFiles.delete(folder);
                }
            } catch (IOException e) {
                throw new VitrailException(
                        ("executor %s could not write the model '%s' to the folder that java.io.tmpdir"
                                                + " names, %s (%s): give it space there, or")
                                        .formatted(host, name, System.getProperty("java.io.tmpdir"), e)
                                + " another folder with -Djava.io.tmpdir in spark.executor.extraJavaOptions",
                        e);
            }
        }
    }

    /**
     * A model on a file system that the driver and all executors see.
     *
     * @param path of a folder or weights file
     * @param architecture the catalogue's name for a bare weights file; empty where the source says it itself
     */
    record AtPath(String name, String key, String path, String architecture) implements ModelSource {
        @Override
        public LoadedModel load(String host) {
            VitrailException.require(
                    Files.exists(Path.of(path)),
                    "executor %s cannot read the model '%s': there is no file or folder %s; mount it on all executors,"
                            + " or let Spark bring it with setModelDelivery(\"ship\")",
                    host,
                    name,
                    path);
            return LoadedModel.load(path, Models.options(architecture));
        }
    }
}
