package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.EMA_DECAY;
import static dev.vitrail.train.TrainingOptions.EMA_WARMUP;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;
import static dev.vitrail.train.TrainingOptions.GRADIENT_CHECKPOINTING;
import static dev.vitrail.train.TrainingOptions.PRECISION;

import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.engine.Autocast;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Recomputation;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.WeightGradients;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Parameter;
import dev.vitrail.train.optim.GradScaler;
import dev.vitrail.train.optim.GradientClipping;
import dev.vitrail.train.optim.Optimizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One training step: the loss of its images, the gradients, and the update. */
public final class TrainingStep implements AutoCloseable {
    /** Precision of matrix products, convolutions and attention. */
    public enum Precision {
        F32(DType.F32),
        BF16(DType.BF16),
        /** Its range is small, so that the loss is scaled up. */
        F16(DType.F16);

        private final DType dtype;

        Precision(DType dtype) {
            this.dtype = dtype;
        }
    }

    private final TrainingConfig config;
    private final Model model;
    private final TrainingLoss loss;
    private final Device device;
    private final Optimizer optimizer;
    private final GradientClipping clipping;
    private final Optional<Ema> ema;
    private final Optional<GradScaler> scaler;
    private final Optional<DataParallel> parallel;

    /**
     * A step of one process. Its optimiser and running mean belong to the step; the model and the loss remain the
     * caller's.
     */
    public TrainingStep(TrainingConfig config, Model model, TrainingLoss loss) {
        this(config, model, loss, ProcessGroup.single());
    }

    /** A step of a group of processes; of one process, where the group is that. */
    TrainingStep(TrainingConfig config, Model model, TrainingLoss loss, ProcessGroup group) {
        this.config = config;
        this.model = model;
        this.loss = loss;
        device = model.device();
        if (config.get(FREEZE_BACKBONE)) {
            model.parameters().forEach((name, parameter) -> {
                if (!model.isClassifier(name)) {
                    parameter.setTrainable(false);
                }
            });
        }
        optimizer = Optimizers.of(config, model);
        clipping = Optimizers.clipping(config);
        ema = config.get(EMA_DECAY).isPresent() ? Optional.of(new Ema(model)) : Optional.empty();
        scaler = config.get(PRECISION) == Precision.F16
                ? Optional.of(new GradScaler(GradScaler.Settings.DEFAULT, device))
                : Optional.empty();
        parallel = group.isSingle()
                ? Optional.empty()
                : Optional.of(new DataParallel(
                        group,
                        config,
                        model,
                        model.parameters().values().stream()
                                .filter(Parameter::isTrainable)
                                .toList()));
    }

    /**
     * Images and what they show, as the model and the loss take them.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @param target {@code [B]} class indices, int64; or {@code [B, classes]} probabilities, float32
     */
    public record Inputs(Tensor images, Tensor target) {}

    /**
     * Result of a forward and backward pass.
     *
     * @param loss mean over the images
     * @param correct images whose highest logit is that of their class (of mixed images, the class with the largest
     *     share); where patches are asked for, an image counts by the share of them that is right
     */
    public record Pass(double loss, double correct) {}

    /**
     * Switches the model to training: with a frozen backbone it is used as it will be used later, its statistics fixed.
     */
    void begin() {
        model.train(!config.get(FREEZE_BACKBONE));
    }

    /**
     * Adds the gradients of some images to the parameters'.
     *
     * @param share of the step's images that these are, where a step is made of several batches
     */
    public Pass accumulate(Inputs inputs, double share) {
        return accumulate(inputs, share, Optional.empty(), pass -> {});
    }

    /**
     * Adds the gradients of this process's share of a batch to the parameters'.
     *
     * @param share of the step's images that these are
     * @param sent gets the gradients as they become complete; empty where more are to be added to them
     * @param told hears of the forward pass before the backward pass begins
     */
    Pass accumulate(Inputs inputs, double share, Optional<GradientBuckets> sent, Consumer<Pass> told) {
        sent.ifPresent(GradientBuckets::begin);
        try (var frame = Frame.open();
                var on = Gradients.on();
                var weights = WeightGradients.open(sent.map(buckets -> buckets));
                var recomputed = new Switched(config.get(GRADIENT_CHECKPOINTING) ? Recomputation.open() : null)) {
            var found = forward(inputs);
            double value = found.mean().item();
            long correct = found.logits()
                    .argmax(1)
                    .equalTo(found.classes())
                    .to(DType.I64)
                    .sum()
                    .itemLong();
            var pass = new Pass(
                    value,
                    (double) correct * inputs.images.size(0) / found.classes().count());
            told.accept(pass);
            // Other processes wait for this one's part in their sums, whatever it is.
            if (Double.isFinite(value) || parallel.isPresent()) {
                var part = share == 1 ? found.mean() : found.mean().times(share);
                scaler.map(scaling -> scaling.scaled(part)).orElse(part).backward();
                weights.compute();
            }
            return pass;
        }
    }

    /** This process's part in the steps of a group; empty where it trains alone. */
    Optional<DataParallel> parallel() {
        return parallel;
    }

    /** The forward pass, in the run's precision; the backward pass takes each operation's from it. */
    private TrainingLoss.Found forward(Inputs inputs) {
        var precision = config.get(PRECISION);
        try (var cast =
                new Switched(precision == Precision.F32 ? null : Autocast.open(device.type(), precision.dtype))) {
            return loss.of(model, inputs.images, inputs.target);
        }
    }

    /** Something that is open only where the run's options ask for it. */
    private record Switched(@Nullable AutoCloseable opened) implements AutoCloseable {
        @Override
        public void close() {
            try {
                if (opened != null) {
                    opened.close();
                }
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /**
     * Gives the gradients their own size again, where the loss was scaled.
     *
     * @return false if one of them is not finite
     */
    boolean unscale() {
        if (scaler.isEmpty()) {
            return true;
        }
        boolean fine = Frame.compute(() -> scaler.get()
                .unscale(optimizer.groups().stream()
                        .flatMap(group -> group.parameters().values().stream())
                        .map(Parameter::value)
                        .filter(Tensor::hasGradient)
                        .map(Tensor::gradient)
                        .toList()));
        if (fine) {
            scaler.get().update();
        }
        return fine;
    }

    /**
     * Lowers the scale of the loss, if that may be why a gradient is not finite. This happens now and then, and the
     * step must be left out.
     *
     * @return false if the loss is not scaled, or hardly
     */
    boolean lowerScale() {
        return scaler.isPresent() && scaler.get().lower();
    }

    /** Length of the gradients as they are, scaled or not; no finite number if one of them is none. */
    double norm() {
        return new GradientClipping.None().apply(model);
    }

    /** Unscales the gradients and clips them; gives the norm that they had before, not finite if one of them is not. */
    double clippedNorm() {
        return unscale() ? clip() : norm();
    }

    /** Clips the gradients; gives the norm that they had before. */
    public double clip() {
        return clipping.apply(model);
    }

    /**
     * Changes the weights by the gradients, and forgets these.
     *
     * @param rate the learning rate
     * @param update its number, from 1
     */
    public void update(double rate, long update) {
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

    /** The tensors that steps change besides the model's, by names of their own: what a run saves and restores. */
    Map<String, Tensor> state() {
        var all = new LinkedHashMap<String, Tensor>();
        optimizer.state().forEach((name, tensor) -> all.put("optimizer/" + name, tensor));
        ema.ifPresent(average -> average.state().forEach((name, tensor) -> all.put("ema/" + name, tensor)));
        all.putAll(scaling());
        return all;
    }

    /** Part of {@link #state} that holds the scale of the loss. */
    Map<String, Tensor> scaling() {
        var all = new LinkedHashMap<String, Tensor>();
        scaler.ifPresent(scaling -> scaling.state().forEach((name, tensor) -> all.put("scaler/" + name, tensor)));
        return all;
    }

    TrainingLoss loss() {
        return loss;
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
        parallel.ifPresent(DataParallel::close);
        scaler.ifPresent(GradScaler::close);
    }
}
