package dev.vitrail.loading;

import dev.vitrail.engine.Device;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.nn.WeightInit;
import dev.vitrail.weights.Checkpoint;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Options of loading a model.
 *
 * @param architecture the catalogue's name for a bare weights file; empty where the source says it itself
 * @param device where the parameters live
 * @param classes rows of the classifier, if another number than the source's; it then starts afresh
 * @param labels names of these classes, if they are known; where the source names others, the classifier starts afresh
 *     though it has as many rows
 * @param height rows of the input, if another number than the source's; positions are then resampled
 * @param width columns of the input, if another number than the source's
 * @param dropPath rate of stochastic depth for training, if another than the model's own
 * @param seed of what starts afresh
 * @param firstWeights how a model without weights of its own starts
 * @param ema whether to take the averaged weights of a PyTorch file that has both; without them it is refused
 */
public record LoadOptions(
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
    public static final LoadOptions DEFAULT = new LoadOptions(
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

    public LoadOptions withArchitecture(Optional<String> other) {
        return new LoadOptions(other, device, classes, labels, height, width, dropPath, seed, firstWeights, ema);
    }

    public LoadOptions withDevice(Device other) {
        return new LoadOptions(architecture, other, classes, labels, height, width, dropPath, seed, firstWeights, ema);
    }

    public LoadOptions withClasses(int count) {
        return with(OptionalInt.of(count), List.of());
    }

    /** These options with a classifier for these classes. */
    public LoadOptions withLabels(List<String> names) {
        return with(OptionalInt.of(names.size()), List.copyOf(names));
    }

    private LoadOptions with(OptionalInt count, List<String> names) {
        return new LoadOptions(architecture, device, count, names, height, width, dropPath, seed, firstWeights, ema);
    }

    public LoadOptions withImage(int newHeight, int newWidth) {
        return new LoadOptions(
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

    public LoadOptions withDropPath(Optional<Double> rate) {
        return new LoadOptions(architecture, device, classes, labels, height, width, rate, seed, firstWeights, ema);
    }

    public LoadOptions withSeed(long other) {
        return new LoadOptions(
                architecture, device, classes, labels, height, width, dropPath, other, firstWeights, ema);
    }

    public LoadOptions withFirstWeights(WeightInit other) {
        return new LoadOptions(architecture, device, classes, labels, height, width, dropPath, seed, other, ema);
    }

    public LoadOptions withEma(boolean averaged) {
        return new LoadOptions(
                architecture, device, classes, labels, height, width, dropPath, seed, firstWeights, averaged);
    }

    /** Decides what becomes of the classifier of a source whose classes have these names. */
    Checkpoint.Classifier classifier(List<String> sources) {
        if (classes.isEmpty()) {
            return Checkpoint.Classifier.STRICT;
        }
        return knowsBoth(sources) && !labels.equals(sources)
                ? Checkpoint.Classifier.RESET
                : Checkpoint.Classifier.KEEP_IF_IT_FITS;
    }

    boolean knowsBoth(List<String> sources) {
        return !labels.isEmpty() && !sources.isEmpty();
    }

    ModelConfig apply(ModelConfig config) {
        var changed = dropPath.map(config::withDropPath).orElse(config);
        changed = classes.isPresent() ? changed.withClasses(classes.getAsInt()) : changed;
        return height.isPresent() && width.isPresent()
                ? changed.withImage(height.getAsInt(), width.getAsInt())
                : changed;
    }
}
