package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.CLIP_NORM;
import static dev.vitrail.train.TrainingOptions.EMA_DECAY;
import static dev.vitrail.train.TrainingOptions.EMA_WARMUP;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Kernels;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What one step of training does to a model: the loss of its images, the gradients, and the update. */
public final class TrainingStep implements AutoCloseable {
    private final TrainingConfig config;
    private final Model model;
    private final TrainingLoss loss;
    private final Optimizer optimizer;
    private final Optional<Ema> ema;

    /** Its optimiser and running mean belong to the step; the model remains the caller's. */
    public TrainingStep(TrainingConfig config, Model model) {
        this.config = config;
        this.model = model;
        if (config.get(FREEZE_BACKBONE)) {
            FineTuning.freezeBackbone(model);
        }
        loss = new TrainingLoss(config);
        optimizer = Optimizers.of(config, model);
        ema = config.get(EMA_DECAY).isPresent() ? Optional.of(new Ema(model)) : Optional.empty();
    }

    /**
     * Images and what they show, as the model and the loss take them.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @param target {@code [B]} class indices, int64; or {@code [B, classes]} probabilities, float32
     */
    public record Inputs(Tensor images, Tensor target) {}

    /**
     * What a forward and backward pass found.
     *
     * @param loss mean over the images
     * @param correct images whose highest logit is that of their class (of mixed images, the class with the largest share)
     */
    public record Pass(double loss, long correct) {}

    /** Switches the model to training: with a frozen backbone it is used as it will be used later, its statistics fixed. */
    void begin() {
        model.train(!config.get(FREEZE_BACKBONE));
    }

    /**
     * Adds the gradients of some images to the parameters'.
     *
     * @param share of the step's images that these are, where a step is made of several batches
     */
    public Pass accumulate(Inputs inputs, double share) {
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            var logits = model.apply(inputs.images);
            var mean = loss.of(logits, inputs.target);
            double value = mean.item();
            if (Double.isFinite(value)) {
                (share == 1 ? mean : mean.times(share)).backward();
            }
            var classes = inputs.target.dims() == 1 ? inputs.target : inputs.target.argmax(1);
            long correct = logits.argmax(1).equalTo(classes).to(DType.I64).sum().itemLong();
            return new Pass(value, correct);
        }
    }

    /** Clips the gradients; gives the norm that they had before. */
    double clip() {
        return Kernels.clipGradientNorm(trained(), config.get(CLIP_NORM).orElse(Double.POSITIVE_INFINITY));
    }

    /**
     * Changes the weights by the gradients, and forgets these.
     *
     * @param rate the learning rate
     * @param update its number, from 1
     */
    void update(double rate, long update) {
        optimizer.step(rate);
        optimizer.zeroGradients();
        ema.ifPresent(average -> average.update(
                new Ema.Settings(config.get(EMA_DECAY).orElseThrow(), config.get(EMA_WARMUP)).decayAt(update)));
    }

    /** Forgets the gradients without using them. */
    public void discard() {
        optimizer.zeroGradients();
    }

    /** Copies of what a forward pass changes by itself, such as running means, in the caller's frame. */
    Map<String, Tensor> buffers() {
        var copies = new LinkedHashMap<String, Tensor>();
        model.parameters().forEach((name, parameter) -> {
            if (parameter.isBuffer()) {
                copies.put(name, parameter.value().copy());
            }
        });
        return copies;
    }

    /** Undoes what forward passes have changed since {@link #buffers}. */
    void restore(Map<String, Tensor> buffers) {
        var parameters = model.parameters();
        Frame.run(() -> parameters.forEach((name, parameter) -> {
            var before = buffers.get(name);
            if (before != null) {
                parameter.value().copyInPlace(before);
            }
        }));
    }

    /** The values that are trained; not to be kept, as averaging gives a parameter new ones. */
    private List<Tensor> trained() {
        return trainable().map(Parameter::value).toList();
    }

    private Stream<Parameter> trainable() {
        return optimizer.groups().stream().flatMap(group -> group.parameters().values().stream());
    }

    Optimizer optimizer() {
        return optimizer;
    }

    Optional<Ema> ema() {
        return ema;
    }

    /** Frees what training added to the model. */
    @Override
    public void close() {
        optimizer.zeroGradients();
        optimizer.close();
        ema.ifPresent(Ema::close);
    }
}
