package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.Parameter;
import dev.vitrail.train.Ema;
import dev.vitrail.train.Losses;
import dev.vitrail.train.optim.AdamW;
import dev.vitrail.train.optim.Optimizer;
import dev.vitrail.train.optim.ParameterGroup;
import dev.vitrail.train.optim.ParameterGroups;
import dev.vitrail.train.optim.Sgd;
import dev.vitrail.train.schedule.CosineSchedule;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.StoredTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Parts of a training step: optimizers, parameter groups, schedules, averaged weights. */
final class TrainingParity {
    private static final double LOSS = 1e-5;
    private static final double WEIGHT = 5e-6;
    private static final double RATE = 1e-9;

    private TrainingParity() {}

    /** Some steps of training a small model, number by number. */
    static void optimizer(GoldenCase golden, Outcome.Collector outcome) {
        var json = golden.json();
        var built = Upstream.model(json.path("model"));
        try (var model = built.model()) {
            Checkpoint.load(model, built.family(), golden.below("init/"), Checkpoint.Classifier.STRICT, Device.CPU);
            model.train(true);
            double rate = json.path("optimizer").path("lr").asDouble();
            try (var optimizer = optimizer(json, model)) {
                compareGroups(json.path("param_groups"), optimizer.groups(), rate, outcome);
                for (int step = 0; step < json.path("steps").asInt(); step++) {
                    int number = step;
                    Frame.run(() -> step(golden, outcome, model, optimizer, rate, number));
                }
                compareWeights(golden, outcome, model);
                optimizer.state().forEach((name, value) -> {
                    if (golden.has("state/" + name)) {
                        outcome.check(
                                "state_error",
                                "the optimiser's " + name,
                                Difference.of(value.toFloats(), golden.floats("state/" + name)),
                                WEIGHT,
                                WEIGHT);
                    }
                });
            }
        }
    }

    private static Optimizer optimizer(JsonNode json, Model model) {
        var settings = json.path("optimizer");
        double decay = settings.path("weight_decay").asDouble();
        var layerDecay = json.path("layer_decay");
        List<ParameterGroup> groups = layerDecay.isNumber()
                ? ParameterGroups.byLayer(model, decay, layerDecay.asDouble())
                : json.path("timm_param_groups").asBoolean()
                        ? ParameterGroups.byWeightDecay(model, decay)
                        : ParameterGroups.single(model, decay);
        return switch (settings.path("name").asText()) {
            case "adamw" ->
                new AdamW(
                        groups,
                        new AdamW.Settings(
                                settings.path("betas").path(0).asDouble(0.9),
                                settings.path("betas").path(1).asDouble(0.999),
                                settings.path("eps").asDouble(1e-8)));
            case "sgd" ->
                new Sgd(
                        groups,
                        new Sgd.Settings(
                                settings.path("momentum").asDouble(0),
                                settings.path("nesterov").asBoolean(false)));
            default ->
                throw VitrailException.of(
                        "the optimiser '%s' is not known here",
                        settings.path("name").asText());
        };
    }

    private static void step(
            GoldenCase golden, Outcome.Collector outcome, Model model, Optimizer optimizer, double rate, int step) {
        var logits = model.apply(golden.tensor("inputs").select(0, step).contiguous());
        var expected = golden.tensor("logits_per_step").select(0, step);
        outcome.check(
                "logits_error",
                "the logits of step %d".formatted(step),
                Difference.of(logits.toFloats(), expected.toFloats()),
                LOSS,
                LOSS);
        var loss = Losses.crossEntropy(logits, golden.tensor("targets").select(0, step), 0);
        loss.backward();
        double limit = golden.json().path("clip_grad_norm").asDouble(Double.POSITIVE_INFINITY);
        double norm = Functional.clipGradientNorm(
                model.parameters().values().stream().map(Parameter::value).toList(), limit);
        compareNumber(outcome, "loss_error", "the loss of step " + step, loss.item(), golden.floats("losses")[step]);
        compareNumber(
                outcome,
                "norm_error",
                "the gradients' norm of step " + step,
                norm,
                golden.floats("grad_norms_before_clip")[step]);
        optimizer.step(rate);
        optimizer.zeroGradients();
    }

    private static void compareNumber(
            Outcome.Collector outcome, String figure, String what, double found, double wanted) {
        outcome.check(
                figure, what, Difference.of(new float[] {(float) found}, new float[] {(float) wanted}), LOSS, LOSS);
    }

    private static void compareWeights(GoldenCase golden, Outcome.Collector outcome, Model model) {
        for (var expected : golden.below("final/")) {
            var parameter = model.parameters().get(expected.name());
            if (parameter == null) {
                outcome.fail("the model has no parameter '%s'".formatted(expected.name()));
                continue;
            }
            // The keys' bias shifts all scores of a query alike: its gradient is rounding noise, and Adam takes full
            // steps along
            // noise. Its third of the joint bias is therefore compared through the logits alone.
            var found = withoutKeyBias(expected.name(), parameter.value().toFloats());
            var wanted = withoutKeyBias(expected.name(), expected.toFloats());
            outcome.check("weights_error", expected.name(), Difference.of(found, wanted), WEIGHT, WEIGHT);
        }
        model.train(false);
        Frame.run(() -> outcome.check(
                "logits_error",
                "the logits after training",
                Difference.of(
                        model.apply(golden.tensor("inputs").select(0, 0).contiguous())
                                .toFloats(),
                        golden.floats("final_eval_logits")),
                LOSS,
                LOSS));
    }

    private static float[] withoutKeyBias(String name, float[] values) {
        if (!name.endsWith("attn.qkv.bias")) {
            return values;
        }
        int third = values.length / 3;
        var kept = Arrays.copyOf(values, 2 * third);
        System.arraycopy(values, 2 * third, kept, third, third);
        return kept;
    }

    private static void compareGroups(
            JsonNode expected, List<ParameterGroup> found, double rate, Outcome.Collector outcome) {
        if (expected.size() != found.size()) {
            outcome.fail("%d parameter groups, expected %d".formatted(found.size(), expected.size()));
            return;
        }
        for (int i = 0; i < found.size(); i++) {
            var names = new ArrayList<String>();
            expected.get(i).path("params").forEach(name -> names.add(name.asText()));
            var group = found.get(i);
            double scale = expected.get(i).path("lr_scale").asDouble(1);
            if (!new ArrayList<>(group.parameters().keySet()).equals(names)) {
                outcome.fail("parameter group %d holds %s, expected %s"
                        .formatted(i, group.parameters().keySet(), names));
            }
            outcome.figure("scale_error", Math.abs(group.learningRateScale() - scale));
            if (Math.abs(group.learningRateScale() - scale) > RATE
                    || Math.abs(group.weightDecay()
                                    - expected.get(i).path("weight_decay").asDouble())
                            > RATE) {
                outcome.fail("parameter group %d learns at %s × %s with weight decay %s, expected %s"
                        .formatted(i, group.learningRateScale(), rate, group.weightDecay(), expected.get(i)));
            }
        }
    }

    /** The learning rates of a schedule, step by step. */
    static void schedule(GoldenCase golden, Outcome.Collector outcome) {
        for (var variant : golden.json().path("variants")) {
            var args = variant.path("args");
            var known = List.of(
                    "t_initial",
                    "lr_min",
                    "warmup_t",
                    "warmup_lr_init",
                    "warmup_prefix",
                    "cycle_limit",
                    "cycle_decay",
                    "t_in_epochs");
            args.fieldNames()
                    .forEachRemaining(name -> VitrailException.require(
                            known.contains(name), "the schedule's argument '%s' is not known here", name));
            var schedule = new CosineSchedule(
                            variant.path("base_lr").asDouble(),
                            args.path("t_initial").asLong(),
                            args.path("lr_min").asDouble(0),
                            args.path("cycle_limit").asInt(1),
                            args.path("cycle_decay").asDouble(1))
                    .warmedUp(
                            args.path("warmup_t").asLong(0),
                            args.path("warmup_lr_init").asDouble(0),
                            args.path("warmup_prefix").asBoolean(false));
            var rates = variant.path("lr");
            for (int t = 0; t < rates.size(); t++) {
                double difference = Math.abs(schedule.rate(t) - rates.get(t).asDouble());
                outcome.figure("rate_error", difference);
                if (!(difference <= RATE)) {
                    outcome.fail("%s: the rate at %d is %s, expected %s"
                            .formatted(variant.path("name").asText(), t, schedule.rate(t), rates.get(t)));
                }
            }
        }
    }

    /** Parameter groups by depth, for each model named. */
    static void layerDecay(GoldenCase golden, Outcome.Collector outcome) {
        double decay = golden.json().path("layer_decay").asDouble();
        double weightDecay = golden.json().path("weight_decay").asDouble();
        golden.json().path("models").properties().forEach(entry -> {
            try (var model = Catalog.get(entry.getKey()).create()) {
                var groups = ParameterGroups.byLayer(model, weightDecay, decay);
                compareGroups(entry.getValue().path("layer_decay_groups"), groups, 1, outcome);
            }
        });
    }

    /** The running mean of weights, over some updates. */
    static void ema(GoldenCase golden, Outcome.Collector outcome) {
        var settings = new Ema.Settings(golden.json().path("decay").asDouble(), false);
        var start = golden.below("model_0/");
        try (var model = new Bag(start)) {
            model.take(golden, 0);
            try (var ema = new Ema(model)) {
                for (int i = 1; i <= golden.json().path("steps").asInt(); i++) {
                    model.take(golden, i);
                    double decay =
                            golden.json().path("decay_used_v3").path(i - 1).asDouble(settings.decay());
                    ema.update(decay);
                }
                ema.state()
                        .forEach((name, value) -> outcome.check(
                                "average_error",
                                "the average of " + name,
                                Difference.of(value.toFloats(), golden.floats("ema_v3/" + name)),
                                1e-6,
                                1e-6));
            }
        }
        var warm = new Ema.Settings(0.9999, true);
        var steps = golden.json().path("warmup_steps");
        for (int i = 0; i < steps.size(); i++) {
            double wanted = golden.json().path("warmup_decay_example").path(i).asDouble();
            double found = warm.decayAt(steps.get(i).asLong());
            outcome.figure("decay_error", Math.abs(found - wanted));
            if (Math.abs(found - wanted) > 1e-6) {
                outcome.fail("the decay at update %d is %s, expected %s"
                        .formatted(steps.get(i).asLong(), found, wanted));
            }
        }
    }

    /** Parameters without a forward pass, shaped as a case's tensors. */
    private static final class Bag extends Module {
        Bag(Iterable<StoredTensor> tensors) {
            for (var tensor : tensors) {
                if (tensor.dtype().floating()) {
                    parameter(tensor.name(), Init.zeros(), tensor.shape());
                } else {
                    buffer(tensor.name(), tensor.dtype(), Init.zeros(), tensor.shape());
                }
            }
        }

        void take(GoldenCase golden, int index) {
            Frame.run(() -> parameters().forEach((name, parameter) -> {
                Tensor value = golden.tensor("model_" + index + "/" + name);
                parameter.assign(value);
            }));
        }
    }
}
