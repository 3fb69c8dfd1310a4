package dev.vitrail.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.Golden;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Kernels;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Observation;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** Compares a model with a golden case: blocks, attention, features, logits, loss and all gradients. */
final class GoldenModels {
    private GoldenModels() {}

    static void compare(Golden golden) {
        try (var model = Upstream.model(golden.json()).model()) {
            Frame.run(() -> {
                var names = golden.below("weights/");
                assertThat(model.parameters().keySet()).containsExactlyInAnyOrderElementsOf(names);
                names.forEach(name -> of(model.parameters(), name).assign(golden.tensor("weights/" + name)));
            });
            Frame.run(() -> compareInference(golden, model));
            Frame.run(() -> compareGradients(golden, model));
        }
    }

    private static <T> T of(Map<String, T> map, String name) {
        return Objects.requireNonNull(map.get(name), name);
    }

    private static void compareInference(Golden golden, Model model) {
        var wanted = new HashMap<String, String>();
        for (var list : new String[] {"blocks", "attn"}) {
            golden.json()
                    .get(list)
                    .forEach(entry -> wanted.put(
                            entry.get("module").asText(), entry.get("key").asText()));
        }
        var input = golden.tensor("input");
        try (var off = Gradients.off()) {
            assertClose("logits", model.apply(input), golden.tensor("logits"), 2e-5, 2e-5);
            var expected = golden.tensor("features");
            var features = model.extractFeatures(input);
            var found = Arrays.equals(features.shape(), expected.shape()) ? features : model.embed(input);
            assertClose("features", found, expected, 1e-4, 0);
            try (var observation = Observation.of(model, wanted::containsKey)) {
                model.apply(input);
                assertThat(observation.seen().keySet()).containsAll(wanted.keySet());
                observation
                        .seen()
                        .forEach((name, seen) -> assertClose(name, seen, golden.tensor(of(wanted, name)), 1e-4, 0));
            }
        }
    }

    private static void compareGradients(Golden golden, Model model) {
        model.train(golden.json().get("grad_mode").asText().equals("train"));
        boolean inputToo = golden.has("grad_input");
        var input = golden.tensor("input").requireGradient(inputToo);
        var loss = Kernels.crossEntropy(model.apply(input), golden.tensor("target"), 0);
        assertClose("loss", loss.reshape(1), golden.tensor("loss"), 2e-5, 2e-5);
        loss.backward();
        if (inputToo) {
            assertGradient("input", input.gradient(), golden.tensor("grad_input"));
        }
        var names = golden.below("grad/");
        assertThat(names).isNotEmpty();
        for (var name : names) {
            assertGradient(name, of(model.parameters(), name).value().gradient(), golden.tensor("grad/" + name));
        }
        model.parameters()
                .forEach((name, parameter) ->
                        assertThat(parameter.isTrainable()).as(name).isEqualTo(names.contains(name)));
    }

    private static void assertGradient(String name, Tensor found, Tensor expected) {
        double scale = expected.count() == 0 ? 0 : expected.absolute().max().item();
        assertClose("gradient of " + name, found, expected, Math.max(1e-6, 1e-4 * scale), 0);
    }

    private static void assertClose(String what, Tensor found, Tensor expected, double absolute, double relative) {
        assertThat(found.shape()).as(what).isEqualTo(expected.shape());
        var a = found.toFloats();
        var b = expected.toFloats();
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i]).as("%s, element %d", what, i).isCloseTo(b[i], within((float)
                    (absolute + relative * Math.abs(b[i]))));
        }
    }
}
