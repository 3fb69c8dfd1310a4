package dev.vitrail.loading;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.data.ClassNames;
import dev.vitrail.data.ImageNetClasses;
import dev.vitrail.engine.Frame;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.PreprocessingOverrides;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Resized;
import dev.vitrail.models.Variant;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.PretrainedConfig;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.hub.Hub;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A model with its weights, its preprocessing and the names of its classes.
 *
 * <pre>{@code
 * try (var loaded = LoadedModel.load("runs/mine", LoadOptions.DEFAULT)) {
 *     System.out.println(loaded.labels() + ", " + loaded.preprocessing());
 * }
 * }</pre>
 *
 * <p>{@link #withImage} and {@link #withChannels} move the parameters to the model that they return and close this one.
 * The other {@code with} methods return a record of the same model, of which one is to be closed.
 *
 * @param name the name or path it was loaded by
 * @param variant its entry in the catalogue
 * @param model on the CPU unless moved, in evaluation mode; freed by {@link #close}
 * @param preprocessing size, crop, interpolation, mean and std of its images
 * @param labels class names in the order of the classifier's outputs; empty if unknown
 * @param pretrained true if weights were loaded, false if they are random
 * @param notes what loading changed or assumed, one sentence each, to be shown to the user
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
     * Loads a model by name or path.
     *
     * @param name a folder in timm's layout or of a run, a weights file (with {@link LoadOptions#architecture}), a
     *     tagged name ({@code vit_tiny_patch16_224.augreg_in21k_ft_in1k}) or {@code hf-hub:org/name}, which are fetched
     *     once; or a name of the catalogue, which gives random weights
     * @param options size, channels, classes and the like that differ from those of the weights
     * @throws VitrailException if there is no such model, a file is damaged, or tensors are missing, unexpected or of
     *     another shape
     */
    public static LoadedModel load(String name, LoadOptions options) {
        return ModelFinder.load(name, options, Hub::fromEnvironment);
    }

    /**
     * Checks that a name can be loaded, without loading or fetching anything, so that a mistyped name is
     * reported early.
     *
     * @throws VitrailException if it cannot, with the nearest names
     */
    public static void requireKnown(String name) {
        ModelFinder.requireKnown(name);
    }

    /**
     * Builds a model from the contents of a folder in timm's layout, wherever they come from.
     *
     * @param name the model's name in messages
     * @param description {@code config.json}
     * @param weights tensors by the names of the checkpoint
     * @throws VitrailException if tensors are missing, unexpected or of another shape
     */
    public static LoadedModel of(String name, FolderConfig description, StateDict weights, LoadOptions options) {
        return ModelLoader.of(name, description, weights, options);
    }

    /**
     * Class names with their aliases (ImageNet's synsets); empty if the model has none.
     */
    public Optional<ClassNames> classNames() {
        return labels.isEmpty() ? Optional.empty() : Optional.of(ImageNetClasses.withSynsets(labels));
    }

    /**
     * Returns the {@code config.json} with which this model can be loaded from a folder again.
     *
     * @param classNames in the order of the classifier's outputs
     */
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

    /** CRC-32C of the names and values of all parameters, as hexadecimal digits. */
    public String checksum() {
        var sum = new CRC32C();
        Frame.run(() -> model.parameters().forEach((name, parameter) -> {
            sum.update(name.getBytes(StandardCharsets.UTF_8));
            sum.update(parameter.value().toBytes());
        }));
        return Long.toHexString(sum.getValue());
    }

    /** Returns this model with further notes before its own. */
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

    /** The label of an output, or {@code "class N"} if unknown. */
    public String label(int index) {
        return index < labels.size() ? labels.get(index) : "class " + index;
    }

    /**
     * Requires a classifier.
     *
     * @throws VitrailException if the model has none, with what it can be used for
     */
    public void requireClassifier() {
        require(
                model.config().classes() > 0,
                "the model '%s' has no classifier, so it cannot tell classes apart: take its vectors (embed), judge"
                        + " them (probe), or train it on labelled images (train)",
                name);
    }

    /**
     * Returns this model with other class names.
     *
     * @throws VitrailException if the number of names is not the number of classes
     */
    public LoadedModel withLabels(List<String> names) {
        requireClassifier();
        require(
                names.size() == model.config().classes(),
                "%d class names were given for a model of %d classes: give one for each, in the order of the"
                        + " classifier",
                names.size(),
                model.config().classes());
        return new LoadedModel(name, variant, model, preprocessing, names, pretrained, notes);
    }

    /**
     * Returns this model with another preprocessing: mean and std, crop or interpolation.
     *
     * @throws VitrailException if the preprocessing gives images of another size or number of channels than
     *     the model takes
     */
    public LoadedModel withPreprocessing(Preprocessing input) {
        require(
                input.channels() == preprocessing.channels()
                        && input.height() == preprocessing.height()
                        && input.width() == preprocessing.width(),
                "a preparation for images of %d×%d pixels of %d channels was given for a model of %d×%d and %d: change"
                        + " the model's size first (withImage, withChannels)",
                input.height(),
                input.width(),
                input.channels(),
                preprocessing.height(),
                preprocessing.width(),
                preprocessing.channels());
        return new LoadedModel(name, variant, model, input, labels, pretrained, notes);
    }

    /**
     * Returns this model with parts of its preprocessing overridden; its notes name them.
     *
     * @throws VitrailException if the overrides do not fit the model's channels, or are out of range
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

    /** Returns this record around a wrapper of its model; closing the wrapper closes the model. */
    public LoadedModel withModel(Model holder) {
        return new LoadedModel(name, variant, holder, preprocessing, labels, pretrained, notes);
    }

    /**
     * Returns the model for images of another size. It takes over the parameters, and this one is closed.
     *
     * @param height rows, pixels
     * @param width columns, pixels
     * @throws VitrailException if the family cannot work at that size; then this model stays as it is
     */
    public LoadedModel withImage(int height, int width) {
        return changed(model.withImage(height, width));
    }

    /**
     * Returns the model for colour (3) or grey images (1), its first layer adapted. It takes over the parameters, and
     * this one is closed.
     *
     * @throws VitrailException if the family cannot change its channels; then this model stays as it is
     */
    public LoadedModel withChannels(int channels) {
        require(
                channels == 1 || channels == 3,
                "images have 1 or 3 channels, found %d: for others, run the model on tensors of your own"
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
                ModelInput.fitted(preprocessing, config),
                labels,
                pretrained,
                withAdjustments(all, config));
    }

    static List<String> withAdjustments(List<String> notes, ModelConfig config) {
        return Stream.concat(notes.stream(), config.adjusted().stream()).toList();
    }

    @Override
    public void close() {
        model.close();
    }
}
