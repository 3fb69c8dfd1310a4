package dev.vitrail.models.vit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.nn.Parameters;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class VisionTransformerTest {
    private static final ViTConfig SMALL = ViTConfig.of(32, 8, 24, 3, 3).withHead(head(Pool.TOKEN));

    private static Head head(Pool pool) {
        return new Head(5, pool, 0);
    }

    /** A model whose outputs spread: values of std 0.3 instead of the small initial values. */
    private static VisionTransformer model(ViTConfig config) {
        var model = new VisionTransformer(config);
        model.initialise(1, Device.CPU);
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            RandomState.seed(2);
            model.parameters().values().forEach(parameter -> parameter.value().normalInPlace(0, 0.3));
        }
        return model;
    }

    private static Tensor images(long count, long height, long width) {
        RandomState.seed(3);
        return Tensor.randn(count, 3, height, width);
    }

    private static void assertClose(Tensor actual, Tensor expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        double scale = 1 + Tensors.largest(expected);
        assertThat(Tensors.largest(actual.minus(expected))).isLessThan(1e-5 * scale);
    }

    /** Configurations that differ in what the forward pass does. */
    static Stream<ViTConfig> options() {
        return Stream.<Function<ViTConfig, ViTConfig>>of(
                        c -> c,
                        c -> c.withTokens(t -> t.withDistilled(true)),
                        c -> c.withTokens(t -> t.withRegisters(2).withPositionsCoverPrefix(false)),
                        c -> c.withBlocks(b -> new ViTConfig.Blocks(false, true, OptionalDouble.of(0.1), false))
                                .withEncoder(e -> e.withQkvBias(false)),
                        c -> c.withNorms(n -> n.withPre(true)).withEncoder(e -> e.withActivation(Activation.QUICK_GELU)
                                .withNormEps(1e-5)),
                        c -> c.withBlocks(b -> b.withGatedMlp(true))
                                .withEncoder(e -> e.withActivation(Activation.SILU)),
                        c -> c.withHead(head(Pool.AVG)).withNorms(n -> n.withAfterPool(false)),
                        c -> c.withHead(head(Pool.MAP))
                                .withTokens(t -> t.withClassToken(false).withRegisters(1)),
                        c -> c.withEncoder(e -> Encoder.of(24, 1, 3)),
                        c -> c.withNorms(n -> new ViTConfig.Norms(false, false, Optional.empty())))
                .map(SMALL::with);
    }

    @ParameterizedTest
    @MethodSource("options")
    void resultsDoNotDependOnTheBatch(ViTConfig config) {
        try (var model = model(config);
                var frame = Frame.open();
                var off = Gradients.off()) {
            var batch = images(8, 32, 32);
            var together = model.apply(batch);
            assertThat(together.shape()).containsExactly(8, 5);
            for (int i = 0; i < 8; i++) {
                assertClose(model.apply(batch.narrow(0, i, 1)), together.narrow(0, i, 1));
            }
        }
    }

    /** While gradients are recorded every token is computed, otherwise what the classifier reads. */
    @ParameterizedTest
    @MethodSource("options")
    void theShortenedLastBlockGivesTheFullResult(ViTConfig config) {
        try (var model = model(config);
                var frame = Frame.open()) {
            var images = images(3, 32, 32);
            var full = model.apply(images).detach();
            try (var off = Gradients.off()) {
                assertClose(model.apply(images), full);
                assertClose(model.embed(images), Frame.of(() -> model.pooled(model.extractFeatures(images))));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.EXCLUDE,
            names = {"CATAVGMAX", "NONE"})
    void everyPoolingIsItsFormula(Pool pool) {
        var config =
                SMALL.withHead(head(pool)).withTokens(t -> t.withRegisters(1)).withNorms(n -> n.withAfterPool(false));
        try (var model = model(config);
                var frame = Frame.open();
                var off = Gradients.off()) {
            var tokens = model.extractFeatures(images(2, 32, 32)); // class token, register, 4×4 patches
            assertThat(tokens.shape()).containsExactly(2, 18, 24);
            var patches = tokens.narrow(1, 2, 16);
            var pooled = Frame.of(() -> model.pooled(tokens));
            assertThat(pooled.shape()).containsExactly(2, pool == Pool.TOKEN_AVG ? 48 : 24);
            switch (pool) {
                case TOKEN -> assertClose(pooled, tokens.select(1, 0));
                case AVG -> assertClose(pooled, patches.mean(false, 1));
                case MAX -> assertClose(pooled, patches.max(false, 1));
                case AVGMAX ->
                    assertClose(
                            pooled,
                            patches.mean(false, 1).plus(patches.max(false, 1)).times(0.5));
                case TOKEN_AVG -> assertClose(pooled, Tensor.cat(1, tokens.select(1, 0), patches.mean(false, 1)));
                case MAP -> {
                    // A register has no part in it.
                    var others = Tensor.cat(1, Tensor.randn(2, 2, 24), patches);
                    assertClose(Frame.of(() -> model.pooled(others)), pooled);
                }
                default -> throw new AssertionError(pool);
            }
        }
    }

    @Test
    void aModelOfAnySizeIsTheModelOfThatSizeWithResampledPositions() {
        try (var any = model(SMALL.withPatches(p -> p.withDynamicSize(true)));
                var fixed = model(SMALL);
                var other = model(SMALL.withImage(new ImageInput(48, 40, 3)));
                var frame = Frame.open();
                var off = Gradients.off()) {
            assertClose(any.apply(images(2, 32, 32)), fixed.apply(images(2, 32, 32)));
            var table = Parameters.of(fixed, "pos_embed").value();
            any.parameters().forEach((name, parameter) -> Parameters.of(other, name)
                    .assign(
                            name.equals("pos_embed")
                                    ? Positions.resample(table, 1, 4, 4, 6, 5)
                                    : parameter.value().copy()));
            assertClose(any.apply(images(2, 48, 40)), other.apply(images(2, 48, 40)));
        }
    }

    @Test
    void incompletePatchesArePaddedWithZeros() {
        try (var padding = model(SMALL.withPatches(p -> p.withDynamicPad(true)));
                var plain = model(SMALL);
                var frame = Frame.open();
                var off = Gradients.off()) {
            var images = images(2, 27, 30);
            var padded = Tensor.zeros(2, 3, 32, 32);
            padded.narrow(2, 0, 27).narrow(3, 0, 30).copyInPlace(images);
            assertClose(padding.apply(images), plain.apply(padded));
        }
    }

    @Test
    void patchDropoutKeepsPrefixTokensAndAShareOfThePatchesWhileTraining() {
        var config = SMALL.withTokens(t -> t.withPatchDropout(0.4).withRegisters(2));
        try (var model = model(config);
                var frame = Frame.open()) {
            model.train(true);
            assertThat(model.extractFeatures(images(2, 32, 32)).shape()).containsExactly(2, 3 + 9, 24);
            model.train(false);
            assertThat(model.extractFeatures(images(2, 32, 32)).shape()).containsExactly(2, 3 + 16, 24);
            var x = Tensors.count(2 * 19).reshape(2, 19, 1);
            var kept = Positions.dropPatches(x, 3, 0.4).toLongs();
            assertThat(kept).startsWith(0, 1, 2).hasSize(24).doesNotHaveDuplicates();
            assertThat(Positions.dropPatches(x, 3, 0.999).shape()).containsExactly(2, 4, 1);
        }
    }

    @Test
    void dropPathAndDropoutsActWhileTrainingAlone() {
        var config = SMALL.withDropouts(new Dropouts(0.1, 0.1, 0.1, 0.5))
                .withBlocks(b -> b.withUniformDropPath(true))
                .withHead(new Head(5, Pool.TOKEN, 0.2));
        try (var model = model(config);
                var frame = Frame.open()) {
            var images = images(4, 32, 32);
            assertClose(model.apply(images), model.apply(images));
            model.train(true);
            var first = model.apply(images);
            assertThat(Tensors.largest(first.minus(model.apply(images)))).isGreaterThan(1e-3);
            first.sum().backward();
            assertThat(Tensors.finite(Parameters.of(model, "patch_embed.proj.weight")
                            .value()
                            .gradient()))
                    .isTrue();
        }
    }

    /** Each layer drops the share that is its own: a swap of two rates is seen. */
    @Test
    void eachDropoutLayerHasItsOwnRate() {
        var rates = Map.of(
                "pos_drop", 0.1,
                "blocks.1.attn.proj_drop", 0.3,
                "blocks.1.attn.attn_drop", 0.5,
                "blocks.1.drop_path1", 0.7);
        var config = SMALL.withDropouts(new Dropouts(0.1, 0.3, 0.5, 0.7)).withBlocks(b -> b.withUniformDropPath(true));
        RandomState.seed(5);
        try (var model = model(config);
                var frame = Frame.open()) {
            model.train(true);
            try (var off = Gradients.off();
                    var hook = ForwardHook.of(model, rates::containsKey)) {
                model.apply(images(200, 32, 32));
                assertThat(hook.activations()).containsOnlyKeys(rates.keySet());
                hook.activations().forEach((name, output) -> {
                    int zeros = 0;
                    for (float value : output.toFloats()) {
                        zeros += value == 0 ? 1 : 0;
                    }
                    assertThat((double) zeros / output.count())
                            .as(name)
                            .isCloseTo(Objects.requireNonNull(rates.get(name)), within(0.09));
                });
            }
        }
    }

    @Test
    void aDistilledModelTrainsTwoClassifiersAndAnswersWithTheirMean() {
        try (var model = model(SMALL.withTokens(t -> t.withDistilled(true)));
                var frame = Frame.open()) {
            var images = images(2, 32, 32);
            var heads = model.trainingLogits(images);
            assertThat(heads).hasSize(2);
            assertClose(heads.get(0).plus(heads.get(1)).times(0.5), model.apply(images));
            assertThat(model.classifiers()).containsExactly("head", "head_dist");
            model.resetClassifier(7);
            model.initialise(0, Device.CPU);
            assertThat(model.apply(images).shape()).containsExactly(2, 7);
            assertThat(model.config().classes()).isEqualTo(7);
        }
    }

    @Test
    void withoutAClassifierTheResultIsTheVector() {
        try (var model = model(SMALL.withHead(new Head(0, Pool.TOKEN, 0)));
                var frame = Frame.open()) {
            assertClose(model.apply(images(2, 32, 32)), model.embed(images(2, 32, 32)));
        }
    }

    private static void refused(ThrowingCallable call, String sentence) {
        assertThatThrownBy(call).isInstanceOf(VitrailException.class).hasMessage(sentence);
    }

    @Test
    void whatCannotWorkIsRefusedWithWhatWould() {
        refused(() -> Encoder.of(24, 0, 3), "width 24, depth 0 and heads 3 must be positive");
        refused(() -> Encoder.of(24, 3, 5), "width 24 is not a multiple of heads 5: take width 25 or 4 heads");
        refused(
                () -> SMALL.withImage(30, 32),
                "image height 30 is not a multiple of the patch of 8 pixels: the nearest that are, are 24 and 32");
        refused(
                () -> SMALL.withImage(32, 3),
                "image width 3 is less than the patch of 8 pixels: take at least 8, or a smaller patch");
        refused(() -> SMALL.withImage(0, 32), "an image of 0×32 pixels is empty: give positive sides, such as 224");
        refused(() -> SMALL.withChannels(0), "channels 0 must be positive");
        refused(() -> new Patch(8, 0), "patch sides must be positive, found 8×0 pixels");
        refused(
                () -> SMALL.withTokens(t -> t.withClassToken(false)),
                "pooling by the class token needs a class token: set classToken, or pool by avg, avgmax, max or map");
        refused(() -> SMALL.withClasses(-1), "classes -1 must not be negative");
        refused(
                () -> new ViTConfig.Tokens(false, true, 0, true, 0),
                "a distillation token needs a class token beside it: set classToken");
        refused(
                () -> SMALL.withTokens(t -> t.withDistilled(true)).withPool("avg"),
                "class and distillation token have a head each, and pooling by avg leaves neither: let the pool be"
                        + " token");
        refused(
                () -> SMALL.withPool("catavgmax"),
                "the pool 'catavgmax' (global_pool) is none of this architecture: take token or avg or avgmax or max or"
                        + " map or token_avg");
        refused(() -> SMALL.withTokens(t -> t.withRegisters(-1)), "registers -1 must not be negative");
        refused(() -> SMALL.withEncoder(e -> e.withMlpRatio(0)), "mlpRatio 0.0 leaves no hidden channels of width 24");
        refused(
                () -> SMALL.withBlocks(b -> b.withGatedMlp(true)).withEncoder(e -> e.withMlpRatio(1.0625)),
                "a gated MLP halves its hidden channels, and 25 (width 24 × mlpRatio 1.0625) are odd");
        refused(() -> SMALL.withDropPath(1.5), "drop path 1.5 must be in [0, 1)");
        refused(() -> SMALL.withTokens(t -> t.withPatchDropout(-0.1)), "patch dropout -0.1 must be in [0, 1)");
        refused(() -> new Head(5, Pool.TOKEN, Double.NaN), "the head's dropout NaN must be in [0, 1)");
    }

    @Test
    void imagesOfTheWrongShapeAreRefusedWithWhatWouldDo() {
        try (var fixed = model(SMALL);
                var any = model(SMALL.withPatches(p -> p.withDynamicSize(true)));
                var frame = Frame.open()) {
            refused(
                    () -> fixed.apply(images(1, 40, 32)),
                    "images of 40×32 pixels were given to a model of 32×32: resize them, or build the model for that"
                            + " size");
            refused(
                    () -> any.apply(images(1, 40, 30)),
                    "images of 40×30 pixels cannot be cut into patches of 8×8: resize them to multiples");
            refused(
                    () -> fixed.apply(Tensor.zeros(3, 32, 32)),
                    "a batch of images needs 4 dimensions, found the shape [3, 32, 32]");
            refused(
                    () -> fixed.apply(Tensor.zeros(2, 1, 32, 32)),
                    "images of 1 channels were given to a model of 3: convert them, or build the model for 1");
        }
    }

    @Test
    void everyLayerHasItsDepth() {
        try (var model = model(SMALL.withTokens(t -> t.withRegisters(1)))) {
            assertThat(model.layers()).isEqualTo(5);
            assertThat(List.of("cls_token", "pos_embed", "reg_token", "patch_embed.proj.weight"))
                    .allMatch(name -> model.layer(name) == 0);
            assertThat(model.layer("blocks.0.norm1.weight")).isEqualTo(1);
            assertThat(model.layer("blocks.2.mlp.fc2.bias")).isEqualTo(3);
            assertThat(model.layer("norm.weight")).isEqualTo(3);
            assertThat(model.layer("head.weight")).isEqualTo(4);
        }
    }
}
