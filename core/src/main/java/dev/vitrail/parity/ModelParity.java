package dev.vitrail.parity;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.train.Losses;
import dev.vitrail.weights.Checkpoint;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A model with given weights: its logits, features, blocks, attention and every gradient against the original's. */
final class ModelParity {
    private static final double LOGITS = 2e-5;
    private static final double INNER = 1e-4;
    private static final double GRADIENT = 1e-4;
    private static final double CLAMPED_GRADIENT = 3e-4;
    private static final double NOTHING = 1e-6;

    private final GoldenCase golden;
    private final Outcome.Collector outcome;
    private final Model model;
    private final Upstream.Built built;

    private ModelParity(GoldenCase golden, Outcome.Collector outcome, Upstream.Built built) {
        this.golden = golden;
        this.outcome = outcome;
        this.built = built;
        model = built.model();
    }

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var built = Upstream.model(golden.json());
        try (var model = built.model()) {
            Checkpoint.load(model, built.family(), golden.below("weights/"), Checkpoint.Classifier.STRICT, Device.CPU);
            var parity = new ModelParity(golden, outcome, built);
            Frame.run(parity::compareBlocks);
            Frame.run(parity::compareInference);
            Frame.run(parity::compareGradients);
        }
    }

    /**
     * Compares inner results in the order of computation, so that the first complaint names the first that diverges.
     */
    private void compareBlocks() {
        model.train(false);
        Map<String, String> wanted = new LinkedHashMap<>();
        for (var list : new String[] {"blocks", "attn"}) {
            golden.json()
                    .path(list)
                    .forEach(entry -> wanted.put(
                            ourModule(entry.path("module").asText()),
                            entry.path("key").asText()));
        }
        try (var off = Gradients.off();
                var hook = ForwardHook.of(model, wanted::containsKey)) {
            var logits = model.apply(golden.tensor("input"));
            hook.activations().forEach((module, tensor) -> {
                var key = wanted.get(module);
                if (key != null && golden.has(key)) {
                    compareInner(key.startsWith("attn") ? "attention_error" : "blocks_error", module, tensor, key);
                }
            });
            wanted.forEach((module, key) -> {
                if (golden.has(key) && !hook.activations().containsKey(module)) {
                    outcome.fail("the model has no module '%s' to compare".formatted(module));
                }
            });
            compareLogits("logits_error", "the logits, computed block by block,", logits);
        }
    }

    private void compareInner(String figure, String what, Tensor found, String key) {
        var difference = Difference.of(found.toFloats(), golden.floats(key));
        outcome.check(
                figure, "the output of '%s'".formatted(what), difference, INNER * Math.max(1, difference.scale()), 0);
    }

    private void compareLogits(String figure, String what, Tensor found) {
        outcome.check(figure, what, Difference.of(found.toFloats(), golden.floats("logits")), LOGITS, LOGITS);
    }

    private void compareInference() {
        try (var off = Gradients.off()) {
            var input = golden.tensor("input");
            if (golden.has("features")) {
                var expected = golden.tensors().get("features").shape();
                var features = model.extractFeatures(input);
                var found = Arrays.equals(features.shape(), expected) ? features : model.embed(input);
                compareInner("features_error", "features", found, "features");
            }
            for (int i = 0; golden.has("features/" + i); i++) {
                compareInner("features_error", "features", model.embed(input).select(1, i), "features/" + i);
            }
            compareFeatureMaps(input);
            compareLogits("logits_error", "the logits of plain inference", model.apply(input));
        }
    }

    /**
     * Feature maps against the last block of their stage, brought from the original's layout to {@code [B, C, H, W]}.
     */
    private void compareFeatureMaps(Tensor input) {
        var keys = new HashMap<String, String>();
        golden.json()
                .path("blocks")
                .forEach(entry -> keys.put(
                        ourModule(entry.path("module").asText()),
                        entry.path("key").asText()));
        var infos = model.featureInfo();
        for (int i = 0; i < infos.size(); i++) {
            var module = infos.get(i).module();
            var last = model.blocks().stream()
                    .filter(name -> name.equals(module) || name.startsWith(module + "."))
                    .reduce((first, second) -> second)
                    .orElse(module);
            var key = keys.get(last);
            if (key != null && golden.has(key)) {
                int index = i;
                Frame.run(() -> {
                    var map = model.featureMaps(input, List.of(index)).get(0).map();
                    var difference = Difference.of(
                            map.toFloats(), asMap(golden.tensor(key), map).toFloats());
                    outcome.check(
                            "feature_map_error",
                            "the feature map of '%s'".formatted(module),
                            difference,
                            INNER * Math.max(1, difference.scale()),
                            0);
                });
            }
        }
    }

    private static Tensor asMap(Tensor block, Tensor map) {
        if (block.dims() == 3) {
            long places = map.size(2) * map.size(3);
            return block.narrow(1, block.size(1) - places, places)
                    .transpose(1, 2)
                    .reshape(map.shape());
        }
        return Arrays.equals(block.shape(), map.shape()) ? block : block.permute(0, 3, 1, 2);
    }

    private void compareGradients() {
        if (!golden.has("loss")) {
            return;
        }
        model.train(golden.json().path("grad_mode").asText("train").equals("train"));
        var input = golden.tensor("input").requireGradient(golden.has("grad_input"));
        var loss = loss(input);
        outcome.check("loss_error", "the loss", Difference.of(loss.toFloats(), golden.floats("loss")), LOGITS, LOGITS);
        loss.backward();
        if (golden.has("grad_input")) {
            compareGradient("the input", input.gradient(), "grad_input", false);
        }
        var ours = ourNames();
        var silent = golden.json().path("zero_effect_params").toString();
        var names = golden.below("grad/").names();
        for (var theirs : names) {
            var parameter = model.parameters().get(ours.get(theirs));
            if (parameter == null) {
                outcome.fail("the model has no parameter for the gradient of '%s'".formatted(theirs));
                continue;
            }
            var value = parameter.value();
            Frame.run(() -> compareGradient(
                    theirs,
                    value.hasGradient() ? value.gradient() : Tensor.zeros(value.shape()),
                    "grad/" + theirs,
                    silent.contains("\"" + theirs + "\"")));
        }
        model.parameters().forEach((name, parameter) -> {
            if (parameter.isTrainable() && parameter.value().hasGradient() && !ours.containsValue(name)) {
                outcome.fail("'%s' has a gradient that the original has not".formatted(name));
            }
        });
    }

    private Tensor loss(Tensor input) {
        var target = golden.tensor("target");
        if (!golden.json().path("loss").asText().equals("deit_distillation")) {
            var logits = model.apply(input);
            compareLogits("logits_error", "the logits while training", logits);
            return Losses.crossEntropy(logits, target, 0);
        }
        var heads = model.trainingLogits(input);
        for (int i = 0; i < heads.size(); i++) {
            outcome.check(
                    "logits_error",
                    "head %d while training".formatted(i),
                    Difference.of(heads.get(i).toFloats(), golden.floats("train_outputs/" + i)),
                    LOGITS,
                    LOGITS);
        }
        var distillation = golden.json().path("distillation");
        return Losses.distilled(
                Losses.crossEntropy(heads.get(0), target, 0),
                Losses.Distillation.valueOf(distillation.path("type").asText().toUpperCase(Locale.ROOT)),
                heads.get(1),
                golden.tensor("teacher_logits"),
                distillation.path("alpha").asDouble(),
                distillation.path("tau").asDouble());
    }

    private void compareGradient(String name, Tensor found, String key, boolean silent) {
        var difference = Difference.of(found.toFloats(), golden.floats(key));
        if (silent) {
            var nothing = Difference.of(found.toFloats(), new float[(int) found.count()]);
            outcome.check(
                    "silent_gradient",
                    "the gradient of '%s', which has no effect,".formatted(name),
                    nothing,
                    NOTHING,
                    0);
            return;
        }
        double scale = difference.scale();
        double relative = scale == 0 ? difference.largest() / NOTHING : difference.largest() / scale;
        outcome.figure("gradient_error", relative);
        double limit = scale == 0 ? 1 : clamped() ? CLAMPED_GRADIENT : GRADIENT;
        if (!(relative <= limit)) {
            outcome.fail("the gradient of '%s' is off by %.2e of its largest element".formatted(name, relative));
        }
    }

    /** Swin V2 clamps its logit scale; at the clamp the original's own single precision is off by that much. */
    private boolean clamped() {
        return golden.json().path("class").asText().contains("swin_transformer_v2");
    }

    /** Our name of the original's module: what is left when the name of a weight below it is taken off ours. */
    private String ourModule(String theirs) {
        var weights = golden.below("weights/");
        for (var weight : weights.names()) {
            if (weight.startsWith(theirs + ".")) {
                var own = Checkpoint.ourName(built.family(), model, weights, weight)
                        .orElse(weight);
                var rest = weight.substring(theirs.length());
                if (own.endsWith(rest)) {
                    return own.substring(0, own.length() - rest.length());
                }
            }
        }
        return theirs;
    }

    /** Our parameters by the original's names. */
    private Map<String, String> ourNames() {
        var names = new HashMap<String, String>();
        var weights = golden.below("weights/");
        var own = model.parameters().keySet();
        for (var theirs : weights.names()) {
            names.put(
                    theirs,
                    Checkpoint.ourName(built.family(), model, weights, theirs).orElse(theirs));
        }
        names.values().retainAll(own);
        return names;
    }
}
