package dev.vitrail.models;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.SharedBatch;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Parameter;
import java.util.List;

/**
 * Masked patch prediction: a model that learns without labels, by telling the colours of patches that it does not see.
 *
 * <p>Dosovitskiy et al., 2021, arXiv:2010.11929, appendix B.1.2: half of the patches' embeddings are corrupted – 80 %
 * of these become a learned mask token, 10 % another patch's embedding, 10 % stay as they are – and for each corrupted
 * patch its mean colour is predicted, three bits a channel, 512 colours. The paper does not say from where the other
 * patch is; here it is of the same image, so that an image does not depend on those beside it. Every image has the same
 * number of corrupted patches.
 *
 * <p>The parameters of the model inside keep their names; beside them are {@code mask_token} and {@code color_head},
 * which are for this training alone. Random numbers are the engine's, as those of dropout are.
 *
 * <p>Shapes: {@code B} images of {@code C} channels; {@code N} patches in an image, {@code M} of them corrupted;
 * {@code D} channels of a token.
 */
public final class MaskedPatches extends Model {
    /** Share of the patches that are corrupted. */
    private static final double CORRUPTED = 0.5;

    /**
     * Share of the corrupted patches that is replaced by the mask token, and that with those replaced by another patch.
     */
    private static final double MASKED = 0.8, MASKED_OR_SWAPPED = 0.9;

    /** Levels of a channel: three bits. */
    private static final int LEVELS = 8;

    private final Model model;
    private final PatchTokens patches;
    private final Parameter maskToken;
    private final Linear colorHead;
    private final int colors;
    private final List<Double> mean, std;

    /**
     * @param model whose tokens keep the grid of patches; closed with this one
     * @param mean of each channel, that was taken from images with levels of 0 to 1
     * @param std of each channel, that they were then divided by
     * @param name of the model, for errors
     * @throws VitrailException if the model has no token for each patch
     */
    public MaskedPatches(Model model, List<Double> mean, List<Double> std, String name) {
        super(model.config());
        if (!(model instanceof PatchTokens tokens)) {
            throw VitrailException.of(
                    "%s cannot learn by masked patches, as its tokens are not the image's patches up to the last block:"
                            + " choose a ViT, a DeiT or a hybrid, such as vit_tiny_patch16_224",
                    name);
        }
        var config = model.config();
        require(
                config.imageHeight() % tokens.tokenHeight() == 0 && config.imageWidth() % tokens.tokenWidth() == 0,
                "masked patches need images of whole patches of %d×%d pixels, found images of %d×%d: choose another"
                        + " size",
                tokens.tokenHeight(),
                tokens.tokenWidth(),
                config.imageHeight(),
                config.imageWidth());
        this.patches = tokens;
        this.mean = List.copyOf(mean);
        this.std = List.copyOf(std);
        maskToken = parameter("mask_token", Init.truncatedNormal(0.02), 1, 1, model.width());
        this.model = child("", model);
        require(
                config.channels() <= 3,
                "masked patches are told by the colour of 1 to 3 channels, found %d",
                config.channels());
        colors = (int) Math.pow(LEVELS, config.channels());
        colorHead =
                child("color_head", new Linear(model.width(), colors, true, Init.truncatedNormal(0.02), Init.zeros()));
    }

    /** Draws initial values for what the model inside has not. */
    public void initialiseHead(Device device) {
        parameters().forEach((name, parameter) -> {
            if (onlyForTraining(name)) {
                parameter.initialise(device);
            }
        });
    }

    /** Number of colours. */
    public int colors() {
        return colors;
    }

    /**
     * Predictions for the corrupted patches of some images.
     *
     * @param logits {@code [B·M, colors]}, image by image
     * @param colors {@code [B·M]}, I64, the right ones
     */
    public record Guess(Tensor logits, Tensor colors) {}

    /**
     * Corrupts patches by new random numbers, and predicts their colours.
     *
     * @param images {@code [B, C, H, W]}, normalised
     */
    public Guess guess(Tensor images) {
        var all = Frame.all(() -> {
            var colors = colors(images); //                                            [B, N]
            var corruption = Corruption.draw(colors.size(0), colors.size(1), images.device());
            var tokens = patches.patchTokens(images, x -> corruption.apply(x, maskToken.value())); // [B, N, D]
            var asked = tokens.gather(1, wide(corruption.places, tokens.size(2))); //  [B, M, D]
            return List.of(
                    colorHead.apply(asked.flatten(0, 1)),
                    colors.gather(1, corruption.places).flat());
        });
        return new Guess(all.get(0), all.get(1));
    }

    /**
     * Corruption of patches of some images.
     *
     * @param places of the corrupted patches, {@code [B, M]}, I64, no two alike in an image
     * @param others for each a place of another patch of its image, {@code [B, M]}, I64
     * @param roles {@code [B, M]}, uniform in [0, 1): up to {@link #MASKED} the mask token takes its place, up to
     *     {@link #MASKED_OR_SWAPPED} the other patch does, and above that it stays
     */
    record Corruption(Tensor places, Tensor others, Tensor roles) {
        static Corruption draw(long B, long N, Device device) {
            int M = (int) Math.max(1, Math.round(CORRUPTED * N));
            var places = SharedBatch.rand(B, N).topk(M).get(1);
            // One to N−1 places further on; behind the last place comes the first.
            var sum = SharedBatch.rand(B, M)
                    .times(Math.max(1, N - 1))
                    .floor()
                    .plus(1)
                    .plus(places.to(DType.F32));
            var others =
                    sum.minus(sum.greaterThan(N - 1).to(DType.F32).times(N)).to(DType.I64);
            return new Corruption(
                    places.to(device), others.to(device), SharedBatch.rand(B, M).to(device));
        }

        /**
         * Corrupts embedded patches.
         *
         * @param x {@code [B, N, D]}
         * @param maskToken {@code [1, 1, D]}
         */
        Tensor apply(Tensor x, Tensor maskToken) {
            long D = x.size(2);
            var own = x.gather(1, wide(places, D));
            var swapped = x.gather(1, wide(others, D));
            var masked = maskToken.expand(places.size(0), places.size(1), D);
            var isKept = roles.greaterThan(MASKED_OR_SWAPPED).to(DType.F32).unsqueeze(2); // [B, M, 1]
            var isUnmasked = roles.greaterThan(MASKED).to(DType.F32).unsqueeze(2);
            var values = masked.times(isUnmasked.negated().plus(1))
                    .plus(swapped.times(isUnmasked.minus(isKept)))
                    .plus(own.times(isKept)); //                                       [B, M, D]
            return x.scatter(1, wide(places, D), values.to(x.dtype()));
        }
    }

    private static Tensor wide(Tensor places, long D) {
        return places.unsqueeze(2).expand(-1, -1, D);
    }

    /**
     * The mean colour of each patch, {@code [B, C, H, W] → [B, N]}, I64: red's level is the highest digit of base 8.
     */
    Tensor colors(Tensor images) {
        long B = images.size(0), C = images.size(1);
        long P = patches.tokenHeight(), Q = patches.tokenWidth();
        var means = images.reshape(B, C, images.size(2) / P, P, images.size(3) / Q, Q)
                .mean(false, 3, 5)
                .flatten(2); //                                                        [B, C, N]
        var levels = means.times(channels(std).to(images.device()))
                .plus(channels(mean).to(images.device()))
                .times(LEVELS)
                .floor()
                .atLeast(0)
                .atMost(LEVELS - 1);
        var color = levels.select(1, 0);
        for (int c = 1; c < C; c++) {
            color = color.times(LEVELS).plus(levels.select(1, c));
        }
        return color.to(DType.I64);
    }

    private static Tensor channels(List<Double> values) {
        var numbers = new float[values.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = values.get(i).floatValue();
        }
        return Tensor.of(numbers, 1, numbers.length, 1);
    }

    /**
     * Returns whether a parameter is the pretraining's own: the mask token or the color head, not one of the model
     * inside.
     */
    public static boolean adds(String parameter) {
        return parameter.equals("mask_token") || parameter.startsWith("color_head.");
    }

    @Override
    public boolean onlyForTraining(String parameter) {
        return adds(parameter);
    }

    // ------------------------------------------------------------------------------------------- as the model inside

    @Override
    public ModelConfig config() {
        return model.config();
    }

    @Override
    protected Tensor features(Tensor images) {
        return model.features(images);
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return model.pooled(features);
    }

    @Override
    protected Tensor logits(Tensor pooled) {
        return model.logits(pooled);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return model.featureInfo();
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return model.normalised(info, output);
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return model.map(info, output, images);
    }

    @Override
    public int width() {
        return model.width();
    }

    @Override
    public void resetClassifier(int classes) {
        model.resetClassifier(classes);
    }

    @Override
    public List<String> classifiers() {
        return model.classifiers();
    }

    @Override
    public String firstConv() {
        return model.firstConv();
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return parameter.equals("mask_token") || model.noWeightDecay(parameter);
    }

    @Override
    public int layer(String parameter) {
        return parameter.equals("mask_token")
                ? 0
                : parameter.startsWith("color_head.") ? model.layers() - 1 : model.layer(parameter);
    }

    @Override
    protected LayerGroups layerGroups() {
        return model.layerGroups();
    }
}
