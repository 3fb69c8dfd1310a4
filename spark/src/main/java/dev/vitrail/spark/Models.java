package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The models of the driver: each is loaded once, checked, measured, and brought to executors.
 *
 * <p>Whatever the source – a folder, a run, a checkpoint of another code base, the hub – executors get a folder in
 * timm's layout. No executor asks the hub.
 */
final class Models {
    private static final Logger LOG = LoggerFactory.getLogger(Models.class);

    /**
     * A stage's requirements of a model.
     *
     * @param name a folder, a weights file or a name of published weights
     * @param architecture the catalogue's name for a bare weights file; empty where the source says it itself
     * @param shipped whether Spark brings it to executors; else they read it at the same path as the driver
     * @param classified whether it must have a classifier
     * @param batch images of a batch
     */
    record Wanted(String name, String architecture, boolean shipped, boolean classified, int batch) {}

    /** Key of a prepared model: each context has its own files, and files of a model may change. */
    private record Case(String application, Wanted wanted, List<String> stamps) {}

    private static final Map<Case, ModelSource> PREPARED = new HashMap<>();

    private Models() {}

    static LoadOptions options(String architecture) {
        return LoadOptions.DEFAULT.withArchitecture(
                architecture.isEmpty() ? Optional.empty() : Optional.of(architecture));
    }

    /**
     * Makes a model ready for executors. The second time for the same files of a model it costs nothing.
     *
     * @throws VitrailException if there is no such model, it has random weights, or executors have not the memory for
     *     it
     */
    static synchronized ModelSource prepare(SparkContext context, Wanted wanted) {
        VitrailException.require(
                !wanted.name.isEmpty(), "no model is set: name a folder or published weights with setModel");
        var local = path(wanted.name);
        VitrailException.require(
                wanted.shipped || local.filter(Files::exists).isPresent(),
                "setModelDelivery(\"path\") wants a model that the driver and all executors see at the same path, and"
                        + " the driver has no file or folder '%s': mount it there, or take setModelDelivery(\"ship\")",
                wanted.name);
        var asked = new Case(
                context.applicationId(), wanted, local.map(Models::stamps).orElse(List.of()));
        var known = PREPARED.get(asked);
        if (known == null) {
            PREPARED.keySet().removeIf(other -> !other.application.equals(asked.application));
            known = prepareAnew(context, wanted);
            PREPARED.put(asked, known);
        }
        return known;
    }

    private static ModelSource prepareAnew(SparkContext context, Wanted wanted) {
        try (var loaded = LoadedModel.load(wanted.name, options(wanted.architecture))) {
            VitrailException.require(
                    loaded.pretrained(),
                    "'%s' is an architecture without trained weights: name a folder, a weights file, or"
                            + " published weights by their tag",
                    wanted.name);
            if (wanted.classified) {
                loaded.requireClassifier();
            }
            loaded.notes().forEach(note -> LOG.info("{}: {}", wanted.name, note));
            var files = files(loaded);
            var key = files.hash();
            if (!context.isLocal()) {
                // After the weights were written: to predict, they are laid out otherwise.
                var sizing = ExecutorSizing.of(context);
                MemoryNeed.measure(loaded, wanted.batch, sizing.taskCpus())
                        .ifPresent(need -> sizing.check(wanted.name, need));
            }
            return wanted.shipped
                    ? new ModelSource.Shipped(wanted.name, key, shipped(context, key, files))
                    : new ModelSource.AtPath(
                            wanted.name,
                            key,
                            Path.of(wanted.name).toAbsolutePath().toString(),
                            wanted.architecture);
        } catch (IOException e) {
            throw new VitrailException(
                    ("the model '%s' could not be packed for executors (%s): it is written to the folder"
                                    + " that java.io.tmpdir names, %s")
                            .formatted(wanted.name, e, System.getProperty("java.io.tmpdir")),
                    e);
        }
    }

    /** A name may be none of a path: a colon cannot be in one on Windows. */
    private static Optional<Path> path(String name) {
        try {
            return Optional.of(Path.of(name));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    private static ModelFiles files(LoadedModel loaded) throws IOException {
        var folder = Files.createTempDirectory("vitrail-model");
        try {
            ModelFolder.write(folder, loaded.description(loaded.labels()), Checkpoint.of(loaded.model()));
            return ModelFiles.read(folder);
        } finally {
            ModelFiles.delete(folder);
        }
    }

    /** A model that was brought for another stage is not brought again. */
    private static Broadcast<ModelFiles> shipped(SparkContext context, String key, ModelFiles files) {
        for (var known : PREPARED.values()) {
            if (known instanceof ModelSource.Shipped shipped && shipped.key().equals(key)) {
                return shipped.files();
            }
        }
        return new JavaSparkContext(context).broadcast(files);
    }

    /** Names, sizes and times of a model's files, so that another one at the same place is noticed. */
    private static List<String> stamps(Path path) {
        try {
            var all = Files.isDirectory(path)
                    ? ModelFiles.list(path)
                    : Files.isRegularFile(path) ? List.of(path) : List.<Path>of();
            var stamps = new ArrayList<String>();
            for (var file : all) {
                stamps.add("%s %d %s".formatted(file, Files.size(file), Files.getLastModifiedTime(file)));
            }
            return stamps;
        } catch (IOException e) {
            throw new UncheckedIOException("the folder %s could not be listed".formatted(path), e);
        }
    }
}
