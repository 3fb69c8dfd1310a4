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
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.T2TViTConfig.Backbone;
import dev.vitrail.models.t2t.T2TViTConfig.TokenAttention;
import dev.vitrail.models.zoo.Catalog;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class T2TViTTest {
    private static final T2TViTConfig SMALL =
            T2TViTConfig.of(24, 2, 2, 3).withClasses(5).with(o -> o.tokenWidth = 8);

    private static T2TViTConfig small(Backbone backbone) {
        return SMALL.with(o -> {
            o.backbone = backbone;
            if (backbone == Backbone.DENSE) {
                o.growth = 8;
                o.stages = List.of(1, 2);
            }
        });
    }

    private static T2TViT initialised(T2TViTConfig config) {
        var model = new T2TViT(config);
        model.initialise(7, Device.CPU);
        return model;
    }

    /** 37×50 pixels are no multiple of anything: windows reach into the padding, or leave a border out. */
    @ParameterizedTest
    @EnumSource(Backbone.class)
    void takesOddAndRectangularImages(Backbone backbone) {
        try (var model = initialised(small(backbone).withImage(37, 50));
                var frame = Frame.open();
                var off = Gradients.off()) {
            assertThat(model.config().gridHeight()).isEqualTo(3);
            assertThat(model.config().gridWidth()).isEqualTo(3);
            assertThat(model.apply(Tensor.randn(2, 3, 37, 50)).shape()).containsExactly(2, 5);
            assertThat(model.extractFeatures(Tensor.randn(2, 3, 37, 50)).shape())
                    .containsExactly(2, 10, model.width());
        }
    }

    @ParameterizedTest
    @EnumSource(Backbone.class)
    void trainsWithEveryDropout(Backbone backbone) {
        var config = small(backbone).withImage(32, 32).with(o -> {
            o.dropPath = 0.5;
            o.dropout = 0.1;
            o.attentionDropout = 0.1;
        });
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
        try (var model = initialised(SMALL.withImage(32, 32));
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
        try (var model = initialised(SMALL.withImage(48, 48).with(o -> o.tokens = tokens));
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
        assertRefused(() -> SMALL.with(o -> o.heads = 5), "width 24", "heads 5", "4 heads");
        // Its blocks are 24, 16 and 24 channels wide: the heads that are proposed divide all of them.
        assertRefused(() -> small(Backbone.DENSE).with(o -> o.heads = 7), "width 24", "heads 7", "8 heads");
        assertThat(small(Backbone.DENSE).with(o -> o.heads = 8).heads()).isEqualTo(8);
        assertRefused(() -> SMALL.withImage(2, 2), "2×2", "too small");
        assertRefused(() -> small(Backbone.GHOST).with(o -> o.mlpRatio = 4), "mlpRatio of 3", "4.0");
        assertRefused(() -> SMALL.with(o -> o.backbone = Backbone.DENSE), "growth 0");
        assertRefused(() -> SMALL.with(o -> o.growth = 8), "growth 8", "PLAIN");
        assertRefused(() -> small(Backbone.SE).with(o -> o.width = 8), "at least 16");
        assertRefused(() -> new SoftSplit(3, 2, 3), "padding 3");
        try (var model = initialised(SMALL.withImage(32, 32));
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
        try (var model = initialised(small(Backbone.DENSE).withImage(32, 32));
                var frame = Frame.open()) {
            model.resetClassifier(0);
            assertThat(model.apply(Tensor.randn(1, 3, 32, 32)).shape()).containsExactly(1, model.width());
            model.resetClassifier(3);
            model.initialise(1, Device.CPU);
            assertThat(model.apply(Tensor.randn(1, 3, 32, 32)).shape()).containsExactly(1, 3);
        }
    }
}
