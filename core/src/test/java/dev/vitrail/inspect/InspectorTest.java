package dev.vitrail.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** The figures of every family's miniature. */
class InspectorTest {
    private static LoadedModel load(String name) {
        return LoadedModel.load(name, LoadOptions.DEFAULT.withSeed(1));
    }

    private static RgbImage image(int index) {
        return StainedGlass.of(Split.VALIDATION).image(index);
    }

    private static float logit(Inspector inspector, RgbImage image, int c) {
        return inspector.on(
                List.of(image), batch -> inspector.model().apply(batch).toFloats()[c]);
    }

    @Test
    void aMapDoesNotChangeWhenOthersJoinTheBatch() {
        try (var loaded = load("swin_mini_32")) {
            var inspector = Inspector.of(loaded);
            var alone = inspector.relevance(image(0), 2);
            var together = inspector.on(
                    List.of(image(1), image(0)), batch -> Relevance.of(inspector.model(), batch, new int[] {1, 2}));
            for (int i = 0; i < alone.values().length; i++) {
                assertThat(together.get(1).values()[i])
                        .isCloseTo(alone.values()[i], within(1e-4f * alone.range()[1] + 1e-12f));
            }
        }
    }

    @Test
    void theMeanOfAClassActivationMapAndTheBiasAreTheLogit() {
        try (var loaded = load("resnet_mini_32")) {
            var inspector = Inspector.of(loaded);
            var model = inspector.model();
            var map = inspector.on(List.of(image(0)), batch -> ClassActivationMap.of(model, batch, new int[] {4})
                    .get(0));
            double mean = 0;
            for (float value : map.values()) {
                mean += value / (double) map.values().length;
            }
            var bias = Objects.requireNonNull(
                    model.parameters().get(model.classifiers().get(0) + ".bias"));
            double offset = Frame.compute(() -> (double) bias.value().toFloats()[4]);
            assertThat(mean + offset).isCloseTo(logit(inspector, image(0), 4), within(1e-4));
        }
    }

    @Test
    void curvesShareTheirEnds() {
        try (var loaded = load("vit_mini_patch4_32")) {
            var why = Inspector.of(loaded).explain(image(0));
            assertThat(why.methods()).extracting(Explanation.Method::name).contains("occlusion");
            for (var method : why.methods()) {
                var score = method.score().orElseThrow();
                int last = score.deletion().length - 1;
                assertThat(score.deletion()[0]).isEqualTo(score.insertion()[last]);
                assertThat(score.deletion()[last]).isEqualTo(score.insertion()[0]);
                assertThat(score.saco()).isBetween(-1.0, 1.0);
            }
            assertThat(why.sentence()).contains(why.label());
        }
    }

    @Test
    void aClassThatDoesNotDependOnTheImageIsFlat() {
        try (var loaded = load("vit_mini_patch4_32")) {
            var inspector = Inspector.of(loaded);
            var classifier = inspector
                    .model()
                    .parameters()
                    .get(inspector.model().classifiers().get(0) + ".weight");
            Frame.run(() -> {
                var weight = Objects.requireNonNull(classifier).value();
                try (var off = Gradients.off()) {
                    weight.select(0, 5).fillInPlace(0);
                }
            });
            assertThat(inspector.relevance(image(0), 5).flat()).isTrue();
            assertThat(inspector.relevance(image(0), 6).flat()).isFalse();
        }
    }

    @Test
    void aLayerThatGivesNoNumbersIsNamed() {
        try (var loaded = load("vit_mini_patch4_32")) {
            var inspector = Inspector.of(loaded);
            Frame.run(() -> {
                try (var off = Gradients.off()) {
                    Objects.requireNonNull(inspector.model().parameters().get("blocks.0.attn.qkv.weight"))
                            .value()
                            .fillInPlace(Double.NaN);
                }
            });
            assertThatThrownBy(() -> inspector.relevance(image(0), 1))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("blocks.0.attn");
            assertThatThrownBy(() -> inspector.explain(image(0)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("blocks.0.attn");
        }
    }

    @Test
    void aRepresentationThatDoesNotDependOnTheImageHasNoSimilarity() {
        Frame.run(() -> {
            var constant = Tensor.ones(6, 4);
            var gram = Cka.gram(constant, false, -1);
            assertThat(Cka.hsic(gram, gram, 6, true)).isCloseTo(0, within(1e-9));
            assertThat(constant.dtype()).isEqualTo(DType.F32);
        });
    }
}
