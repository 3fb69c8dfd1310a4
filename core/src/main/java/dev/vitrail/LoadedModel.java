package dev.vitrail;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.RandomState;
import dev.vitrail.images.CropMode;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.models.Adapted;
import dev.vitrail.models.Catalog;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Pretrained;
import dev.vitrail.models.Variant;
import dev.vitrail.nn.FirstWeights;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.Hub;
import dev.vitrail.weights.PretrainedConfig;
import dev.vitrail.weights.StateDict;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
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
 * @param labels names of its classes; empty where nobody says
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
            FirstWeights firstWeights,
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
                FirstWeights.ORIGINAL,
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

        public Options withFirstWeights(FirstWeights other) {
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
        var variant = Catalog.get(options.architecture.orElse(description.architecture()));
        var config = description.configured(variant.config());
        requireSeeable(name, config.channels());
        var input = preprocessing(description.pretrained(), variant, config);
        return load(name, variant, config, weights, input, description.labelNames(), options);
    }

    static LoadedModel load(
            String name,
            Variant variant,
            ModelConfig config,
            StateDict state,
            Preprocessing input,
            List<String> labels,
            Options options) {
        require(
                !options.ema || state.averaged(),
                "%s holds no averaged weights (a PyTorch file's state_dict_ema or model_ema): leave out --ema (in Java,"
                        + " Options.withEma)",
                state.origin());
        var wanted = options.apply(config);
        var model = variant.family().create(wanted);
        try {
            RandomState.seed(options.seed);
            var report = Checkpoint.load(
                    model, variant.family(), state, Optional.of(config), options.classifier(labels), options.device);
            if (options.classes.isEmpty() && report.otherChannels().isPresent()) {
                // Only training can learn what the fitted weights do with other channels.
                int channels = report.otherChannels().getAsInt();
                requireSeeable(name, channels);
                model.close();
                return load(name, variant, config.withChannels(channels), state, input, labels, options);
            }
            model.train(false);
            var names = options.classes.isPresent() ? options.labels : labels;
            var notes = new ArrayList<>(report.notes());
            boolean kept = options.classes.isPresent()
                    && wanted.classes() > 0
                    && report.fresh().isEmpty();
            if (kept && !options.knowsBoth(labels)) {
                notes.add("the classifier was kept, as it has %d classes too: whether they are the same, nobody says"
                        .formatted(wanted.classes()));
            }
            return new LoadedModel(
                    name, variant, model, fitted(input, wanted), names, true, withAdjustments(notes, wanted));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** A model of the catalogue with random weights. */
    static LoadedModel fresh(String name, Variant variant, Options options) {
        var wanted = options.apply(variant.config());
        var model = variant.family().create(wanted);
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

    /** How a variant's default weights want their images; where nobody says, the whole picture, its levels in [−1, 1]. */
    static Preprocessing preprocessing(Variant variant) {
        return Pretrained.input(variant.name())
                .map(input -> new Preprocessing(
                        input.channels(),
                        input.height(),
                        input.width(),
                        input.cropShare(),
                        CropMode.parse(input.cropMode()),
                        Interpolation.parse(input.interpolation()),
                        input.mean(),
                        input.deviation()))
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

    /** A mean or deviation for another number of channels: for grey, the average of the colours'; for colours, the grey's. */
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
                List.of(model.stem()),
                new ArrayList<>(model.classifiers()),
                Optional.empty(),
                Map.of());
        return FolderConfig.of(variant.name(), config.classes(), pretrainedConfig)
                .withPool(
                        config.poolName(),
                        !config.poolName().equals(variant.config().poolName()))
                .withLabels(classNames);
    }

    /** The name of a class. */
    public String label(int index) {
        return index < labels.size() ? labels.get(index) : "class " + index;
    }

    /** The same model with other names for its classes. */
    public LoadedModel withLabels(List<String> names) {
        require(
                names.size() == model.config().classes(),
                "%d class names were given for a model of %d classes: give one for each, in the order of the classifier",
                names.size(),
                model.config().classes());
        return new LoadedModel(name, variant, model, preprocessing, names, pretrained, notes);
    }

    /** The same with a model that holds this one's, and closes it. */
    LoadedModel withModel(Model holder) {
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

    private LoadedModel changed(Adapted adapted) {
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
