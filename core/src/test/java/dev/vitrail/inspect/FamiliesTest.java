package dev.vitrail.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.ModelLayout.Query;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.mixer.MlpMixer;
import dev.vitrail.models.vit.ViTVariants;
import dev.vitrail.nn.Pool;
import dev.vitrail.train.optim.AdamW;
import dev.vitrail.train.optim.ParameterGroups;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The table of figures by family: a miniature of each, trained for a few steps on the built-in set, has what applies to
 * it.
 */
class FamiliesTest {
    private static final int STEPS = 6, BATCH = 12;
    private static final StainedGlass IMAGES = StainedGlass.of(Split.VALIDATION);

    /** A miniature by the name of the catalog, or one of a family that has none there. */
    private static LoadedModel miniature(String name) {
        int classes = IMAGES.classes().size();
        return config(name)
                .map(config -> {
                    var model = config.withClasses(classes).create();
                    model.initialise(1, Device.CPU);
                    model.train(false);
                    try (var like = LoadedModel.load("vit_mini_patch4_32", LoadOptions.DEFAULT)) {
                        return like.withModel(model);
                    }
                })
                .orElseGet(() ->
                        LoadedModel.load(name, LoadOptions.DEFAULT.withSeed(1).withClasses(classes)));
    }

    private static Optional<ModelConfig> config(String name) {
        var vit = ViTVariants.mini(32, 4, 128, 3, 4);
        return switch (name) {
            case "beit" ->
                Optional.of(new Beit.Config(
                        ImageInput.square(32), 4, Encoder.of(64, 2, 4), 0.1, false, Head.of(Pool.AVG), 0));
            case "mixer" -> Optional.of(MlpMixer.Config.of(32, 4, 64, 2));
            case "vit with registers" -> Optional.of(vit.withTokens(tokens -> tokens.withRegisters(2)));
            case "vit with registers, mean" ->
                Optional.of(vit.withHead(vit.head().withPool(Pool.AVG))
                        .withTokens(tokens -> tokens.withClassToken(false).withRegisters(2)));
            case "vit with attention pool" ->
                Optional.of(
                        vit.withHead(vit.head().withPool(Pool.MAP)).withTokens(tokens -> tokens.withClassToken(false)));
            default -> Optional.empty();
        };
    }

    /** Trains on one batch; the losses before and after. */
    private static double[] train(LoadedModel loaded) {
        var model = loaded.model();
        var inspector = Inspector.of(loaded);
        var images = IntStream.range(0, BATCH).mapToObj(IMAGES::image).toList();
        var targets = new long[BATCH];
        for (int i = 0; i < BATCH; i++) {
            targets[i] = IMAGES.labels()[i];
        }
        var losses = new double[STEPS];
        model.train(true);
        try (var optimizer = new AdamW(ParameterGroups.single(model, 0), AdamW.Settings.DEFAULT)) {
            for (int step = 0; step < STEPS; step++) {
                int at = step;
                Frame.run(() -> {
                    var loss =
                            Functional.crossEntropy(model.apply(inspector.batch(images)), Tensor.of(targets, BATCH), 0);
                    losses[at] = loss.toFloats()[0];
                    loss.backward();
                    optimizer.step(2e-3);
                    optimizer.zeroGradients();
                });
            }
        }
        model.train(false);
        return new double[] {losses[0], losses[STEPS - 1]};
    }

    /** The letters of the figures that do not apply; all others have to, and to give finite values. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "vit_mini_patch4_32            | e3 j k",
                "vit_mini_patch4_gap_32        | e3 f j k",
                "vit_mini_patch6_48            | e3 j k",
                "vit with registers            | e3 j k",
                "vit with registers, mean      | e3 f j k",
                "vit with attention pool       | e3 f j k",
                "vit_mini_r5_s4_gap_32         | e3 f j k",
                "deit_mini_distilled_patch4_32 | e3 j k",
                "deit3_mini_patch4_32          | e3 j",
                "beit                          | b e3 f",
                "cait_mini_32                  | e3 j",
                "compact_vit_mini_32           | e3 j k",
                "simple_vit_mini_32            | f j k",
                "compact_cait_mini_32          | e3 j",
                "compact_t2t_mini_32           | e3 j k",
                "t2t_mini_32                   | e3 j k",
                "t2t_mini_32_dense             | e3 i j k",
                "t2t_mini_32_wide              | e3 j k",
                "t2t_mini_32_se                | e3 j k",
                "t2t_mini_32_resnext           | e3 j k",
                "t2t_mini_32_ghost             | e3 j k",
                "swin_mini_32                  | b f k",
                "swinv2_mini_32                | b f k",
                "convnext_mini_32              | b c d e1 e3 f j l",
                "resnet_mini_32                | b c d e1 f j k l",
                "resnetv2_mini_32_bit          | b c d e1 f j k l",
                "mixer                         | b c d e1 f j k",
            })
    void aTrainedMiniatureHasWhatAppliesToItsFamily(String name, String missing) {
        try (var loaded = miniature(name)) {
            var losses = train(loaded);
            assertThat(losses[1]).as("loss of the batch that it learned").isLessThan(losses[0]);
            var inspector = Inspector.of(loaded);
            var left = EnumSet.noneOf(Figure.class);
            left.addAll(Figure.parse(missing.replace(' ', ',')));
            for (var figure : Figure.values()) {
                assertThat(inspector.reason(figure).isPresent())
                        .as("%s of %s: %s", figure, name, inspector.reason(figure))
                        .isEqualTo(left.contains(figure));
            }
            var why = inspector.explain(IMAGES.image(0), OptionalInt.of(3), ExplanationOptions.DEFAULT.withoutScores());
            assertThat(why.methods()).extracting(Explanation.Method::figure).doesNotContainAnyElementsOf(left);
            why.methods().forEach(method -> finite(method.name(), method.map()));
            why.lens().ifPresent(lens -> assertThat(Objects.requireNonNull(lens.logits()[lens.logits().length - 1])[3])
                    .isCloseTo(logit(inspector, IMAGES.image(0), 3), within(1e-3f)));
            assertThat(why.norms().isEmpty()).isEqualTo(left.contains(Figure.TOKEN_NORMS));
            layers(inspector, left);
            weights(inspector, left);
            var behavior = inspector.behavior();
            behavior.add(List.of(IMAGES.image(0), IMAGES.image(1), IMAGES.image(2), IMAGES.image(3)));
            assertThat(behavior.similarity().orElseThrow().values()[0][0]).isCloseTo(1, within(1e-3f));
            assertThat(behavior.channels()).isNotEmpty();
            assertThat(behavior.distances().isEmpty()).isEqualTo(left.contains(Figure.DISTANCE));
            assertThat(behavior.normHistograms().isEmpty()).isEqualTo(left.contains(Figure.TOKEN_NORMS));
            assertThat(behavior.branches())
                    .hasSameSizeAs(LayerScales.of(inspector.model()))
                    .allSatisfy(
                            branch -> assertThat(branch.ratio()).isPositive().isFinite());
            var stem = ModelLayout.words(behavior.channels().get(0).block());
            assertThat(stem.startsWith("stem stage") || stem.startsWith("token stage"))
                    .as("the first feature maps of %s are of %s", name, stem)
                    .isEqualTo(name.contains("t2t_mini") || name.contains("_r5_"));
        }
    }

    private static void layers(Inspector inspector, EnumSet<Figure> left) {
        var layers = inspector.layerMaps(IMAGES.image(0), 3, EnumSet.allOf(Figure.class));
        assertThat(layers.classAttention().isEmpty()).isEqualTo(left.contains(Figure.CLASS_ATTENTION));
        layers.classAttention().forEach(layer -> layer.heads().forEach(head -> finite(layer.layer(), head)));
        var query = inspector.layout().query();
        boolean tokenAmongPatches = query.token() && inspector.layout().prefix() > 0;
        assertThat(layers.patchLens().isEmpty())
                .as("patch lens, query %s", query)
                .isEqualTo(!tokenAmongPatches || left.contains(Figure.LENS));
        layers.patchLens().forEach(map -> finite("patch lens", map));
        assertThat(layers.features()).isNotEmpty().allSatisfy(block -> {
            assertThat(block.maps()).hasSize(Math.min(ChannelHealth.SHOWN, block.states().length));
            assertThat(ModelLayout.words(block.block()))
                    .matches("embedding|block \\d+|stage \\d+, block " + "\\d+|(stem|token) stage \\d+");
        });
        assertThat(query == Query.POOL)
                .isEqualTo(inspector.model().config().poolName().equals("map"));
    }

    private static void weights(Inspector inspector, EnumSet<Figure> left) {
        var model = inspector.model();
        var filters = Filters.of(model);
        assertThat(filters.components()).isNotEmpty();
        double sum = 0;
        for (float share : filters.variance()) {
            sum += share;
        }
        assertThat(sum).isBetween(0.05, 1.001);
        assertThat(PositionSimilarity.of(model).isEmpty()).isEqualTo(left.contains(Figure.POSITIONS));
        assertThat(PositionBias.of(model).isEmpty()).isEqualTo(left.contains(Figure.POSITION_BIAS));
        assertThat(LayerScales.of(model).isEmpty()).isEqualTo(left.contains(Figure.LAYER_SCALE));
    }

    private static void finite(String name, GridMap map) {
        for (float value : map.values()) {
            assertThat(value).as(name).isFinite();
        }
    }

    private static float logit(Inspector inspector, RgbImage image, int c) {
        return inspector.on(List.of(image), batch -> {
            try (var off = Gradients.off()) {
                return inspector.model().apply(batch).toFloats()[c];
            }
        });
    }

    /** The rule of the table: a hook point's name in words is that of the papers, counted from 1. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "blocks.8                                | block 9",
                "blocks.0.attn.softmax                   | block 1",
                "layers.2.blocks.0.attn                  | stage 3, block 1",
                "layer1.0                                | stage 1, block 1",
                "stages.3.blocks.2                       | stage 4, block 3",
                "transformer.layers.3.0.attend           | block 4",
                "patch_transformer.layers.0              | block 1",
                "blocks_token_only.1.attn                | class block 2",
                "cls_transformer.layers.0                | class block 1",
                "tokens_to_token.attention1.attn         | token stage 1",
                "to_patch_embedding.3.layers.0.0.attend  | token stage 1",
                "to_patch_embedding.7.layers.0           | token stage 2",
                "patch_embed.backbone.stages.1.blocks.2  | stem stage 2",
                "embedding                               | embedding",
            })
    void hookPointsHaveNamesInWords(String name, String words) {
        assertThat(ModelLayout.words(name)).isEqualTo(words);
    }
}
