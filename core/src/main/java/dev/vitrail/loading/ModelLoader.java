package dev.vitrail.loading;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.data.ClassNames;
import dev.vitrail.data.ImageNetClasses;
import dev.vitrail.engine.RandomState;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.models.zoo.Pretrained;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.StateDict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Makes models with weights, or with random ones, as options ask for them. */
final class ModelLoader {
    private ModelLoader() {}

    /** See {@link LoadedModel#of}. */
    static LoadedModel of(String name, FolderConfig description, StateDict weights, LoadOptions options) {
        var variant = options.architecture().map(Catalog::get).orElseGet(description::variant);
        var config = description.configured(variant.config());
        requireSeeable(name, config.channels());
        var input = ModelInput.preprocessing(description.pretrained(), variant, config);
        var source = Source.of(variant, config, description.statedClasses(), weights, options);
        var labels = source.config.classes() == 0 ? List.<String>of() : description.labelNames();
        return load(name, variant, source, weights, input, labels, options);
    }

    /**
     * The model that weights are of.
     *
     * @param config of that model, with as many classes as the weights' own classifier has
     * @param notes sentences about that
     */
    record Source(ModelConfig config, List<String> notes) {
        /**
         * @param stated classes that a description of the weights counts; empty where the file alone can tell
         * @throws VitrailException if the description says another number than the file has, and the file's
         *     classifier is wanted
         */
        static Source of(
                Variant variant, ModelConfig config, OptionalInt stated, StateDict weights, LoadOptions options) {
            var found = Checkpoint.classes(variant.family(), config, weights);
            if (found.isEmpty() || found.getAsInt() == config.classes() || stated.equals(OptionalInt.of(0))) {
                return new Source(config, List.of());
            }
            int rows = found.getAsInt();
            if (options.classes().isPresent()) {
                return new Source(config.withClasses(rows), List.of());
            }
            if (rows == 0) {
                return new Source(
                        config.withClasses(0),
                        List.of("%s holds no classifier: it gives vectors, and learns to tell classes apart by training"
                                .formatted(weights.origin())));
            }
            require(
                    stated.isEmpty(),
                    "config.json says %d classes and the classifier of %s has %d: correct num_classes to %d, or take"
                            + " the config.json that belongs to these weights",
                    stated.orElse(0),
                    weights.origin(),
                    rows,
                    rows);
            return new Source(
                    config.withClasses(rows),
                    List.of("the classifier of %s has %d classes".formatted(weights.origin(), rows)));
        }
    }

    static LoadedModel load(
            String name,
            Variant variant,
            Source source,
            StateDict state,
            Preprocessing input,
            List<String> labels,
            LoadOptions options) {
        require(
                !options.ema() || state.averaged(),
                "%s holds no averaged weights (a PyTorch file's state_dict_ema or model_ema): leave out --ema (in Java,"
                        + " LoadOptions.withEma)",
                state.origin());
        var config = source.config;
        var wanted = options.apply(config);
        var model = wanted.create();
        try {
            RandomState.seed(options.seed());
            var report = Checkpoint.load(
                    model, variant.family(), state, Optional.of(config), options.classifier(labels), options.device());
            if (options.classes().isEmpty() && report.otherChannels().isPresent()) {
                // Only training can learn what the fitted weights do with other channels.
                int channels = report.otherChannels().getAsInt();
                requireSeeable(name, channels);
                model.close();
                var fitted = new Source(config.withChannels(channels), source.notes);
                return load(name, variant, fitted, state, input, labels, options);
            }
            model.train(false);
            var notes = new ArrayList<>(report.notes());
            notes.addAll(source.notes);
            var names = options.classes().isPresent() ? options.labels() : named(name, labels, wanted.classes(), notes);
            boolean kept = options.classes().isPresent()
                    && wanted.classes() > 0
                    && report.fresh().isEmpty();
            if (kept && !options.knowsBoth(labels)) {
                notes.add("the classifier was kept, as it has %d classes too: whether they are the same is unknown"
                        .formatted(wanted.classes()));
            }
            return new LoadedModel(
                    name,
                    variant,
                    model,
                    ModelInput.fitted(input, wanted),
                    names,
                    true,
                    LoadedModel.withAdjustments(notes, wanted));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** The source's names of the classes; where it has none and there are as many as in a list of ImageNet's, those. */
    private static List<String> named(String name, List<String> labels, int classes, List<String> notes) {
        var list = labels.isEmpty() ? ImageNetClasses.of(classes) : Optional.<ClassNames>empty();
        if (list.isEmpty()) {
            return labels;
        }
        if (Pretrained.find(name).isEmpty()) {
            notes.add("%s names no classes; those of %s are used, as the model has %d as well"
                    .formatted(name, ImageNetClasses.name(classes).orElseThrow(), classes));
        }
        return list.get().names();
    }

    /** A model of the catalogue with random weights. */
    static LoadedModel fresh(String name, Variant variant, LoadOptions options) {
        var wanted = options.apply(variant.config());
        var model = wanted.create();
        model.initialise(options.seed(), options.device(), options.firstWeights());
        model.train(false);
        return new LoadedModel(
                name,
                variant,
                model,
                ModelInput.fitted(ModelInput.preprocessing(variant), wanted),
                options.labels(),
                false,
                LoadedModel.withAdjustments(
                        List.of("the weights of '%s' are random: train it, or name published weights with a tag"
                                .formatted(name)),
                        wanted));
    }

    /**
     * Images have three channels or, made grey, one: what a model of others was trained on, an image file
     * does not hold.
     */
    private static void requireSeeable(String name, int channels) {
        require(
                channels == 1 || channels == 3,
                "%s is a model for images of %d channels, and an image has 3 (red, green, blue) or, made grey, 1: use a"
                        + " model for one of these",
                name,
                channels);
    }
}
