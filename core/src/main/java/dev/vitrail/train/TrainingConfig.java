package dev.vitrail.train;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.images.PadAndCrop;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RandomFlip;
import dev.vitrail.images.RandomResizedCrop;
import dev.vitrail.images.TrainingTransform;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * Everything that decides a training run, so that a run can be repeated from this alone.
 *
 * @param model what it starts from: a name of the catalogue, or a folder with weights
 * @param data what it learns from: a folder or file, or the name of a built-in set
 * @param imageSize rows and columns of the input, pixels; empty: the model's own
 * @param epochs passes over the data
 * @param batchSize images in a step
 * @param seed of the first weights, of the order of the images and of every other random choice
 * @param optimizer who changes the weights
 * @param learningRate of a step at the top of the schedule
 * @param weightDecay share of a weight that a step at learning rate 1 takes away
 * @param beta1 AdamW's, see {@link AdamW.Settings}
 * @param beta2 AdamW's
 * @param eps AdamW's
 * @param momentum gradient descent's, see {@link Sgd.Settings}
 * @param nesterov gradient descent's
 * @param warmupEpochs epochs, or a part of one, at whose end the learning rate reaches its top
 * @param warmupLearningRate of the first step of the warm-up
 * @param lowestLearningRate of the last step
 * @param scheduleOnUpdates whether the learning rate changes with every step; else with every epoch
 * @param layerDecay learning rate of a layer over that of the layer above it; 1 for none
 * @param freezeBackbone whether only the classifier is trained
 * @param loss what is made small
 * @param labelSmoothing share of a label spread evenly over all classes
 * @param clipNorm longest that the gradient of all parameters together may be; empty: any length
 * @param dropPath rate of stochastic depth
 * @param emaDecay weight of the past in the running mean of the weights; empty: no mean
 * @param emaWarmup whether that weight grows from 0
 * @param crop which random part of an image is seen: {@code resized} or {@code shifted}
 * @param smallestCrop share of an image's area that a resized crop keeps at least
 * @param shift pixels that a shifted image moves at most
 * @param flip probability of mirroring left and right
 * @param holdOut share of the images that is set aside for validation where the data has no part for it
 * @param labels CSV file of file names and labels, for a flat folder; empty: the folders say it
 */
public record TrainingConfig(
        String model,
        String data,
        OptionalInt imageSize,
        int epochs,
        int batchSize,
        long seed,
        OptimizerKind optimizer,
        double learningRate,
        double weightDecay,
        double beta1,
        double beta2,
        double eps,
        double momentum,
        boolean nesterov,
        double warmupEpochs,
        double warmupLearningRate,
        double lowestLearningRate,
        boolean scheduleOnUpdates,
        double layerDecay,
        boolean freezeBackbone,
        LossKind loss,
        double labelSmoothing,
        OptionalDouble clipNorm,
        double dropPath,
        OptionalDouble emaDecay,
        boolean emaWarmup,
        CropKind crop,
        double smallestCrop,
        int shift,
        double flip,
        double holdOut,
        Optional<String> labels) {
    /** The optimisers to choose from. */
    public enum OptimizerKind {
        ADAMW,
        SGD
    }

    /** The losses to choose from. */
    public enum LossKind {
        CROSS_ENTROPY,
        BINARY_CROSS_ENTROPY
    }

    /** The random parts of an image to choose from. */
    public enum CropKind {
        /** A part of random size and shape, resized: for photos. */
        RESIZED,
        /** The whole, shifted by some pixels: for small pictures. */
        SHIFTED
    }

    public TrainingConfig {
        require(!model.isBlank(), "a run needs a model: name one of the catalogue, or a folder with weights");
        require(
                imageSize.isEmpty() || imageSize.getAsInt() > 0,
                "the image size must be positive, found %s pixels",
                imageSize.orElse(0));
        require(epochs > 0, "epochs must be 1 or more, found %d", epochs);
        require(batchSize > 0, "the batch size must be 1 or more, found %d", batchSize);
        require(
                learningRate > 0 && Double.isFinite(learningRate),
                "the learning rate must be positive, found %s",
                learningRate);
        require(weightDecay >= 0, "the weight decay must not be negative, found %s", weightDecay);
        require(
                warmupEpochs >= 0 && warmupEpochs < epochs,
                "%s epochs of warm-up leave nothing of %d epochs: warm up for fewer",
                warmupEpochs,
                epochs);
        require(
                warmupLearningRate >= 0 && lowestLearningRate >= 0 && lowestLearningRate <= learningRate,
                "the first learning rate %s and the lowest %s must not be negative, nor the lowest above the top %s",
                warmupLearningRate,
                lowestLearningRate,
                learningRate);
        require(layerDecay > 0 && layerDecay <= 1, "the layer decay must be in (0, 1], found %s", layerDecay);
        require(
                labelSmoothing >= 0 && labelSmoothing < 1,
                "the label smoothing must be in [0, 1), found %s",
                labelSmoothing);
        require(
                clipNorm.isEmpty() || clipNorm.getAsDouble() > 0,
                "the gradient's longest norm must be positive, found %s: leave it out to clip nothing",
                clipNorm.orElse(0));
        require(dropPath >= 0 && dropPath < 1, "the rate of drop path must be in [0, 1), found %s", dropPath);
        require(holdOut > 0 && holdOut < 1, "the share held out for validation must be in (0, 1), found %s", holdOut);
        // These check their own numbers.
        new RandomResizedCrop.Range(smallestCrop, 1);
        new PadAndCrop(1, 1, shift, PadAndCrop.Border.ZERO);
        new RandomFlip(flip, 0);
        new AdamW.Settings(beta1, beta2, eps);
        new Sgd.Settings(momentum, nesterov);
        emaDecay.ifPresent(decay -> new Ema.Settings(decay, emaWarmup));
    }

    /** AdamW at 10⁻³ with weight decay 0.05, five epochs of warm-up if there are more than ten, label smoothing 0.1. */
    public static TrainingConfig of(String model, String data, int epochs) {
        // spotless:off
        return new TrainingConfig(
                model, data, OptionalInt.empty(), epochs, 64, 0, OptimizerKind.ADAMW, 1e-3, 0.05, 0.9, 0.999, 1e-8, 0.9,
                true, epochs > 10 ? 5 : 0, 1e-6, 1e-6, true, 1, false, LossKind.CROSS_ENTROPY, 0.1,
                OptionalDouble.of(1), 0, OptionalDouble.empty(), true, CropKind.RESIZED, 0.08, 4, 0.5, 0.1, Optional.empty());
        // spotless:on
    }

    /** This configuration with some options changed. */
    public TrainingConfig with(Consumer<Options> change) {
        var options = new Options(this);
        change.accept(options);
        return options.config();
    }

    /** The model's configuration as this run trains it. */
    public ModelConfig configure(ModelConfig original, int classes) {
        var config = original.withClasses(classes).withDropPath(dropPath);
        return imageSize.isPresent() ? config.withImage(imageSize.getAsInt(), imageSize.getAsInt()) : config;
    }

    /** The random views that this run trains on. */
    public TrainingTransform transform(Preprocessing input) {
        var cut =
                switch (crop) {
                    case RESIZED ->
                        new RandomResizedCrop(
                                input.height(),
                                input.width(),
                                new RandomResizedCrop.Range(smallestCrop, 1),
                                RandomResizedCrop.DEFAULT_RATIO,
                                List.of(input.interpolation()));
                    case SHIFTED -> new PadAndCrop(input.height(), input.width(), shift, PadAndCrop.Border.ZERO);
                };
        var flipped = new RandomFlip(flip, 0);
        // Before it is shifted, a picture of another size is brought to the input's, just as validation does it.
        return crop == CropKind.SHIFTED
                ? TrainingTransform.of(input, List.of((image, random) -> input.apply(image), cut, flipped))
                : TrainingTransform.of(input, List.of(cut, flipped));
    }

    /** The learning rate over updates. */
    public Schedule schedule(int updatesPerEpoch) {
        long unit = scheduleOnUpdates ? updatesPerEpoch : 1;
        var byUnit = CosineSchedule.of(learningRate, epochs * unit).with(o -> {
            o.lowest = lowestLearningRate;
            o.warmup = Math.round(warmupEpochs * unit);
            o.warmupStart = warmupLearningRate;
        });
        return scheduleOnUpdates ? byUnit : update -> byUnit.rate(update / updatesPerEpoch);
    }

    /** The optimiser for a model's trainable parameters. */
    Optimizer optimizer(Model of) {
        var groups = layerDecay < 1
                ? ParameterGroups.byLayer(of, weightDecay, layerDecay)
                : ParameterGroups.byWeightDecay(of, weightDecay);
        return switch (optimizer) {
            case ADAMW -> new AdamW(groups, new AdamW.Settings(beta1, beta2, eps));
            case SGD -> new Sgd(groups, new Sgd.Settings(momentum, nesterov));
        };
    }

    /** The options of {@link TrainingConfig}, by the same names, to be changed one by one. */
    public static final class Options {
        public String model, data;
        public OptionalInt imageSize;
        public int epochs, batchSize;
        public long seed;
        public OptimizerKind optimizer;
        public double warmupEpochs,
                learningRate,
                weightDecay,
                beta1,
                beta2,
                eps,
                momentum,
                warmupLearningRate,
                lowestLearningRate;
        public double layerDecay, labelSmoothing, dropPath;
        public boolean nesterov, scheduleOnUpdates, freezeBackbone, emaWarmup;
        public LossKind loss;
        public OptionalDouble clipNorm, emaDecay;
        public CropKind crop;
        public double smallestCrop, flip, holdOut;
        public int shift;
        public Optional<String> labels;

        Options(TrainingConfig c) {
            model = c.model;
            data = c.data;
            imageSize = c.imageSize;
            epochs = c.epochs;
            batchSize = c.batchSize;
            seed = c.seed;
            optimizer = c.optimizer;
            learningRate = c.learningRate;
            weightDecay = c.weightDecay;
            beta1 = c.beta1;
            beta2 = c.beta2;
            eps = c.eps;
            momentum = c.momentum;
            nesterov = c.nesterov;
            warmupEpochs = c.warmupEpochs;
            warmupLearningRate = c.warmupLearningRate;
            lowestLearningRate = c.lowestLearningRate;
            scheduleOnUpdates = c.scheduleOnUpdates;
            layerDecay = c.layerDecay;
            freezeBackbone = c.freezeBackbone;
            loss = c.loss;
            labelSmoothing = c.labelSmoothing;
            clipNorm = c.clipNorm;
            dropPath = c.dropPath;
            emaDecay = c.emaDecay;
            emaWarmup = c.emaWarmup;
            crop = c.crop;
            smallestCrop = c.smallestCrop;
            shift = c.shift;
            flip = c.flip;
            holdOut = c.holdOut;
            labels = c.labels;
        }

        TrainingConfig config() {
            // spotless:off
            return new TrainingConfig(
                    model, data, imageSize, epochs, batchSize, seed, optimizer, learningRate, weightDecay, beta1, beta2,
                    eps, momentum, nesterov, warmupEpochs, warmupLearningRate, lowestLearningRate, scheduleOnUpdates,
                    layerDecay, freezeBackbone, loss, labelSmoothing, clipNorm, dropPath, emaDecay, emaWarmup,
                    crop, smallestCrop, shift, flip, holdOut, labels);
            // spotless:on
        }
    }
}
