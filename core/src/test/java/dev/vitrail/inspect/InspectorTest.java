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
import dev.vitrail.models.Model;
import dev.vitrail.models.compact.CompactT2TViT;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The figures of every family's miniature. */
class InspectorTest {
    /** What the mask leaves of an attention weight, at most: it adds −100 before the softmax. */
    private static final double MASKED = 1e-30;

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
                    batch -> Pass.forward(model, batch, layout -> names, pass -> {
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
                    List.of(image(0)), batch -> Rollout.of(inspector.model(), batch, RolloutOptions.DEFAULT)
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

    /** Liu et al., 2021, section 3.2: what the cyclic shift brings together from both edges of the map is masked. */
    @ParameterizedTest
    @ValueSource(strings = {"swin_mini_32", "swinv2_mini_32"})
    void shiftedWindowsOfSwinAttendToNeighborsInTheImageAlone(String name) {
        try (var loaded = load(name)) {
            var inspector = Inspector.of(loaded);
            int masked = 0;
            for (var layer : inspector.layout().attention()) {
                var cut = layer.windows().orElseThrow();
                var weights = inspector.on(List.of(image(0)), batch -> heads(inspector, batch, layer.name()));
                var matrix = new LayerMatrix(cut.cells(), weights);
                int cells = cut.mapHeight() * cut.mapWidth();
                for (int query = 0; query < cells; query++) {
                    var row = new double[cells];
                    row[query] = 1;
                    var read = matrix.push(row, 0);
                    double sum = 0;
                    for (int key = 0; key < cells; key++) {
                        sum += read[key];
                        boolean together = together(cut, query, key);
                        masked += sameWindow(cut, query, key) && !together ? 1 : 0;
                        assertThat(read[key] > MASKED)
                                .as("%s: cell %d reads cell %d with %s", layer.name(), query, key, read[key])
                                .isEqualTo(together);
                        assertThat(read[key]).isNotNegative();
                    }
                    assertThat(sum).as("row %d of %s", query, layer.name()).isCloseTo(1, within(1e-5));
                }
            }
            assertThat(masked).as("pairs of a window that the mask keeps apart").isPositive();
        }
    }

    /** The mean over heads of each window's attention. */
    private static double[][] heads(Inspector inspector, Tensor batch, String layer) {
        return Pass.forward(inspector.model(), batch, layout -> List.of(layer), pass -> {
            var shape = pass.shape(layer);
            int heads = (int) shape[1], size = (int) (shape[2] * shape[3]);
            var windows = new double[(int) shape[0]][size];
            for (int i = 0; i < pass.output(layer).length; i++) {
                windows[i / (heads * size)][i % size] += pass.output(layer)[i] / (double) heads;
            }
            return windows;
        });
    }

    /** Whether the lines between windows, drawn over the image as the shift moves them, leave two cells together. */
    private static boolean together(Windows cut, int a, int b) {
        int width = cut.mapWidth();
        return window(a / width, cut.shiftRows(), cut.height()) == window(b / width, cut.shiftRows(), cut.height())
                && window(a % width, cut.shiftColumns(), cut.width())
                        == window(b % width, cut.shiftColumns(), cut.width());
    }

    private static int window(int at, int shift, int size) {
        return Math.floorDiv(at - shift, size);
    }

    private static boolean sameWindow(Windows cut, int a, int b) {
        for (var window : cut.cells()) {
            var cells = IntStream.of(window).boxed().toList();
            if (cells.contains(a)) {
                return cells.contains(b);
            }
        }
        return false;
    }

    @Test
    void tokenStagesOfACompactT2TAreMapsOfTheirOwnGrids() {
        try (var loaded = load("compact_t2t_mini_32")) {
            var inspector = Inspector.of(loaded);
            var splits = ((CompactT2TViT.Config) inspector.model().config()).splits();
            var maps = inspector.on(
                    List.of(image(0)), batch -> ChannelHealth.ofStem(inspector.model(), batch, ChannelHealth.SHOWN)
                            .get(0));
            assertThat(maps).hasSize(splits.size() - 1);
            int side = 32;
            for (int i = 0; i < maps.size(); i++) {
                side = splits.get(i).positions(side);
                var map = maps.get(i).maps().get(0);
                assertThat(ModelLayout.words(maps.get(i).block())).isEqualTo("token stage " + (i + 1));
                assertThat(map.width()).isEqualTo(side);
                assertThat(map.height()).isEqualTo(side);
                assertThat(map.flat()).isFalse();
            }
        }
    }

    @Test
    void tokenStagesOfACompactT2THaveAttentionDistances() {
        try (var loaded = load("compact_t2t_mini_32")) {
            var inspector = Inspector.of(loaded);
            var stages = inspector.layout().tokenStages();
            assertThat(stages).isNotEmpty().hasSameSizeAs(inspector.layout().stem());
            var distances = inspector.on(List.of(image(0)), batch -> AttentionDistance.of(inspector.model(), batch)
                    .get(0));
            for (int i = 0; i < stages.size(); i++) {
                var stage = stages.get(i);
                assertThat(ModelLayout.words(stage.name())).isEqualTo("token stage " + (i + 1));
                assertThat(stage.gridHeight() * stage.strideHeight()).isEqualTo(32);
                assertThat(distances.get(i).layer()).isEqualTo(stage.name());
                assertThat(distances.get(i).prefixShare()).containsOnly(0);
                for (float pixels : distances.get(i).distance()) {
                    assertThat(pixels).isPositive().isLessThan(32);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vit_mini_patch4_32",
                "deit3_mini_patch4_32",
                "cait_mini_32",
                "compact_t2t_mini_32",
                "swin_mini_32",
                "vit_mini_r5_s4_gap_32",
                "resnet_mini_32"
            })
    void figuresOfOneForwardPassAreThoseOfPassesOfTheirOwn(String name) {
        try (var loaded = load(name)) {
            var inspector = Inspector.of(loaded);
            var model = inspector.model();
            var figures = EnumSet.copyOf(READ.keySet());
            figures.removeIf(figure -> inspector.reason(figure).isPresent());
            assertThat(figures).hasSizeGreaterThanOrEqualTo(3);
            inspector.on(
                    IntStream.range(0, Cka.FEWEST)
                            .mapToObj(InspectorTest::image)
                            .toList(),
                    batch -> {
                        Pass.forward(model, batch, layout -> Figure.hookPoints(figures, model, layout), pass -> {
                            for (var figure : figures) {
                                var read = Objects.requireNonNull(READ.get(figure));
                                assertThat(read.shared.apply(pass))
                                        .as("%s of %s", figure, name)
                                        .usingRecursiveComparison()
                                        .withComparatorForType(InspectorTest::almost, Float.class)
                                        .withComparatorForType(InspectorTest::almost, Double.class)
                                        .isEqualTo(read.own.apply(model, batch));
                            }
                            return figures;
                        });
                        return figures;
                    });
        }
    }

    /** A figure from a pass that it shares, and from one of its own. */
    private record Read(Function<Pass, Object> shared, BiFunction<Model, Tensor, Object> own) {}

    private static final Map<Figure, Read> READ = Map.of(
            Figure.ROLLOUT,
            new Read(
                    pass -> Rollout.of(pass, RolloutOptions.DEFAULT),
                    (model, batch) -> Rollout.of(model, batch, RolloutOptions.DEFAULT)),
            Figure.DISTANCE,
            new Read(AttentionDistance::of, AttentionDistance::of),
            Figure.CLASS_ATTENTION,
            new Read(ClassAttention::of, ClassAttention::of),
            Figure.TOKEN_NORMS,
            new Read(TokenNorms::of, TokenNorms::of),
            Figure.LAYER_SCALE,
            new Read(BranchRatio::of, BranchRatio::of),
            Figure.LENS,
            new Read(LogitLens::of, LogitLens::of),
            Figure.FEATURES,
            new Read(
                    pass -> List.of(ChannelHealth.ofStem(pass, 2), ChannelHealth.of(pass, 2)),
                    (model, batch) ->
                            List.of(ChannelHealth.ofStem(model, batch, 2), ChannelHealth.of(model, batch, 2))),
            Figure.CKA,
            new Read(
                    pass -> {
                        var cka = new Cka.Accumulator(pass.model(), CkaOptions.DEFAULT);
                        var grams = Cka.grams(pass, CkaOptions.DEFAULT);
                        cka.add(grams, grams);
                        return cka.result();
                    },
                    (model, batch) -> {
                        var cka = new Cka.Accumulator(model, CkaOptions.DEFAULT);
                        cka.add(batch, batch);
                        return cka.result();
                    }));

    private static int almost(Number a, Number b) {
        double difference = a.doubleValue() - b.doubleValue();
        return Math.abs(difference) <= 2e-5 * (1 + Math.abs(b.doubleValue())) ? 0 : Double.compare(difference, 0);
    }

    @Test
    void behaviorMeasuresTheFiguresThatAreAskedForAlone() {
        try (var loaded = load("vit_mini_patch4_32")) {
            var inspector = Inspector.of(loaded);
            var images = IntStream.range(0, Cka.FEWEST)
                    .mapToObj(InspectorTest::image)
                    .toList();
            var distance = inspector.behavior(Optional.empty(), CkaOptions.DEFAULT, EnumSet.of(Figure.DISTANCE));
            distance.add(images);
            assertThat(distance.distances()).isNotEmpty();
            assertThat(distance.channels()).isEmpty();
            assertThat(distance.outlierShares()).isEmpty();
            assertThat(distance.similarity()).isEmpty();
            assertThat(distance.verdict()).isEmpty();
            var norms = inspector.behavior(Optional.empty(), CkaOptions.DEFAULT, EnumSet.of(Figure.TOKEN_NORMS));
            norms.add(images);
            assertThat(norms.distances()).isEmpty();
            assertThat(norms.outlierShares()).isNotEmpty();
            assertThat(norms.verdict()).contains("outlier").doesNotContain("channel");
            var none = inspector.behavior(Optional.empty(), CkaOptions.DEFAULT, EnumSet.of(Figure.RELEVANCE));
            none.add(images);
            assertThat(Figure.hookPoints(EnumSet.of(Figure.DISTANCE), inspector.model(), inspector.layout()))
                    .hasSameElementsAs(inspector.model().attentions());
            assertThat(none.measures()).isFalse();
            assertThat(none.images()).isZero();
        }
    }

    @Test
    void afterLookingInsideTheModelAnswersToTheBitAsBefore() {
        try (var loaded = load("vit_mini_patch4_32")) {
            var inspector = Inspector.of(loaded);
            var before = inspector.probabilities(image(0));
            inspector.explain(image(0), OptionalInt.of(1), ExplanationOptions.DEFAULT.withoutScores());
            assertThat(inspector.probabilities(image(0))).isEqualTo(before);
        }
    }
}
