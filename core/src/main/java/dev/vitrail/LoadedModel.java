package dev.vitrail;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.data.ClassNames;
import dev.vitrail.data.ImageNetClasses;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.RandomState;
import dev.vitrail.images.CropMode;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.PreprocessingOverrides;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Resized;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.models.zoo.Pretrained;
import dev.vitrail.nn.WeightInit;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.PretrainedConfig;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.hub.Hub;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * A model with its weights, and all that is known of how to use it.
 *
 * @param name what it was asked for by
 * @param variant its entry in the catalogue
 * @param model ready to run, in evaluation mode; to be closed by {@link #close}
 * @param preprocessing how it wants its images
 * @param labels names of its classes; empty if unspecified
 * @param pretrained whether the weights were loaded; else they are random
 * @param notes sentences about what loading did besides copying
 */
public record LoadedModel(
        String name,
        Variant variant,
        Model model,
        Preprocessing preprocessing,
        List<String> labels,
        boolean pretrained,
        List<String> notes)
        implements AutoCloseable {
    /**
     * How to load a model.
     *
     * @param architecture the catalogue's name for a bare weights file; empty where the source says it itself
     * @param device where the parameters live
     * @param classes rows of the classifier, if another number than the source's; it then starts afresh
     * @param labels names of these classes, if they are known; where the source names others, the classifier starts afresh though it
     *     has as many rows
     * @param height rows of the input, if another number than the source's; positions are then resampled
     * @param width columns of the input, if another number than the source's
     * @param dropPath rate of stochastic depth for training, if another than the model's own
     * @param seed of what starts afresh
     * @param firstWeights how a model without weights of its own starts
     * @param ema whether to take the averaged weights of a PyTorch file that has both; without them it is refused
     */
    public record Options(
            Optional<String> architecture,
            Device device,
            OptionalInt classes,
            List<String> labels,
            OptionalInt height,
            OptionalInt width,
            Optional<Double> dropPath,
            long seed,
            WeightInit firstWeights,
            boolean ema) {
        public static final Options DEFAULT = new Options(
                Optional.empty(),
                Device.CPU,
                OptionalInt.empty(),
                List.of(),
                OptionalInt.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                0,
                WeightInit.ORIGINAL,
                false);

        public Options withArchitecture(Optional<String> other) {
            return new Options(other, device, classes, labels, height, width, dropPath, seed, firstWeights, ema);
        }

        public Options withDevice(Device other) {
            return new Options(architecture, other, classes, labels, height, width, dropPath, seed, firstWeights, ema);
        }

        public Options withClasses(int count) {
            return with(OptionalInt.of(count), List.of());
        }

        /** For these classes, as many as there are names. */
        public Options withLabels(List<String> names) {
            return with(OptionalInt.of(names.size()), List.copyOf(names));
        }

        private Options with(OptionalInt count, List<String> names) {
            return new Options(architecture, device, count, names, height, width, dropPath, seed, firstWeights, ema);
        }

        public Options withImage(int newHeight, int newWidth) {
            return new Options(
                    architecture,
                    device,
                    classes,
                    labels,
                    OptionalInt.of(newHeight),
                    OptionalInt.of(newWidth),
                    dropPath,
                    seed,
                    firstWeights,
                    ema);
        }

        public Options withDropPath(Optional<Double> rate) {
            return new Options(architecture, device, classes, labels, height, width, rate, seed, firstWeights, ema);
        }

        public Options withSeed(long other) {
            return new Options(
                    architecture, device, classes, labels, height, width, dropPath, other, firstWeights, ema);
        }

        public Options withFirstWeights(WeightInit other) {
            return new Options(architecture, device, classes, labels, height, width, dropPath, seed, other, ema);
        }

        public Options withEma(boolean averaged) {
            return new Options(
                    architecture, device, classes, labels, height, width, dropPath, seed, firstWeights, averaged);
        }

        /** What becomes of the classifier of a source whose classes have these names. */
        private Checkpoint.Classifier classifier(List<String> sources) {
            if (classes.isEmpty()) {
                return Checkpoint.Classifier.STRICT;
            }
            return knowsBoth(sources) && !labels.equals(sources)
                    ? Checkpoint.Classifier.RESET
                    : Checkpoint.Classifier.KEEP_IF_IT_FITS;
        }

        private boolean knowsBoth(List<String> sources) {
            return !labels.isEmpty() && !sources.isEmpty();
        }

        private ModelConfig apply(ModelConfig config) {
            var changed = dropPath.map(config::withDropPath).orElse(config);
            changed = classes.isPresent() ? changed.withClasses(classes.getAsInt()) : changed;
            return height.isPresent() && width.isPresent()
                    ? changed.withImage(height.getAsInt(), width.getAsInt())
                    : changed;
        }
    }

    /**
     * Loads a model.
     *
     * @param name a folder in timm's layout or of a run, a weights file (with {@link Options#architecture}), a tagged name
     *     ({@code vit_tiny_patch16_224.augreg_in21k_ft_in1k}) or {@code hf-hub:org/name}, which are fetched once; or a name of the
     *     catalogue, which gives random weights
     * @throws VitrailException if there is no such model, or what there is does not fit
     */
    public static LoadedModel load(String name, Options options) {
        return ModelFinder.load(name, options, Hub::fromEnvironment);
    }

    /**
     * Refuses what cannot be a model's name, as {@link #load} does, before anything is loaded or fetched: so that a mistyped name is
     * told at once.
     *
     * @throws VitrailException with the nearest names
     */
    public static void requireKnown(String name) {
        ModelFinder.requireKnown(name);
    }

    /**
     * A model from what a folder in timm's layout holds, wherever that came from.
     *
     * @param name what to call it
     */
    public static LoadedModel of(String name, FolderConfig description, StateDict weights, Options options) {
        var variant = options.architecture.map(Catalog::get).orElseGet(description::variant);
        var config = description.configured(variant.config());
        requireSeeable(name, config.channels());
        var input = preprocessing(description.pretrained(), variant, config);
        var source = Source.of(variant, config, description.statedClasses(), weights, options);
        var labels = source.config.classes() == 0 ? List.<String>of() : description.labelNames();
        return load(name, variant, source, weights, input, labels, options);
    }

    /**
     * Of which model weights are.
     *
     * @param config of that model, with as many classes as the weights' own classifier has
     * @param notes sentences about that
     */
    record Source(ModelConfig config, List<String> notes) {
        /**
         * @param stated classes that a description of the weights counts; empty where the file alone can tell
         * @throws VitrailException if the description says another number than the file has, and the file's classifier is wanted
         */
        static Source of(Variant variant, ModelConfig config, OptionalInt stated, StateDict weights, Options options) {
            var found = Checkpoint.classes(variant.family(), config, weights);
            if (found.isEmpty() || found.getAsInt() == config.classes() || stated.equals(OptionalInt.of(0))) {
                return new Source(config, List.of());
            }
            int rows = found.getAsInt();
            if (options.classes.isPresent()) {
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
                    "config.json says %d classes and the classifier of %s has %d: correct num_classes to %d, or take the config.json"
                            + " that belongs to these weights",
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
            Options options) {
        require(
                !options.ema || state.averaged(),
                "%s holds no averaged weights (a PyTorch file's state_dict_ema or model_ema): leave out --ema (in Java,"
                        + " Options.withEma)",
                state.origin());
        var config = source.config;
        var wanted = options.apply(config);
        var model = wanted.create();
        try {
            RandomState.seed(options.seed);
            var report = Checkpoint.load(
                    model, variant.family(), state, Optional.of(config), options.classifier(labels), options.device);
            if (options.classes.isEmpty() && report.otherChannels().isPresent()) {
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
            var names = options.classes.isPresent() ? options.labels : named(name, labels, wanted.classes(), notes);
            boolean kept = options.classes.isPresent()
                    && wanted.classes() > 0
                    && report.fresh().isEmpty();
            if (kept && !options.knowsBoth(labels)) {
                notes.add("the classifier was kept, as it has %d classes too: whether they are the same is unknown"
                        .formatted(wanted.classes()));
            }
            return new LoadedModel(
                    name, variant, model, fitted(input, wanted), names, true, withAdjustments(notes, wanted));
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
            notes.add("%s names no classes: those of %s are taken, which has %d too"
                    .formatted(name, ImageNetClasses.name(classes).orElseThrow(), classes));
        }
        return list.get().names();
    }

    /** The names of the classes, and the other names that they go by: ImageNet's synsets. Empty where nobody names them. */
    public Optional<ClassNames> classNames() {
        return labels.isEmpty() ? Optional.empty() : Optional.of(ImageNetClasses.withSynsets(labels));
    }

    /** A model of the catalogue with random weights. */
    static LoadedModel fresh(String name, Variant variant, Options options) {
        var wanted = options.apply(variant.config());
        var model = wanted.create();
        model.initialise(options.seed, options.device, options.firstWeights);
        model.train(false);
        return new LoadedModel(
                name,
                variant,
                model,
                fitted(preprocessing(variant), wanted),
                options.labels,
                false,
                withAdjustments(
                        List.of("the weights of '%s' are random: train it, or name published weights with a tag"
                                .formatted(name)),
                        wanted));
    }

    private static List<String> withAdjustments(List<String> notes, ModelConfig config) {
        return Stream.concat(notes.stream(), config.adjusted().stream()).toList();
    }

    /** Images have three channels or, made grey, one: what a model of others was trained on, an image file does not hold. */
    private static void requireSeeable(String name, int channels) {
        require(
                channels == 1 || channels == 3,
                "%s is a model for images of %d channels, and an image has 3 (red, green, blue) or, made grey, 1: use a model for"
                        + " one of these",
                name,
                channels);
    }

    private static Preprocessing fitted(Preprocessing input, ModelConfig config) {
        return new Preprocessing(
                config.channels(),
                config.imageHeight(),
                config.imageWidth(),
                input.cropPct(),
                input.cropMode(),
                input.interpolation(),
                statistics(input.mean(), config.channels()),
                statistics(input.std(), config.channels()));
    }

    /** How a variant's default weights want their images; by default the whole picture, its levels in [−1, 1]. */
    static Preprocessing preprocessing(Variant variant) {
        return Pretrained.input(variant.name())
                .map(LoadedModel::preprocessing)
                .orElseGet(() -> new Preprocessing(
                        variant.config().channels(),
                        variant.config().imageHeight(),
                        variant.config().imageWidth(),
                        1,
                        CropMode.CENTER,
                        Interpolation.BICUBIC,
                        statistics(
                                Normalization.INCEPTION.mean(), variant.config().channels()),
                        statistics(
                                Normalization.INCEPTION.std(), variant.config().channels())));
    }

    /** The preparation that published weights want. */
    static Preprocessing preprocessing(Pretrained.Input input) {
        return new Preprocessing(
                input.channels(),
                input.height(),
                input.width(),
                input.cropShare(),
                CropMode.parse(input.cropMode()),
                Interpolation.parse(input.interpolation()),
                input.mean(),
                input.std());
    }

    /** A mean or std for another number of channels: for grey, the average of the colours'; for colours, the grey's. */
    private static List<Double> statistics(List<Double> values, int channels) {
        if (channels > 1 && values.size() == 1) {
            return Collections.nCopies(channels, values.get(0));
        }
        return channels == 1
                ? List.of(values.stream()
                        .mapToDouble(Double::doubleValue)
                        .average()
                        .orElseThrow())
                : values;
    }

    private static Preprocessing preprocessing(PretrainedConfig described, Variant variant, ModelConfig config) {
        var otherwise = fitted(preprocessing(variant), config);
        return new Preprocessing(
                config.channels(),
                config.imageHeight(),
                config.imageWidth(),
                described.cropPct().orElse(otherwise.cropPct()),
                described.cropMode().map(CropMode::parse).orElse(otherwise.cropMode()),
                described.interpolation().map(Interpolation::parse).orElse(otherwise.interpolation()),
                described.mean().isEmpty() ? otherwise.mean() : statistics(described.mean(), config.channels()),
                described.std().isEmpty() ? otherwise.std() : statistics(described.std(), config.channels()));
    }

    /** The {@code config.json} that lets this model be loaded from a folder again. */
    public FolderConfig description(List<String> classNames) {
        var config = model.config();
        var pretrainedConfig = new PretrainedConfig(
                Optional.empty(),
                List.of(config.channels(), config.imageHeight(), config.imageWidth()),
                Optional.empty(),
                Optional.of(preprocessing.interpolation().key()),
                OptionalDouble.of(preprocessing.cropPct()),
                Optional.of(preprocessing.cropMode().key()),
                preprocessing.mean(),
                preprocessing.std(),
                OptionalInt.of(config.classes()),
                List.of(),
                List.of(model.firstConv()),
                new ArrayList<>(model.classifiers()),
                Optional.empty(),
                Map.of());
        return FolderConfig.of(variant.name(), config.classes(), pretrainedConfig)
                .withPool(
                        config.poolName(),
                        !config.poolName().equals(variant.config().poolName()))
                .withOrigin(variant.origin())
                .withLabels(classNames);
    }

    /** The same model with more to say about how it was loaded. */
    LoadedModel withNotes(List<String> more) {
        return new LoadedModel(
                name,
                variant,
                model,
                preprocessing,
                labels,
                pretrained,
                Stream.concat(more.stream(), notes.stream()).toList());
    }

    /** The name of a class. */
    public String label(int index) {
        return index < labels.size() ? labels.get(index) : "class " + index;
    }

    /**
     * Refuses a model that has no classifier, before it is asked for classes.
     *
     * @throws VitrailException with what it can do instead
     */
    public void requireClassifier() {
        require(
                model.config().classes() > 0,
                "the model '%s' has no classifier, so it cannot tell classes apart: take its vectors (embed), judge them (probe), or"
                        + " train it on labelled images (train)",
                name);
    }

    /** The same model with other names for its classes. */
    public LoadedModel withLabels(List<String> names) {
        requireClassifier();
        require(
                names.size() == model.config().classes(),
                "%d class names were given for a model of %d classes: give one for each, in the order of the classifier",
                names.size(),
                model.config().classes());
        return new LoadedModel(name, variant, model, preprocessing, names, pretrained, notes);
    }

    /**
     * The same model for images that are prepared otherwise: by another mean and std, crop or interpolation.
     *
     * @throws VitrailException if the preparation gives images of another size or number of channels than the model takes
     */
    public LoadedModel withPreprocessing(Preprocessing input) {
        require(
                input.channels() == preprocessing.channels()
                        && input.height() == preprocessing.height()
                        && input.width() == preprocessing.width(),
                "a preparation for images of %d×%d pixels of %d channels was given for a model of %d×%d and %d: change the model's"
                        + " size first (withImage, withChannels)",
                input.height(),
                input.width(),
                input.channels(),
                preprocessing.height(),
                preprocessing.width(),
                preprocessing.channels());
        return new LoadedModel(name, variant, model, input, labels, pretrained, notes);
    }

    /**
     * The same model with a part of its preprocessing overridden, which its notes say.
     *
     * @throws VitrailException if the overrides do not fit the model's channels, or cannot be
     */
    public LoadedModel withPreprocessing(PreprocessingOverrides overrides) {
        if (overrides.equals(PreprocessingOverrides.NONE)) {
            return this;
        }
        var prepared = withPreprocessing(overrides.applyTo(preprocessing));
        var note = "as asked for, images are prepared with mean %s, std %s, crop %s %s, %s"
                .formatted(
                        prepared.preprocessing.mean(),
                        prepared.preprocessing.std(),
                        prepared.preprocessing.cropMode().key(),
                        String.format(Locale.ROOT, "%.3f", prepared.preprocessing.cropPct()),
                        prepared.preprocessing.interpolation().key());
        return new LoadedModel(
                name,
                variant,
                model,
                prepared.preprocessing,
                labels,
                pretrained,
                Stream.concat(notes.stream(), Stream.of(note)).toList());
    }

    /** The same with a model that holds this one's, and closes it. */
    public LoadedModel withModel(Model holder) {
        return new LoadedModel(name, variant, holder, preprocessing, labels, pretrained, notes);
    }

    /**
     * The same model for images of another size; it takes over the parameters, and this one is closed.
     *
     * @param height rows, pixels
     * @param width columns, pixels
     * @throws VitrailException if the family cannot work at that size; then this model stays as it is
     */
    public LoadedModel withImage(int height, int width) {
        return changed(model.withImage(height, width));
    }

    /**
     * The same model for colour (3) or grey images (1), its first layer fitted; it takes over the parameters, and this one is
     * closed.
     *
     * @throws VitrailException if the family cannot change its channels; then this model stays as it is
     */
    public LoadedModel withChannels(int channels) {
        require(
                channels == 1 || channels == 3,
                "pictures have 1 or 3 channels, found %d: for others, run the model on tensors of your own"
                        + " (Model.withChannels)",
                channels);
        return changed(model.withChannels(channels));
    }

    private LoadedModel changed(Resized adapted) {
        var config = adapted.model().config();
        // What was said of the former size is over.
        var all = Stream.concat(
                        notes.stream().filter(note -> !model.config().adjusted().equals(Optional.of(note))),
                        adapted.notes().stream())
                .toList();
        return new LoadedModel(
                name,
                variant,
                adapted.model(),
                fitted(preprocessing, config),
                labels,
                pretrained,
                withAdjustments(all, config));
    }

    @Override
    public void close() {
        model.close();
    }
}
