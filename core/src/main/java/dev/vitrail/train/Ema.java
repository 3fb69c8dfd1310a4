package dev.vitrail.train;

import dev.vitrail.engine.Foreach;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A running mean of a model's weights (Polyak and Juditsky, 1992), which often classifies better than the weights
 * themselves. Parameters and buffers alike are averaged; whole numbers, such as a count of batches, are copied.
 */
public final class Ema implements AutoCloseable {
    /**
     * The weight of the past.
     *
     * @param decay share of the mean that an update keeps
     * @param warmup whether that share grows from 0 to {@code decay} over the first updates, so that the first weights,
     *     which are random, are forgotten soon
     */
    public record Settings(double decay, boolean warmup) {
        /** Power of the warm-up: timm's, under which a decay of 0.999 is reached after 31,623 updates. */
        private static final double WARMUP_POWER = 2.0 / 3;

        public Settings {
            VitrailException.require(decay > 0 && decay < 1, "an average's decay must be in (0, 1), found %s", decay);
        }

        /**
         * The share that an update keeps.
         *
         * @param update its number; update 1 still copies the weights, as before it nothing was learned
         */
        public double decayAt(long update) {
            long t = update - 1;
            if (t <= 0) {
                return 0;
            }
            return warmup ? Math.min(decay, 1 - Math.pow(1.0 + t, -WARMUP_POWER)) : decay;
        }
    }

    private final Module model;
    private final Map<String, Tensor> averages = new LinkedHashMap<>();

    /** Starts as a copy of the model. */
    public Ema(Module model) {
        this.model = model;
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            model.parameters()
                    .forEach((name, parameter) ->
                            averages.put(name, parameter.value().detach().copy().keep()));
        }
    }

    /** Takes the model's present values in: {@code average ← decay · average + (1 − decay) · value}. */
    public void update(double decay) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var means = new ArrayList<Tensor>();
            var values = new ArrayList<Tensor>();
            model.parameters().forEach((name, parameter) -> {
                var average = average(name);
                if (parameter.value().dtype().floating()) {
                    means.add(average);
                    values.add(parameter.value());
                } else {
                    average.copyInPlace(parameter.value());
                }
            });
            Foreach.lerpInPlace(means, values, 1 - decay);
        }
    }

    /** The averages by the names of the parameters; copying values into them restores a former state. */
    public Map<String, Tensor> state() {
        return Collections.unmodifiableMap(averages);
    }

    /** Runs {@code body} while the model's values are the averages; afterwards they are its own again. */
    public void during(Runnable body) {
        swap();
        try {
            body.run();
        } finally {
            swap();
        }
    }

    /** Exchanges the model's values and the averages: no copying, they change places. */
    private void swap() {
        Frame.run(() -> model.parameters().forEach((name, parameter) -> exchange(name, parameter)));
    }

    private void exchange(String name, Parameter parameter) {
        var average = average(name);
        var live = parameter.value().detach().keep();
        parameter.assign(average);
        averages.put(name, live);
        average.release();
    }

    private Tensor average(String name) {
        var average = averages.get(name);
        if (average == null) {
            throw new IllegalStateException("the parameter '" + name + "' joined the model after averaging began");
        }
        return average;
    }

    @Override
    public void close() {
        averages.values().forEach(Tensor::release);
        averages.clear();
    }
}
