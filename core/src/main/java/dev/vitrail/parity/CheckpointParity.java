package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.StateDict;
import dev.vitrail.weights.WeightsFile;
import dev.vitrail.weights.torch.TorchFile;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Checkpoints in foreign formats: the weights that come out of them, and the logits of a model that has them. */
final class CheckpointParity {
    private static final double LOGITS = 2e-5;
    /** Tolerance for resampled positions; copies are exact. */
    private static final double RESAMPLED = 1e-6;

    private final GoldenCase golden;
    private final Outcome.Collector outcome;

    private CheckpointParity(GoldenCase golden, Outcome.Collector outcome) {
        this.golden = golden;
        this.outcome = outcome;
    }

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var parity = new CheckpointParity(golden, outcome);
        var json = golden.json();
        VitrailException.require(
                json.has("npz") || json.path("files").size() > 0, "the case %s names no checkpoint", golden.id());
        if (json.has("npz")) {
            var file = json.path("npz").asText();
            Frame.run(
                    () -> parity.compare(file, WeightsFile.read(golden.sibling(file)), RESAMPLED, json.path("logits")));
        }
        for (var entry : json.path("files")) {
            var file = entry.path("file").asText();
            double limit = entry.path("exact").asBoolean() ? 0 : Double.POSITIVE_INFINITY;
            Frame.run(() -> parity.compare(
                    file,
                    TorchFile.read(golden.sibling(file), entry.path("use_ema").asBoolean()),
                    limit,
                    entry.path("logits")));
        }
    }

    /**
     * @param limit how far weights may be off
     * @param logits expected for these weights alone; missing if they are the case's own
     */
    private void compare(String file, StateDict state, double limit, JsonNode logits) {
        var built = Upstream.model(golden.json().path("model"));
        try (var model = built.model();
                var off = Gradients.off()) {
            load(model, built.family(), state);
            Set<String> seen = new HashSet<>();
            for (var expected : golden.below("weights/")) {
                var parameter = model.parameters().get(expected.name());
                if (parameter == null) {
                    outcome.fail("%s: the model has no parameter '%s'".formatted(file, expected.name()));
                    continue;
                }
                seen.add(expected.name());
                var difference = Difference.of(parameter.value().toFloats(), expected.toFloats());
                if (Double.isFinite(limit)) {
                    outcome.check("weights_error", file + ": " + expected.name(), difference, limit, 0);
                }
            }
            model.parameters().keySet().stream()
                    .filter(name -> !seen.contains(name))
                    .forEach(name -> outcome.fail("%s: nothing was expected for '%s'".formatted(file, name)));
            model.train(false);
            var expected = logits.isArray() ? flat(logits) : golden.floats("logits");
            var found = model.apply(golden.tensor("input")).toFloats();
            outcome.check("logits_error", file + ": the logits", Difference.of(found, expected), LOGITS, LOGITS);
        }
    }

    /**
     * Loads a checkpoint; the classifier that the original's reader leaves as it was gets the values that the case
     * has of it.
     */
    private void load(Model model, ModelFamily family, StateDict state) {
        var untouched = new HashSet<String>();
        golden.json().path("untouched_params").forEach(name -> untouched.add(name.asText()));
        var classifier = untouched.isEmpty() ? Checkpoint.Classifier.STRICT : Checkpoint.Classifier.RESET;
        var report = Checkpoint.load(model, family, state, classifier, Device.CPU);
        if (!untouched.isEmpty() && !untouched.equals(Set.copyOf(report.fresh()))) {
            outcome.fail("the original leaves %s as it was, and we %s".formatted(untouched, report.fresh()));
        }
        report.fresh().forEach(name -> Optional.ofNullable(model.parameters().get(name))
                .ifPresent(parameter -> parameter.assign(golden.tensor("weights/" + name))));
    }

    private static float[] flat(JsonNode rows) {
        var values = new float[rows.size() * rows.path(0).size()];
        for (int i = 0; i < values.length; i++) {
            int columns = rows.path(0).size();
            values[i] = (float) rows.get(i / columns).get(i % columns).asDouble();
        }
        return values;
    }
}
