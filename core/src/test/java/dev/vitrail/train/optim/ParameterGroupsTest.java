package dev.vitrail.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.train.Fixture;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class ParameterGroupsTest {
    private static final Fixture FIXTURE = new Fixture("layer_decay");

    static List<String> names(JsonNode group) {
        var names = new ArrayList<String>();
        group.get("params").forEach(name -> names.add(name.asText()));
        return names;
    }

    /** Every family of the fixture that the catalogue has. */
    @TestFactory
    Stream<DynamicTest> groupsAreTheOriginals() {
        return FIXTURE.json.get("models").properties().stream()
                .filter(entry -> Catalog.find(entry.getKey()).isPresent())
                .map(entry ->
                        DynamicTest.dynamicTest(entry.getKey(), () -> assertGroups(entry.getKey(), entry.getValue())));
    }

    private static void assertGroups(String variant, JsonNode expected) {
        double decay = FIXTURE.json.get("layer_decay").asDouble();
        double weightDecay = FIXTURE.json.get("weight_decay").asDouble();
        try (var model = Catalog.get(variant).create()) {
            var byLayer = ParameterGroups.byLayer(model, weightDecay, decay);
            var groups = expected.get("layer_decay_groups");
            assertThat(byLayer).hasSize(groups.size());
            for (int i = 0; i < byLayer.size(); i++) {
                var group = byLayer.get(i);
                assertThat(List.copyOf(group.parameters().keySet())).isEqualTo(names(groups.get(i)));
                assertThat(group.learningRateScale())
                        .isCloseTo(groups.get(i).get("lr_scale").asDouble(), within(1e-15));
                assertThat(group.weightDecay())
                        .isEqualTo(groups.get(i).get("weight_decay").asDouble());
            }
            var spared = new ArrayList<String>();
            expected.get("weight_decay_no").forEach(name -> spared.add(name.asText()));
            var byDecay = ParameterGroups.byWeightDecay(model, weightDecay);
            assertThat(byDecay.get(0).weightDecay()).isZero();
            assertThat(List.copyOf(byDecay.get(0).parameters().keySet())).isEqualTo(spared);
            assertThat(byDecay.get(1).weightDecay()).isEqualTo(weightDecay);
            assertThat(byDecay.get(0).parameters().size()
                            + byDecay.get(1).parameters().size())
                    .isEqualTo(model.parameters().size());
        }
    }

    @Test
    void frozenParametersAreInNoGroup() {
        try (var model = Catalog.get("vit_tiny_patch16_224").create()) {
            model.parameters().forEach((name, parameter) -> parameter.setTrainable(name.startsWith("head.")));
            assertThat(ParameterGroups.byWeightDecay(model, 0.1))
                    .extracting(group -> List.copyOf(group.parameters().keySet()))
                    .containsExactly(List.of("head.bias"), List.of("head.weight"));
        }
    }
}
