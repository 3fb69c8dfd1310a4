package dev.vitrail.models.compact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.Model;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class CompactModelsTest {
    private static final Shape ENCODER = new Shape(16, 2, 2, 4, 24, 0.1);
    private static final ImageInput RECTANGLE = new ImageInput(12, 20, 2);
    private static final Patch PATCH = new Patch(4, 5);
    private static final Head TOKEN = new Head(3, Pool.TOKEN, 0), MEAN = new Head(3, Pool.AVG, 0);

    private static Model model(String family) {
        var quiet = new Shape(16, 2, 2, 4, 24, 0);
        return switch (family) {
            case "vit" -> new CompactViT(new CompactViT.Config(RECTANGLE, PATCH, ENCODER, TOKEN, 0.1));
            case "mean" -> new CompactViT(new CompactViT.Config(RECTANGLE, PATCH, ENCODER, MEAN, 0.1));
            case "simple" -> new SimpleViT(new SimpleViT.Config(RECTANGLE, PATCH, quiet, MEAN));
            case "cait" -> new CompactCaiT(new CompactCaiT.Config(RECTANGLE, PATCH, ENCODER, 2, TOKEN, 0.1, 0.5));
            default ->
                new CompactT2TViT(new CompactT2TViT.Config(
                        RECTANGLE,
                        List.of(CompactT2TViT.Config.split(3, 2), CompactT2TViT.Config.split(3, 2)),
                        ENCODER,
                        MEAN,
                        0.1));
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit", "mean", "simple", "cait", "t2t"})
    void trainsOnRectangles(String family) {
        try (var model = model(family);
                var frame = Frame.open()) {
            model.initialise(5, Device.CPU);
            model.train(true);
            var logits = model.apply(Tensor.randn(2, 2, 12, 20));
            assertThat(logits.shape()).containsExactly(2, 3);
            Functional.crossEntropy(logits, Tensor.of(new long[] {0, 2}, 2), 0).backward();
            assertThat(Objects.requireNonNull(
                                    model.parameters().get(model.classifiers().get(0) + ".weight"))
                            .value()
                            .hasGradient())
                    .isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit", "mean", "simple", "cait", "t2t"})
    void refusesImagesOfAnotherSizeAndReplacesItsClassifier(String family) {
        try (var model = model(family);
                var frame = Frame.open();
                var off = Gradients.off()) {
            model.resetClassifier(7);
            model.initialise(5, Device.CPU);
            assertThat(model.config().classes()).isEqualTo(7);
            assertThat(model.apply(Tensor.randn(2, 2, 12, 20)).shape()).containsExactly(2, 7);
            assertThat(model.embed(Tensor.randn(2, 2, 12, 20)).shape()).containsExactly(2, 16);
            assertThatThrownBy(() -> model.apply(Tensor.randn(2, 2, 20, 20)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("20×20")
                    .hasMessageContaining("12×20");
            model.parameters()
                    .keySet()
                    .forEach(name -> assertThat(model.layer(name)).as(name).isBetween(0, model.layers() - 1));
        }
    }

    /** A checkpoint for 24×24 pixels in patches of 4×4 fits 48×16 pixels: 6×6 positions become 12×4. */
    @ParameterizedTest
    @EnumSource(
            value = Pool.class,
            names = {"TOKEN", "AVG"})
    void positionsFitAnotherGrid(Pool pool) {
        var config =
                new CompactViT.Config(new ImageInput(48, 16, 3), Patch.square(4), ENCODER, new Head(3, pool, 0), 0);
        try (var model = new CompactViT(config);
                var frame = Frame.open()) {
            long prefix = pool == Pool.TOKEN ? 1 : 0;
            var fitted = model.resample(
                    "pos_embedding", Tensor.ones(prefix + 36, 16), new long[] {prefix + 48, 16}, Optional.empty());
            assertThat(fitted.orElseThrow().shape()).containsExactly(prefix + 48, 16);
        }
    }

    @Test
    void theClassTokensLayersComeAfterThePatches() {
        try (var model = model("cait")) {
            assertThat(model.layers()).isEqualTo(6);
            assertThat(model.layer("patch_transformer.layers.1.0.scale")).isEqualTo(2);
            assertThat(model.layer("cls_transformer.layers.0.0.scale")).isEqualTo(3);
            assertThat(model.layer("mlp_head.0.weight")).isEqualTo(5);
        }
    }

    @Test
    void scalesStartSmallerWhereDeeper() {
        var deep = new Shape(8, 25, 1, 8, 8, 0);
        try (var model = new CompactCaiT(new CompactCaiT.Config(RECTANGLE, PATCH, deep, 1, TOKEN, 0, 0))) {
            model.initialise(1, Device.CPU);
            double[] expected = {0.1, 0.1, 1e-5, 1e-5, 1e-6};
            int[] layers = {0, 17, 18, 23, 24};
            for (int i = 0; i < layers.length; i++) {
                var scale = Objects.requireNonNull(
                        model.parameters().get("patch_transformer.layers." + layers[i] + ".1.scale"));
                assertThat(scale.value().toFloats()).containsOnly((float) expected[i]);
            }
        }
    }

    @Test
    void refusesWhatCannotWork() {
        assertThatThrownBy(() -> new CompactViT.Config(RECTANGLE, new Patch(5, 5), ENCODER, TOKEN, 0))
                .hasMessageContaining("10 and 15");
        assertThatThrownBy(() -> new SimpleViT.Config(RECTANGLE, PATCH, new Shape(18, 1, 1, 4, 4, 0), MEAN))
                .hasMessageContaining("multiple of 4");
        assertThatThrownBy(() -> new SimpleViT.Config(RECTANGLE, PATCH, ENCODER, MEAN))
                .hasMessageContaining("dropout");
        assertThatThrownBy(() -> model("vit").config().withDropPath(0.1)).hasMessageContaining("stochastic depth");
        assertThat(model("cait").config().withDropPath(0.25))
                .isInstanceOfSatisfying(CompactCaiT.Config.class, c -> assertThat(c.layerDropout())
                        .isEqualTo(0.25));
    }
}
