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
     * Loads a model.
     *
     * @param name a folder in timm's layout or of a run, a weights file (with {@link LoadOptions#architecture}), a
     *     tagged name ({@code vit_tiny_patch16_224.augreg_in21k_ft_in1k}) or {@code hf-hub:org/name}, which are fetched
     *     once; or a name of the catalogue, which gives random weights
     * @throws VitrailException if there is no such model, or what there is does not fit
     */
    public static LoadedModel load(String name, LoadOptions options) {
        return ModelFinder.load(name, options, Hub::fromEnvironment);
    }

    /**
     * Refuses what cannot be a model's name, as {@link #load} does, before anything is loaded or fetched: so that a
     * mistyped name is told at once.
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
    public static LoadedModel of(String name, FolderConfig description, StateDict weights, LoadOptions options) {
        return ModelLoader.of(name, description, weights, options);
    }

    /**
     * The names of the classes, and the other names that they go by: ImageNet's synsets. Empty where nobody names them.
     */
    public Optional<ClassNames> classNames() {
        return labels.isEmpty() ? Optional.empty() : Optional.of(ImageNetClasses.withSynsets(labels));
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

    /** A checksum of the names and values of all parameters (CRC-32C), in hexadecimal digits. */
    public String checksum() {
        var sum = new CRC32C();
        Frame.run(() -> model.parameters().forEach((name, parameter) -> {
            sum.update(name.getBytes(StandardCharsets.UTF_8));
            sum.update(parameter.value().toBytes());
        }));
        return Long.toHexString(sum.getValue());
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
                "the model '%s' has no classifier, so it cannot tell classes apart: take its vectors (embed), judge"
                        + " them (probe), or train it on labelled images (train)",
                name);
    }

    /** The same model with other names for its classes. */
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
     * The same model for images that are prepared otherwise: by another mean and std, crop or interpolation.
     *
     * @throws VitrailException if the preparation gives images of another size or number of channels than
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
     * The same model for colour (3) or grey images (1), its first layer fitted; it takes over the parameters, and this
     * one is closed.
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
