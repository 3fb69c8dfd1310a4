package dev.vitrail.models;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.FlopCounter;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Layer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An image classifier in three parts: {@link #features}, {@link #pooled} and {@link #logits}.
 *
 * <p>Shapes: {@code B} images; {@code C} channels of {@code H×W} pixels, normalised, F32.
 */
public abstract class Model extends Layer {
    private final List<Classifier> classifiers = new ArrayList<>(1);
    private ModelConfig config;

    protected Model(ModelConfig config) {
        this.config = config;
    }

    /** The configuration that the model was built from, with the classes that it has now. */
    public ModelConfig config() {
        return config;
    }

    /**
     * Declares a classifier: without classes, none. It stands where it is declared among the parameters, which draw
     * their initial values in that order. The head's dropout comes before it.
     *
     * @param make a layer for so many classes, {@code [B, D] → [B, classes]}
     */
    protected final Classifier classifier(String name, IntFunction<Layer> make) {
        var classifier = new Classifier(name, make);
        classifiers.add(classifier);
        return classifier;
    }

    /** The groups that the parameters form between the image and the classifier. */
    protected abstract LayerGroups layerGroups();

    /**
     * The last feature map or tokens, normalised as far as the original does it before pooling.
     *
     * @param images {@code [B, C, H, W]}
     * @return tokens {@code [B, N, D]}, or a map in the family's own layout
     */
    protected abstract Tensor features(Tensor images);

    /**
     * One vector an image, the input of the classifier.
     *
     * @param features what {@link #features} gave
     * @return {@code [B, D]}
     */
    protected abstract Tensor pooled(Tensor features);

    /**
     * Class scores.
     *
     * @param pooled what {@link #pooled} gave
     * @return {@code [B, classes]}, not normalised
     */
    protected Tensor logits(Tensor pooled) {
        return classifiers.get(0).apply(pooled);
    }

    /**
     * {@link #pooled} of {@link #features}; a family may leave out what pooling does not read while no
     * gradient is recorded.
     */
    protected Tensor pooledOf(Tensor images) {
        return pooled(features(images));
    }

    @Override
    protected Tensor forward(Tensor images) {
        return logits(pooledOf(images));
    }

    /**
     * The logits of each classifier during training: one, or two where a distillation token has a classifier
     * of its own.
     *
     * @return each {@code [B, classes]}
     */
    protected List<Tensor> heads(Tensor images) {
        return List.of(forward(images));
    }

    /** {@link #features} of images, in a frame of its own. */
    public final Tensor extractFeatures(Tensor images) {
        return framed(() -> features(images));
    }

    /**
     * The feature maps that {@link #featureMaps} can give, from the image to the classifier. Pyramids (convolutional
     * networks, Swin) have one for each stage, of growing stride. Vision transformers have one for each block, all of
     * the patches' stride, because nothing is interpolated; hybrids have their network's stages before those.
     */
    public abstract List<FeatureInfo> featureInfo();

    /**
     * The output of a stage or block after the model's last normalisation, where that fits it.
     *
     * @param info one of {@link #featureInfo}
     * @param output of its module, in the family's layout
     * @return of the same layout; {@code output} itself where no normalisation fits
     */
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return output;
    }

    /**
     * The output of a stage or block as a map.
     *
     * @param info one of {@link #featureInfo}
     * @param output of its module, in the family's layout: tokens with their prefix, or a map
     * @param images {@code [B, C, H, W]}, that it was computed from
     * @return {@code [B, C', H', W']} without prefix tokens; {@code output} itself where it lies so
     */
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return output;
    }

    /** Returns whether a feature map is the model's last. */
    protected final boolean isLast(FeatureInfo info) {
        var infos = featureInfo();
        return info.equals(infos.get(infos.size() - 1));
    }

    /**
     * Feature maps of several depths, for detection and segmentation, as the stages or blocks give them: prefix tokens
     * are left out, and nothing is normalised.
     *
     * @param images {@code [B, C, H, W]}
     * @param indices into {@link #featureInfo}; −1 is the last
     * @return in the order of {@code indices}
     * @throws VitrailException if there is no such index
     */
    public final List<FeatureMap> featureMaps(Tensor images, List<Integer> indices) {
        return featureMaps(images, indices, false);
    }

    /**
     * Feature maps of several depths, normalized if wanted; else as {@link #featureMaps(Tensor, List)} gives them.
     *
     * @param normalised whether the model's last normalisation is applied to the maps that it fits: all blocks of a
     *     vision transformer, the last stage of a pyramid that has one
     */
    public final List<FeatureMap> featureMaps(Tensor images, List<Integer> indices, boolean normalised) {
        var infos = featureInfo();
        var wanted = indices.stream()
                .map(index -> infos.get(place(index, infos.size())))
                .toList();
        var modules = wanted.stream().map(FeatureInfo::module).collect(Collectors.toSet());
        try (var hook = ForwardHook.of(this, modules::contains)) {
            var maps = Frame.all(() -> {
                features(images);
                return wanted.stream()
                        .map(info -> {
                            var output = hook.activation(info.module());
                            return map(info, normalised ? normalised(info, output) : output, images);
                        })
                        .toList();
            });
            return IntStream.range(0, maps.size())
                    .mapToObj(i -> new FeatureMap(wanted.get(i), maps.get(i)))
                    .toList();
        }
    }

    private static int place(int index, int count) {
        VitrailException.require(
                index >= -count && index < count,
                "the model has %d feature maps, 0 to %d, found %d: featureInfo() lists them",
                count,
                count - 1,
                index);
        return Math.floorMod(index, count);
    }

    /** Names of the blocks, whose results {@link #observe} can give, from the image to the classifier. */
    public final List<String> blocks() {
        return hookPoints(HookPoint.BLOCK);
    }

    /**
     * Names of all attention weights, {@code [B, h, N, M]} after the softmax (in CaiT after the mixing of heads that
     * follows it): how much each of N tokens takes from each of M. Swin's are of windows, {@code [B·windows, h, n, n]}.
     */
    public final List<String> attentions() {
        return hookPoints(HookPoint.ATTENTION);
    }

    /**
     * Class scores, and what modules gave on the way to them. The scores are those of {@link #apply} up to rounding:
     * attention is computed step by step where its weights are wanted.
     *
     * @param images {@code [B, C, H, W]}
     * @param names of modules or attention weights ({@link #blocks}, {@link #attentions}); {@code *} stands for any
     *     name between two dots, so that {@code blocks.*} are all blocks
     * @return tensors of the caller's frame
     * @throws VitrailException if there is nothing of such a name
     */
    public final Activations<Tensor> observe(Tensor images, String... names) {
        var wanted = ForwardHook.names(this, List.of(names));
        try (var hook = ForwardHook.of(this, wanted::contains)) {
            var tensors = Frame.all(() -> {
                var all = new ArrayList<Tensor>();
                all.add(apply(images));
                all.addAll(hook.activations().values());
                return all;
            });
            var results = new LinkedHashMap<String, Tensor>();
            hook.activations().keySet().forEach(name -> results.put(name, tensors.get(1 + results.size())));
            return new Activations<>(tensors.get(0), results);
        }
    }

    /** The vectors before the classifier, {@code [B, D]}, in a frame of its own. */
    public final Tensor embed(Tensor images) {
        return framed(() -> pooledOf(images));
    }

    /** {@link #heads} of images, in a frame of its own. */
    public final List<Tensor> trainingLogits(Tensor images) {
        return Frame.all(() -> heads(images));
    }

    /** Channels of {@link #pooled}. */
    public abstract int width();

    /** Replaces the classifier by a new one with that many rows, freshly initialised when the model next is. */
    public void resetClassifier(int classes) {
        config = config.withClasses(classes);
        classifiers.forEach(Classifier::reset);
    }

    /** Names of the classifiers' modules, such as {@code head}. */
    public List<String> classifiers() {
        return classifiers.stream().map(classifier -> classifier.name).toList();
    }

    /** Returns whether a parameter of that name belongs to a classifier. */
    public final boolean isClassifier(String parameter) {
        return classifiers().stream().anyMatch(classifier -> parameter.startsWith(classifier + "."));
    }

    /** Name of the convolution that sees the image's channels, such as {@code patch_embed.proj}. */
    public abstract String firstConv();

    /**
     * Values of a checkpoint for another image size, patch or window, made to fit this model.
     *
     * @param name the parameter
     * @param values of another shape than the parameter has, or of a grid that lies otherwise
     * @param wanted the parameter's shape
     * @param source the configuration that the values come from, where it is known
     * @return empty if the family knows no way
     */
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        return Optional.empty();
    }

    /**
     * This model for images of another size: position embeddings and tables of relative positions are resampled. The
     * parameters move to the new model, and this one is closed.
     *
     * @param height rows, pixels
     * @param width columns, pixels
     * @throws VitrailException if the family cannot work at that size; then this model stays as it is
     */
    public final Resized withImage(int height, int width) {
        return WeightResampler.change(this, config().withImage(height, width));
    }

    /**
     * This model for images of another number of channels: for one, the first layer sums its weights over all; for
     * more, it repeats and scales them (as timm does), so that an image of equal channels gives the same. The
     * parameters move to the new model, and this one is closed.
     *
     * @throws VitrailException if the family cannot change its channels; then this model stays as it is
     */
    public final Resized withChannels(int channels) {
        return WeightResampler.change(this, config().withChannels(channels));
    }

    /**
     * Returns whether threads may run forward passes at once, each with the threads that the engine gives it
     * ({@link dev.vitrail.engine.Threads}); not where another runtime computes.
     */
    public boolean computesByThread() {
        return true;
    }

    /**
     * Counts the multiply–accumulates and activations of one image of the configured size, on shapes alone. As for
     * training: inference may leave out what its result does not need, but a model is known by its full cost.
     */
    public final FlopCounter.Count cost() {
        return Frame.compute(() -> {
            var config = config();
            try (var on = Gradients.on();
                    var shape = config.create()) {
                var image = Tensor.empty(
                        DType.F32, Device.META, 1, config.channels(), config.imageHeight(), config.imageWidth());
                return FlopCounter.of(() -> shape.apply(image));
            }
        });
    }

    /** Returns whether the original leaves a parameter out of weight decay, besides all vectors and biases. */
    public boolean noWeightDecay(String parameter) {
        return false;
    }

    /** Returns whether a parameter serves training alone, and is left out where the model is saved for use. */
    public boolean onlyForTraining(String parameter) {
        return false;
    }

    /**
     * The depth of a parameter for layer-wise learning-rate decay: 0 for the embedding, then 1 … {@link #layers()}−2
     * for the blocks, {@link #layers()}−1 for the head.
     */
    public int layer(String parameter) {
        return layerGroups().of(parameter);
    }

    /** Number of depths that {@link #layer} tells apart. */
    public final int layers() {
        return layerGroups().count();
    }

    /** Returns whether only the result counts, so that what it does not read may be left out. */
    protected final boolean inference() {
        return !training() && !Gradients.recorded();
    }

    /** A layer that gives class scores, and gives way to another where the classes change. */
    protected final class Classifier {
        private final String name;
        private final IntFunction<Layer> make;
        private final Dropout dropout;
        private Layer layer;

        private Classifier(String name, IntFunction<Layer> make) {
            this.name = name;
            this.make = make;
            dropout = child(name + "_drop", new Dropout(config.head().dropout()));
            layer = child(name, made());
        }

        private Layer made() {
            return config.classes() == 0 ? new Identity() : make.apply(config.classes());
        }

        private void reset() {
            layer = replace(name, made());
        }

        public Tensor apply(Tensor x) {
            return layer.apply(dropout.apply(x));
        }
    }
}
