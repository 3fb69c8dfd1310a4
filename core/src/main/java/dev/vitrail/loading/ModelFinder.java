package dev.vitrail.loading;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.models.zoo.Pretrained;
import dev.vitrail.weights.ModelFolder;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.WeightsFile;
import dev.vitrail.weights.hub.Hub;
import dev.vitrail.weights.hub.HubName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * Finds what a model's name means: a folder, a weights file, published weights, a repository of the hub, or a variant
 * of the catalogue.
 */
final class ModelFinder {
    private ModelFinder() {}

    /** See {@link LoadedModel#load}. */
    static LoadedModel load(String name, LoadOptions options, Supplier<Hub> hub) {
        var path = Path.of(name);
        if (Files.exists(path)) {
            return fromPath(name, path, options);
        }
        requireKnown(name);
        if (name.indexOf('.') > 0 && Pretrained.find(name).isPresent()) {
            return published(name, Pretrained.find(name).get(), options, hub.get());
        }
        if (HubName.looksLike(name)) {
            return fromFolder(name, ModelFolder.read(fetched(name, hub.get())), options);
        }
        return ModelLoader.fresh(name, Catalog.get(name), options);
    }

    /** See {@link LoadedModel#requireKnown}. */
    static void requireKnown(String name) {
        if (Files.exists(Path.of(name))
                || HubName.isExplicit(name)
                || Pretrained.find(name).isPresent()) {
            return;
        }
        require(!WeightsFile.isMeantBy(name), "there is no weights file %s: check the path", name);
        require(
                name.indexOf('/') < 0 && name.indexOf('\\') < 0,
                "there is no file or folder %s; a model is also a name of the catalogue or hf-hub:org/name",
                name);
        // The hub may have weights that we have not heard of, but not of an architecture that we cannot build.
        Catalog.get(HubName.looksLike(name) ? name.substring(0, name.indexOf('.')) : name);
    }

    /**
     * Fetches the model of that name from the hub; where the hub has none, the error lists the nearest of the known
     * weights of the variant.
     */
    private static Path fetched(String name, Hub hub) {
        try {
            return hub.fetchModel(HubName.parse(name));
        } catch (VitrailException e) {
            int dot = name.indexOf('.');
            if (HubName.isExplicit(name)
                    || Pretrained.of(name.substring(0, dot)).isEmpty()) {
                throw e;
            }
            var variant = name.substring(0, dot);
            throw new VitrailException(
                    "%s; the nearest of the known weights of %s are %s"
                            .formatted(
                                    e.getMessage(),
                                    variant,
                                    String.join(", ", nearest(variant, name.substring(dot + 1)))),
                    e);
        }
    }

    private static List<String> nearest(String variant, String tag) {
        return Names.nearest(
                tag, Pretrained.of(variant).stream().map(Pretrained::tag).toList(), 3);
    }

    private static LoadedModel fromPath(String name, Path path, LoadOptions options) {
        var best = path.resolve("best");
        if (ModelFolder.looksLike(best) && !ModelFolder.looksLike(path)) {
            return fromFolder(name, ModelFolder.read(best), options);
        }
        if (ModelFolder.looksLike(path)) {
            return fromFolder(name, ModelFolder.read(path), options);
        }
        var stored = WeightsFile.read(path, options.ema());
        var architecture = options.architecture().orElseGet(() -> architecture(path, stored));
        var variant = Catalog.get(architecture);
        var input = BareFile.of(name, architecture, variant, stored);
        var state = WeightsFile.inTimmsNames(stored);
        var source = ModelLoader.Source.of(variant, variant.config(), OptionalInt.empty(), state, options);
        return ModelLoader.load(name, variant, source, state, input.preprocessing(), List.of(), options)
                .withNotes(input.note().stream().toList());
    }

    /** Architecture that a bare weights file names, checked to be in the catalogue. */
    private static String architecture(Path path, StateDict state) {
        var said = state.architecture()
                .map(arch -> arch.indexOf('.') > 0 ? arch.substring(0, arch.indexOf('.')) : arch)
                .orElseThrow(() -> VitrailException.of(
                        "%s does not say which architecture its weights are of: add --arch NAME (in Java,"
                                + " LoadOptions.withArchitecture)",
                        path));
        require(
                Catalog.find(said).isPresent(),
                "%s says that its weights are of '%s', which is no name of the catalogue: add --arch NAME (in Java,"
                        + " LoadOptions.withArchitecture)",
                path,
                said.replaceAll("\\p{Cntrl}", "?"));
        return said;
    }

    private static LoadedModel published(String name, Pretrained weights, LoadOptions options, Hub hub) {
        var variant = Catalog.get(weights.variant());
        var repository = weights.hubId()
                .orElseThrow(() -> VitrailException.of(
                        "the weights '%s' are not on the hub%s: fetch the file yourself and name it with --arch %s",
                        name, weights.url().map(url -> " but at " + url).orElse(""), weights.variant()));
        var folder = ModelFolder.read(hub.fetchModel(HubName.parse("hf-hub:" + repository)));
        return fromFolder(name, folder, options.withArchitecture(Optional.of(variant.name())));
    }

    private static LoadedModel fromFolder(String name, ModelFolder folder, LoadOptions options) {
        return LoadedModel.of(name, folder.config(), folder.weights(options.ema()), options)
                .withNotes(folder.notes());
    }
}
