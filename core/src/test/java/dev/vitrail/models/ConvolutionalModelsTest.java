package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.FlopCounter;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.convnext.ConvNeXt;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.resnet.ResNet;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the golden cases of convolutional networks do not show: sizes, refusals, training, depths, names. */
final class ConvolutionalModelsTest {
    private static final ResNetV2Config BIT = ResNetV2Config.of(1, 1)
            .withBlocks(b -> b.withWidths(List.of(64, 128)))
            .withStem(s -> s.withType(ResNetV2Config.StemType.FIXED))
            .withLayers(l -> l.withGroups(8))
            .withHead(new Head(5, Pool.AVG, 0));

    private static final Head DROPPING = Head.of(Pool.AVG).withDropout(0.5);

    private static long[] shape(ModelConfig config, int height, int width) {
        try (var model = config.create();
                var frame = Frame.open();
                var off = Gradients.off()) {
            model.initialise(1, Device.CPU);
            var logits = model.apply(Tensor.randn(2, config.channels(), height, width));
            assertThat(Tensors.finite(logits)).isTrue();
            return logits.shape();
        }
    }

    @ParameterizedTest
    @CsvSource({"PLAIN", "FIXED", "SAME", "DEEP", "DEEP_FIXED", "DEEP_SAME", "TIERED"})
    void everyStemTakesOddSizes(ResNetV2Config.StemType stem) {
        for (var convolution : ResNetV2Config.Convolution.values()) {
            assertThat(shape(
                            BIT.withStem(s -> s.withType(stem))
                                    .withLayers(l -> l.withConvolution(convolution, l.convolutionEps()))
                                    .withChannels(4),
                            37,
                            50))
                    .containsExactly(2, 5);
        }
    }

    @ParameterizedTest
    @CsvSource({"AVG", "MAX", "AVGMAX", "CATAVGMAX"})
    void everyPoolFeedsTheClassifier(Pool pool) {
        assertThat(shape(BIT.withHead(new Head(5, pool, 0)), 32, 32)).containsExactly(2, 5);
        assertThat(shape(ResNetConfig.of(ResNetConfig.BlockType.BASIC, 1, 1).withHead(new Head(5, pool, 0)), 33, 32))
                .containsExactly(2, 5);
    }

    @Test
    void plainBlocksAveragesAndBatchNormalisationWorkTogether() {
        var config = BIT.withBlocks(
                        b -> new ResNetV2Config.Blocks(b.depths(), b.widths(), 1, true, true, 1, true, false))
                .withLayers(l -> l.withNorm(ResNetV2Config.Norm.BATCH));
        assertThat(shape(config, 45, 32)).containsExactly(2, 5);
    }

    @Test
    void resNextsAndConvolvedPoolsWork() {
        var plain = ResNetConfig.of(ResNetConfig.BlockType.BOTTLENECK, 1, 2);
        var blocks = plain.blocks();
        var config = new ResNetConfig(
                plain.image(),
                new ResNetConfig.Stem(ResNetConfig.StemType.DEEP_TIERED, 64, true),
                new ResNetConfig.Blocks(
                        blocks.type(), blocks.depths(), blocks.widths(), 8, 4, 2, blocks.activation(), 1e-5, true),
                new ResNetConfig.Shortcut(3, false),
                plain.head(),
                0);
        assertThat(shape(config, 40, 33)).containsExactly(2, 1000);
    }

    private static void assertDropsOutWhileTrainingAlone(Model model) {
        try (model;
                var frame = Frame.open();
                var off = Gradients.off()) {
            model.initialise(1, Device.CPU);
            var images = Tensor.randn(2, 3, 32, 32);
            assertThat(model.apply(images).toFloats())
                    .isEqualTo(model.apply(images).toFloats());
            model.train(true);
            assertThat(model.apply(images).toFloats())
                    .isNotEqualTo(model.apply(images).toFloats());
        }
    }

    @Test
    void classifiersAreTrainedWithDropout() {
        assertDropsOutWhileTrainingAlone(
                new ResNet(ResNetConfig.of(ResNetConfig.BlockType.BASIC, 1, 1).withHead(DROPPING)));
        assertDropsOutWhileTrainingAlone(new ResNetV2(BIT.withHead(DROPPING)));
        assertDropsOutWhileTrainingAlone(
                new ConvNeXt(ConvNeXtConfig.of(List.of(1, 1), List.of(16, 32)).withHead(DROPPING)));
    }

    @Test
    void convNeXtTakesSizesThatItsStrideDoesNotDivide() {
        var stages = new ConvNeXtConfig.Stages(List.of(1, 1, 1, 1), List.of(8, 8, 8, 8), List.of(3, 5, 7, 3));
        var plain = ConvNeXtConfig.of(stages.depths(), stages.widths());
        var config = new ConvNeXtConfig(
                plain.image(), plain.stem(), stages, plain.blocks(), plain.headLayers(), new Head(3, Pool.AVG, 0), 0);
        assertThat(shape(config, 67, 95)).containsExactly(2, 3);
        assertThat(shape(config.withStem(s -> s.withType(ConvNeXtConfig.StemType.OVERLAP_ACT)), 67, 95))
                .containsExactly(2, 3);
        assertThat(shape(config.withStem(s -> s.withPatch(2)), 67, 32)).containsExactly(2, 3);
    }

    @Test
    void sizesThatCannotWorkAreRefusedWithTheNumbers() {
        var tiny = (ConvNeXtConfig) Catalog.get("convnext_tiny").config();
        assertThatThrownBy(() -> tiny.withImage(31, 224))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("31×224")
                .hasMessageContaining("at least 32×32");
        assertThatThrownBy(() -> tiny.withStem(s -> s.withPatch(8)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("patches of 8 pixels");
        assertThatThrownBy(() -> new ConvNeXtConfig.Stages(
                        tiny.stages().depths(), tiny.stages().widths(), List.of(7, 7, 7)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("[7, 7, 7]");
        assertThatThrownBy(() -> new ResNetConfig.Blocks(
                        ResNetConfig.BlockType.BASIC,
                        List.of(2, 2),
                        List.of(64, 128),
                        4,
                        64,
                        1,
                        Activation.RELU,
                        1e-5,
                        true))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("found 4 and 64");
        assertThatThrownBy(() -> BIT.withHead(new Head(5, Pool.NONE, 0)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("5 classes");
        var odd = BIT.withLayers(l -> l.withGroups(32)).withBlocks(b -> b.withWidths(List.of(40, 80)));
        assertThatThrownBy(() -> new ResNetV2(odd))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("into 32 equal groups");
        var hybrid = (ViTConfig) Catalog.get("vit_small_r26_s32_224").config();
        assertThatThrownBy(() -> hybrid.withImage(240, 224))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("240")
                .hasMessageContaining("224 and 256");
    }

    @Test
    void aHybridRefusesImagesOfAnotherSize() {
        try (var model = Catalog.get("vit_tiny_r_s16_p8_224").create();
                var frame = Frame.open()) {
            assertThatThrownBy(() -> model.apply(Tensor.empty(DType.F32, Device.META, 1, 3, 192, 224)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("192×224")
                    .hasMessageContaining("224×224");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"resnet_mini_32", "resnet20_mini_32", "convnext_mini_32"})
    void smallModelsAreSmallAndTrainWithStochasticDepth(String name) {
        var variant = Catalog.get(name);
        try (var model = variant.config().withDropPath(0.5).create();
                var frame = Frame.open();
                var on = Gradients.on()) {
            assertThat(model.parameterCount()).isLessThan(1_500_000);
            model.initialise(3, Device.CPU);
            model.train(true);
            var images = Tensor.randn(8, 3, 32, 32);
            var classes = Tensor.of(new long[] {0, 1, 2, 3, 4, 5, 6, 7}, 8);
            var loss = Functional.crossEntropy(model.apply(images), classes, 0);
            loss.backward();
            assertThat(Tensors.finite(loss)).isTrue();
            assertThat(model.parameters().values())
                    .filteredOn(Parameter::isTrainable)
                    .allSatisfy(parameter ->
                            assertThat(parameter.value().hasGradient()).isTrue());
        }
    }

    @Test
    void batchNormalisationKeepsRunningStatisticsWhileTrainingAlone() {
        try (var model = Catalog.get("resnet_mini_32").create();
                var frame = Frame.open();
                var off = Gradients.off()) {
            model.initialise(3, Device.CPU);
            var images = Tensor.randn(4, 3, 32, 32).times(3);
            var batches = Objects.requireNonNull(model.parameters().get("bn1.num_batches_tracked"));
            var variance = Objects.requireNonNull(model.parameters().get("bn1.running_var"));
            model.apply(images);
            assertThat(batches.value().itemLong()).isZero();
            assertThat(variance.value().toFloats()).containsOnly(1);
            model.train(true);
            model.apply(images);
            assertThat(batches.value().itemLong()).isOne();
            assertThat(variance.value().toFloats()).doesNotContain(1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "resnet50, conv1.weight, 0",
        "resnet50, bn1.bias, 0",
        "resnet50, layer1.0.bn1.weight, 1",
        "resnet50, layer3.2.conv1.weight, 10",
        "resnet50, fc.bias, 17",
        "resnetv2_50x1_bit, stem.conv.weight, 0",
        "resnetv2_50x1_bit, stages.1.blocks.0.downsample.conv.weight, 4",
        "resnetv2_50x1_bit, norm.weight, 16",
        "resnetv2_50x1_bit, head.fc.weight, 17",
        "convnext_tiny, stem.1.bias, 0",
        "convnext_tiny, stages.1.downsample.0.weight, 4",
        "convnext_tiny, stages.2.blocks.8.gamma, 15",
        "convnext_tiny, head.norm.weight, 19",
        "convnext_tiny_hnf, norm_pre.weight, 18",
        "vit_base_r50_s16_384, patch_embed.backbone.stem.conv.weight, 0"
    })
    void parametersHaveTheDepthsOfTimm(String name, String parameter, int depth) {
        try (var model = Catalog.get(name).create()) {
            assertThat(model.parameters()).containsKey(parameter);
            assertThat(model.layer(parameter)).isEqualTo(depth);
            assertThat(model.layers()).isGreaterThan(depth);
        }
    }

    /** Figures of the paper's table 2: parameters in millions, 10⁹ multiply–accumulates. */
    @ParameterizedTest
    @CsvSource({"small, 22, 4.3", "base, 87, 16.9", "large, 306, 59.7"})
    void isotropicNetworksAreAsLargeAsThePaperSays(String size, double millions, double billions) {
        try (var model = Catalog.get("convnext_isotropic_" + size).create();
                var frame = Frame.open()) {
            assertThat(model.parameterCount() / 1e6).isCloseTo(millions, within(0.5));
            var image = Tensor.empty(DType.F32, Device.META, 1, 3, 224, 224);
            assertThat(FlopCounter.of(() -> model.apply(image)).multiplyAccumulates() / 1e9)
                    .isCloseTo(billions, within(0.05));
        }
    }
}
