package dev.vitrail.models.t2t;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.T2TViTConfig.Backbone;
import dev.vitrail.models.t2t.T2TViTConfig.BackboneType;
import dev.vitrail.models.t2t.T2TViTConfig.TokenAttention;
import dev.vitrail.models.t2t.T2TViTConfig.Tokens;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class T2TViTTest {
    private static final T2TViTConfig SMALL = T2TViTConfig.of(24, 2, 2, 3)
            .withHead(new Head(5, Pool.TOKEN, 0))
            .withTokens(t -> new Tokens(t.splits(), t.attention(), 8, t.dropout()));

    private static T2TViTConfig small(BackboneType type) {
        return SMALL.withBackbone(b -> type == BackboneType.DENSE ? b.dense(8, List.of(1, 2)) : b.withType(type));
    }

    private static T2TViTConfig sized(T2TViTConfig config, int height, int width) {
        return config.withImage(new ImageInput(height, width, 3));
    }

    private static T2TViTConfig plain(int width, int heads, double mlpRatio) {
        return SMALL.withBackbone(b -> Backbone.plain(width, 2, heads, mlpRatio));
    }

    private static T2TViT initialised(T2TViTConfig config) {
        var model = new T2TViT(config);
        model.initialise(7, Device.CPU);
        return model;
    }

    /** 37×50 pixels are no multiple of anything: windows reach into the padding, or leave a border out. */
    @ParameterizedTest
    @EnumSource(BackboneType.class)
    void takesOddAndRectangularImages(BackboneType type) {
        try (var model = initialised(sized(small(type), 37, 50));
                var frame = Frame.open();
                var off = Gradients.off()) {
            assertThat(model.config().grid()).isEqualTo(new Grid(3, 3));
            assertThat(model.apply(Tensor.randn(2, 3, 37, 50)).shape()).containsExactly(2, 5);
            assertThat(model.extractFeatures(Tensor.randn(2, 3, 37, 50)).shape())
                    .containsExactly(2, 10, model.width());
        }
    }

    @ParameterizedTest
    @EnumSource(BackboneType.class)
    void trainsWithEveryDropout(BackboneType type) {
        var plain = sized(small(type), 32, 32);
        var config = new T2TViTConfig(plain.image(), plain.tokens(), plain.backbone(), plain.head(), 0.1, 0.1, 0.5);
        try (var model = initialised(config);
                var frame = Frame.open()) {
            model.train(true);
            var images = Tensor.randn(4, 3, 32, 32);
            Functional.crossEntropy(model.apply(images), Tensor.of(new long[] {0, 1, 2, 3}, 4), 0)
                    .backward();
            model.parameters()
                    .forEach((name, parameter) ->
                            assertThat(parameter.value().hasGradient()).as(name).isEqualTo(parameter.isTrainable()));
        }
    }

    /** The performer drops tokens' channels while training even where nothing else drops. */
    @Test
    void performersDropOnlyWhileTraining() {
        try (var model = initialised(sized(SMALL, 32, 32));
                var frame = Frame.open();
                var off = Gradients.off()) {
            var images = Tensor.randn(2, 3, 32, 32);
            assertThat(model.apply(images).toFloats())
                    .isEqualTo(model.apply(images).toFloats());
            model.train(true);
            assertThat(model.apply(images).toFloats())
                    .isNotEqualTo(model.apply(images).toFloats());
        }
    }

    /** Leaving the other tokens out of the last block changes nothing. */
    @ParameterizedTest
    @EnumSource(TokenAttention.class)
    void inferenceAloneGivesTheSameLogits(TokenAttention tokens) {
        try (var model = initialised(sized(SMALL, 48, 48).withTokens(t -> t.withAttention(tokens)));
                var frame = Frame.open()) {
            var images = Tensor.randn(2, 3, 48, 48);
            var recorded = model.apply(images).toFloats();
            try (var off = Gradients.off()) {
                assertThat(model.apply(images).toFloats()).containsExactly(recorded, within(1e-6f));
            }
        }
    }

    @Test
    void randomDirectionsAreOrthogonalAndOfEqualLength() {
        try (var model = initialised(SMALL);
                var frame = Frame.open()) {
            var w = Objects.requireNonNull(model.parameters().get("tokens_to_token.attention1.w"))
                    .value(); // [4, 8]
            var products = w.matmul(w.transpose(0, 1)).toFloats();
            for (int i = 0; i < 16; i++) {
                assertThat(products[i]).isCloseTo(i % 5 == 0 ? 4 : 0, within(1e-5f));
            }
        }
    }

    /** With many directions the performer's features do estimate the exponential of the product. */
    @Test
    void randomFeaturesEstimateTheSoftmaxKernel() {
        RandomState.seed(3);
        int width = 512;
        try (var performer = new TokensToToken.TokenPerformer(4, width, 0);
                var frame = Frame.open();
                var off = Gradients.off()) {
            performer.initialise(3, Device.CPU);
            var x = Tensor.randn(1, 2, width).times(0.03);
            var features = performer.randomFeatures(x);
            var estimate =
                    features.narrow(1, 0, 1).times(features.narrow(1, 1, 1)).sum();
            var exact = x.narrow(1, 0, 1).times(x.narrow(1, 1, 1)).sum().exp();
            assertThat(estimate.item()).isCloseTo(exact.item(), within(0.3 * exact.item()));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "t2t_mini_32",
                "t2t_mini_32_dense",
                "t2t_mini_32_wide",
                "t2t_mini_32_se",
                "t2t_mini_32_resnext",
                "t2t_mini_32_ghost"
            })
    void miniaturesStayUnderOneAndAHalfMillionParameters(String name) {
        try (var model = Catalog.get(name).create()) {
            assertThat(model.parameterCount()).isBetween(800_000L, 1_500_000L);
        }
    }

    @Test
    void refusesWhatCannotWork() {
        assertRefused(() -> plain(24, 5, 3), "width 24", "heads 5", "4 heads");
        // Its blocks are 24, 16 and 24 channels wide: the heads that are proposed divide all of them.
        assertRefused(
                () -> new Backbone(BackboneType.DENSE, 24, 2, 7, 3, false, OptionalDouble.empty(), 8, List.of(1, 2)),
                "width 24",
                "heads 7",
                "8 heads");
        assertThat(Backbone.plain(24, 2, 8, 3).dense(8, List.of(1, 2)).heads()).isEqualTo(8);
        assertRefused(() -> SMALL.withImage(2, 2), "2×2", "too small");
        assertRefused(() -> plain(24, 2, 4).withBackbone(b -> b.withType(BackboneType.GHOST)), "mlpRatio of 3", "4.0");
        assertRefused(() -> SMALL.withBackbone(b -> b.withType(BackboneType.DENSE)), "growth 0");
        assertRefused(
                () -> small(BackboneType.DENSE).withBackbone(b -> b.withType(BackboneType.PLAIN)), "growth 8", "PLAIN");
        assertRefused(() -> plain(8, 2, 3).withBackbone(b -> b.withType(BackboneType.SE)), "at least 16");
        assertRefused(() -> new SoftSplit(3, 2, 3), "padding 3");
        try (var model = initialised(sized(SMALL, 32, 32));
                var frame = Frame.open()) {
            assertRefused(() -> model.apply(Tensor.randn(1, 3, 48, 48)), "48×48", "32×32");
        }
    }

    private static void assertRefused(Runnable body, CharSequence... parts) {
        assertThatThrownBy(body::run)
                .isInstanceOf(VitrailException.class)
                .message()
                .contains(parts);
    }

    @Test
    void groupsParametersByDepth() {
        try (var model = new T2TViT(SMALL)) {
            assertThat(model.layers()).isEqualTo(4);
            assertThat(model.layer("tokens_to_token.attention1.w")).isZero();
            assertThat(model.layer("cls_token")).isZero();
            assertThat(model.layer("blocks.1.norm1.weight")).isEqualTo(2);
            assertThat(model.layer("norm.weight")).isEqualTo(2);
            assertThat(model.layer("head.bias")).isEqualTo(3);
        }
    }

    @Test
    void replacesItsClassifier() {
        try (var model = initialised(sized(small(BackboneType.DENSE), 32, 32));
                var frame = Frame.open()) {
            model.resetClassifier(0);
            assertThat(model.apply(Tensor.randn(1, 3, 32, 32)).shape()).containsExactly(1, model.width());
            model.resetClassifier(3);
            model.initialise(1, Device.CPU);
            assertThat(model.apply(Tensor.randn(1, 3, 32, 32)).shape()).containsExactly(1, 3);
        }
    }
}
