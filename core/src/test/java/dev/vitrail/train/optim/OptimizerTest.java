package dev.vitrail.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.nn.Parameter;
import dev.vitrail.train.Fixture;
import dev.vitrail.train.Losses;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Five training steps of a tiny ViT against PyTorch's, number by number. */
class OptimizerTest {
    @ParameterizedTest
    @ValueSource(strings = {"train_adamw_plain", "train_adamw_timm_groups", "train_sgd_nesterov_clip"})
    void trainsAsTheOriginal(String name) {
        var fixture = new Fixture(name);
        var args = fixture.json.at("/model/args");
        try (var model = ViTConfig.of(
                                args.get("img_size").asInt(),
                                args.get("patch_size").asInt(),
                                args.get("embed_dim").asInt(),
                                args.get("depth").asInt(),
                                args.get("num_heads").asInt())
                        .withClasses(args.get("num_classes").asInt())
                        .create();
                var frame = Frame.open()) {
            fixture.below("init/").forEach((parameter, values) -> Fixture.of(model.parameters(), parameter)
                    .assign(values.tensor()));
            model.train(true);
            try (var optimizer = optimizer(fixture, model)) {
                assertGroupsEqual(fixture, optimizer.groups());
                train(fixture, model, optimizer);
                fixture.below("final/")
                        .forEach((parameter, values) -> assertWeights(
                                parameter,
                                Fixture.of(model.parameters(), parameter).value(),
                                values));
                fixture.below("state/")
                        .forEach(
                                (part, values) -> assertClose(part, Fixture.of(optimizer.state(), part), values, 2e-6));
            }
        }
    }

    private static Optimizer optimizer(Fixture fixture, Model model) {
        var json = fixture.json.get("optimizer");
        double decay = json.get("weight_decay").asDouble();
        var groups = fixture.json.get("timm_param_groups").asBoolean()
                ? ParameterGroups.byWeightDecay(model, decay)
                : ParameterGroups.single(model, decay);
        return json.get("name").asText().equals("adamw")
                ? new AdamW(groups, AdamW.Settings.DEFAULT)
                : new Sgd(
                        groups,
                        new Sgd.Settings(
                                json.get("momentum").asDouble(),
                                json.get("nesterov").asBoolean()));
    }

    private static void assertGroupsEqual(Fixture fixture, List<ParameterGroup> groups) {
        var expected = fixture.json.get("param_groups");
        assertThat(groups).hasSize(expected.size());
        for (int i = 0; i < groups.size(); i++) {
            assertThat(groups.get(i).weightDecay())
                    .isEqualTo(expected.get(i).get("weight_decay").asDouble());
            assertThat(groups.get(i).parameters().keySet())
                    .map(String::toString)
                    .containsExactlyElementsOf(ParameterGroupsTest.names(expected.get(i)));
        }
    }

    private static void train(Fixture fixture, Model model, Optimizer optimizer) {
        double rate = fixture.json.at("/optimizer/lr").asDouble();
        double limit = fixture.json.get("clip_grad_norm").isNull()
                ? Double.POSITIVE_INFINITY
                : fixture.json.get("clip_grad_norm").asDouble();
        var logitsOfSteps = fixture.get("logits_per_step").tensor();
        for (int step = 0; step < fixture.json.get("steps").asInt(); step++) {
            try (var frame = Frame.open();
                    var on = Gradients.on()) {
                var logits = model.apply(
                        fixture.get("inputs").tensor().select(0, step).contiguous());
                var loss = Losses.crossEntropy(
                        logits, fixture.get("targets").classes().select(0, step), 0);
                loss.backward();
                double norm = Functional.clipGradientNorm(
                        model.parameters().values().stream()
                                .map(Parameter::value)
                                .toList(),
                        limit);
                assertThat(loss.item()).isCloseTo(fixture.get("losses").numbers()[step], within(2e-6));
                assertThat(norm).isCloseTo(fixture.get("grad_norms_before_clip").numbers()[step], within(2e-5));
                assertThat(logits.toFloats())
                        .usingComparatorWithPrecision(5e-6f)
                        .containsExactly(logitsOfSteps.select(0, step).toFloats());
                optimizer.step(rate);
                optimizer.zeroGradients();
            }
        }
    }

    private static void assertWeights(String name, Tensor found, Fixture.Values expected) {
        if (!name.endsWith("attn.qkv.bias")) {
            assertClose(name, found, expected, 2e-6);
            return;
        }
        // A bias of the keys shifts all scores of a query alike, so its gradient is rounding noise, and Adam takes full
        // steps along noise: its middle third is bound only by five steps of 10^-3.
        var want = expected.tensor();
        for (int third = 0; third < 3; third++) {
            assertThat(found.chunk(3, 0).get(third).toFloats())
                    .as(name)
                    .usingComparatorWithPrecision(third == 1 ? 1e-2f : 2e-6f)
                    .containsExactly(want.chunk(3, 0).get(third).toFloats());
        }
    }

    private static void assertClose(String what, Tensor found, Fixture.Values expected, double tolerance) {
        assertThat(found.toFloats())
                .as(what)
                .usingComparatorWithPrecision((float) tolerance)
                .containsExactly(expected.numbers());
    }
}
