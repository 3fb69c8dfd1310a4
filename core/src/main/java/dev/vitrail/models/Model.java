package dev.vitrail.models;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Layer;
import java.util.List;
import java.util.Optional;

/**
 * An image classifier in three parts: {@link #features}, {@link #pooled} and {@link #logits}.
 *
 * <p>Shapes: {@code B} images; {@code C} channels of {@code H×W} pixels, normalised, F32.
 */
public abstract class Model extends Layer {
    /** The configuration that the model was built from. */
    public abstract ModelConfig config();

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
    protected abstract Tensor logits(Tensor pooled);

    /** {@link #pooled} of {@link #features}; a family may leave out what pooling does not read while no gradient is recorded. */
    protected Tensor pooledOf(Tensor images) {
        return pooled(features(images));
    }

    @Override
    protected Tensor forward(Tensor images) {
        return logits(pooledOf(images));
    }

    /**
     * The logits of each classifier during training: one, or two where a distillation token has a classifier of its own.
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
    public abstract void resetClassifier(int classes);

    /** Names of the classifiers' modules, such as {@code head}. */
    public abstract List<String> classifiers();

    /** Name of the convolution that sees the image's channels, such as {@code patch_embed.proj}. */
    public abstract String stem();

    /**
     * Values of a checkpoint for another image size, patch or window, made to fit this model.
     *
     * @param name the parameter
     * @param values of another shape than the parameter has
     * @param wanted the parameter's shape
     * @return empty if the family knows no way
     */
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted) {
        return Optional.empty();
    }

    /** Whether a parameter is left out of weight decay by the original, besides all vectors and biases. */
    public boolean withoutWeightDecay(String parameter) {
        return false;
    }

    /**
     * The depth of a parameter for layer-wise learning-rate decay: 0 for the embedding, then 1 … {@link #layers()}−2 for the
     * blocks, {@link #layers()}−1 for the head.
     */
    public abstract int layer(String parameter);

    /** Number of depths that {@link #layer} tells apart. */
    public abstract int layers();

    /** Whether only the result counts, so that what it does not read may be left out. */
    protected final boolean inference() {
        return !training() && !Gradients.recorded();
    }
}
