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
import java.util.OptionalInt;
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

    @Test
    void branchRatiosAreThoseOfTheBlocksOwnInput() {
        try (var loaded = load("deit3_mini_patch4_32")) {
            var inspector = Inspector.of(loaded);
            var model = inspector.model();
            var found = inspector.on(
                    List.of(image(0)), batch -> BranchRatio.of(model, batch).get(0));
            assertThat(found).hasSameSizeAs(LayerScales.of(model));
            var second = found.get(2);
            assertThat(second.parameter()).isEqualTo("blocks.1.ls1.gamma");
            assertThat(second.block()).isEqualTo("blocks.1");
            assertThat(second.attention()).isTrue();
            var names = List.of("blocks.1.input", "blocks.1.ls1");
            double expected = inspector.on(
                    List.of(image(0)),
                    batch -> Pass.forward(model, batch, names, pass -> {
                        var input = pass.output("blocks.1.input");
                        var branch = pass.output("blocks.1.ls1");
                        int tokens = (int) pass.shape("blocks.1.ls1")[1], D = (int) pass.shape("blocks.1.ls1")[2];
                        double sum = 0;
                        for (int i = 0; i < tokens; i++) {
                            double a = 0, b = 0;
                            for (int c = 0; c < D; c++) {
                                a += Math.pow(branch[i * D + c], 2);
                                b += Math.pow(input[i * D + c], 2);
                            }
                            sum += Math.sqrt(a / b) / tokens;
                        }
                        return sum;
                    }));
            assertThat(second.ratio()).isCloseTo(expected, within(1e-4 * expected));
        }
    }

    @Test
    void rowsOfPatchesAndTheShareOfPrefixTokensAreAllAttention() {
        try (var loaded = load("vit_mini_patch4_32")) {
            var inspector = Inspector.of(loaded);
            var rows = inspector.attentionRows(image(0), true);
            var distances = inspector.on(List.of(image(0)), batch -> AttentionDistance.of(inspector.model(), batch)
                    .get(0));
            assertThat(rows).hasSameSizeAs(distances);
            for (int layer = 0; layer < rows.size(); layer++) {
                double patches = 0, prefix = 0;
                for (var row : rows.get(layer).rows()) {
                    for (float value : row.values()) {
                        patches += value / (double) rows.get(layer).rows().size();
                    }
                }
                for (float share : distances.get(layer).prefixShare()) {
                    prefix += share / (double) distances.get(layer).prefixShare().length;
                }
                assertThat(patches + prefix).isCloseTo(1, within(1e-4));
                assertThat(prefix).isPositive();
            }
            assertThat(inspector.attentionRows(image(0), false))
                    .singleElement()
                    .extracting(AttentionRows::layer)
                    .isEqualTo(rows.get(rows.size() - 1).layer());
        }
    }

    @Test
    void theTailOfAHistogramOfNormsIsTheShareOfOutliers() {
        var counter = new NormHistogram.Counter("blocks.0");
        counter.add(new float[] {1, 1, 1, 1, 1, 1, 1, 100});
        counter.add(new float[] {2, 2, 2, 2, 2, 2, 7, 1});
        var histogram = counter.result();
        double outliers = 0, all = 0;
        for (int i = 0; i < NormHistogram.BINS; i++) {
            all += histogram.shares()[i];
            outliers +=
                    i * NormHistogram.WIDTH >= NormHistogram.OUTLIER ? histogram.shares()[i] : 0;
        }
        assertThat(all).isCloseTo(1, within(1e-6));
        assertThat(outliers).isEqualTo(2 / 16.0);
        assertThat(histogram.shares()[NormHistogram.BINS - 1]).isEqualTo(1 / 16f);
        assertThat(histogram.median()).isEqualTo(1.5);
    }

    @Test
    void rolloutOfAModelWithoutPrefixTokensSharesOutExactlyOne() {
        try (var loaded = load("vit_mini_patch4_gap_32")) {
            var inspector = Inspector.of(loaded);
            var map = inspector.on(
                    List.of(image(0)), batch -> Rollout.of(inspector.model(), batch, Rollout.Options.DEFAULT)
                            .get(0));
            double sum = 0;
            for (float value : map.values()) {
                sum += value;
            }
            assertThat(sum).isCloseTo(1, within(1e-5));
        }
    }

    @Test
    void relevancePermutesWithThePatchesOfAModelWithoutPositions() {
        try (var loaded = load("vit_mini_patch4_gap_32")) {
            var inspector = Inspector.of(loaded);
            var model = inspector.model();
            Frame.run(() -> {
                try (var off = Gradients.off()) {
                    Objects.requireNonNull(model.parameters().get("pos_embed"))
                            .value()
                            .fillInPlace(0);
                }
            });
            var maps = inspector.on(List.of(image(0)), batch -> {
                var left = batch.narrow(3, 0, 16);
                var right = batch.narrow(3, 16, 16);
                return Relevance.of(model, Tensor.cat(0, batch, Tensor.cat(3, right, left)), new int[] {3, 3});
            });
            int half = maps.get(0).width() / 2;
            float largest = maps.get(0).range()[1];
            assertThat(largest).isPositive();
            for (int row = 0; row < maps.get(0).height(); row++) {
                for (int column = 0; column < half; column++) {
                    assertThat(maps.get(1).at(row, column))
                            .isCloseTo(maps.get(0).at(row, column + half), within(1e-4f * largest));
                }
            }
        }
    }

    @Test
    void afterLookingInsideTheModelAnswersToTheBitAsBefore() {
        try (var loaded = load("vit_mini_patch4_32")) {
            var inspector = Inspector.of(loaded);
            var before = inspector.probabilities(image(0));
            inspector.explain(image(0), OptionalInt.of(1), Inspector.Options.DEFAULT.withoutScores());
            assertThat(inspector.probabilities(image(0))).isEqualTo(before);
        }
    }
}
