package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.NativeHeap;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Tensors;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.ViTVariants;
import dev.vitrail.models.zoo.Catalog;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What all models can do: feature maps, results of blocks, attention weights. */
class ModelInterfaceTest {
    private static final Offset<Float> ROUNDING = within(2e-5f);

    static Stream<Variant> models() {
        return SmallModels.all();
    }

    private static void with(Variant variant, BiConsumer<Model, Tensor> body) {
        try (var model = variant.create();
                var frame = Frame.open();
                var off = Gradients.off()) {
            model.initialise(1, Device.CPU);
            var config = model.config();
            body.accept(model, Tensor.randn(2, config.channels(), config.imageHeight(), config.imageWidth()));
        }
    }

    private static List<Integer> indices(Model model) {
        return IntStream.range(0, model.featureInfo().size()).boxed().toList();
    }

    @ParameterizedTest
    @MethodSource("models")
    void featureMapsHaveTheAnnouncedChannelsAndStrides(Variant variant) {
        with(variant, (model, images) -> {
            var maps = model.featureMaps(images, indices(model));
            assertThat(maps).hasSameSizeAs(model.featureInfo()).isNotEmpty();
            for (int i = 0; i < maps.size(); i++) {
                var info = model.featureInfo().get(i);
                assertThat(maps.get(i).info()).isEqualTo(info);
                assertThat(maps.get(i).map().shape())
                        .as(info.module())
                        .containsExactly(
                                2,
                                info.channels(),
                                images.size(2) / info.strideHeight(),
                                images.size(3) / info.strideWidth());
            }
        });
    }

    /** The last map is the model's own last feature map, where the same normalisation is applied to both. */
    @ParameterizedTest
    @MethodSource("models")
    void theLastMapIsTheModelsOwn(Variant variant) {
        with(variant, (model, images) -> {
            var last = model.featureMaps(images, List.of(-1), true).get(0).map();
            var features = model.extractFeatures(images);
            long places = last.size(2) * last.size(3);
            if (features.dims() == 4) {
                var map = features.size(1) == last.size(1) ? features : features.permute(0, 3, 1, 2);
                assertThat(last.toFloats()).containsExactly(map.toFloats(), ROUNDING);
            } else if (features.size(1) >= places) {
                var tokens = features.narrow(1, features.size(1) - places, places);
                assertThat(last.flatten(2).transpose(1, 2).toFloats()).containsExactly(tokens.toFloats(), ROUNDING);
            } else {
                assertThat(variant.name()).as("only the class token").contains("compact_cait");
            }
        });
    }

    @ParameterizedTest
    @MethodSource("models")
    void featureMapsAreWhatTheBlocksGave(Variant variant) {
        with(variant, (model, images) -> {
            var blocks = model.blocks();
            for (var found : model.featureMaps(images, indices(model))) {
                var module = found.info().module();
                var lastBlock = blocks.stream()
                        .filter(name -> name.equals(module) || name.startsWith(module + "."))
                        .reduce((first, second) -> second)
                        .orElseThrow();
                var block = model.observe(images, lastBlock).output(lastBlock);
                assertThat(found.map().sum().item())
                        .as(lastBlock)
                        .isCloseTo(withoutPrefix(block, found.map()).sum().item(), within(1e-2));
                assertThat(sorted(found.map())).containsExactly(sorted(withoutPrefix(block, found.map())), ROUNDING);
            }
        });
    }

    private static Tensor withoutPrefix(Tensor block, Tensor map) {
        long places = map.size(2) * map.size(3);
        return block.dims() == 3 ? block.narrow(1, block.size(1) - places, places) : block;
    }

    private static float[] sorted(Tensor values) {
        var all = values.toFloats();
        Arrays.sort(all);
        return all;
    }

    @ParameterizedTest
    @MethodSource("models")
    void gradientsOfFeatureMapsReachTheImage(Variant variant) {
        try (var model = variant.create();
                var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            var config = model.config();
            var images = Tensor.randn(2, config.channels(), config.imageHeight(), config.imageWidth())
                    .requireGradient(true);
            for (int index : indices(model)) {
                images.clearGradient();
                model.featureMaps(images, List.of(index))
                        .get(0)
                        .map()
                        .power(2)
                        .sum()
                        .backward();
                assertThat(Tensors.largest(images.gradient())).isPositive();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void observingChangesNothingAndShowsAllBlocksAndAttentions(Variant variant) {
        with(variant, (model, images) -> {
            var plain = model.apply(images).toFloats();
            var names = Stream.concat(model.blocks().stream(), model.attentions().stream())
                    .toList();
            var observed = model.observe(images, names.toArray(String[]::new));
            assertThat(observed.logits().toFloats()).containsExactly(plain, ROUNDING);
            assertThat(observed.outputs()).containsOnlyKeys(names).isNotEmpty();
            for (var name : model.attentions()) {
                var weights = observed.output(name);
                assertThat(weights.dims()).as(name).isEqualTo(4);
                if (!variant.name().equals("cait_mini_32") || name.contains("token_only")) {
                    var ones = new float[(int) (weights.count() / weights.size(-1))];
                    Arrays.fill(ones, 1);
                    assertThat(weights.sum(false, -1).toFloats()).as(name).containsExactly(ones, ROUNDING);
                }
            }
            boolean convolutional = List.of("resnet", "convnext", "bit", "mixer").stream()
                    .anyMatch(word -> variant.name().startsWith(word));
            assertThat(model.attentions().isEmpty()).isEqualTo(convolutional);
        });
    }

    /** A map that nobody frees takes a fifth of a MiB a call. */
    @Test
    void leavesNoNativeMemoryBehind() {
        assumeTrue(NativeHeap.bytesInUse().isPresent(), "this C library does not say how much memory is in use");
        var model = new Model[] {Catalog.get("vit_mini_patch4_32").create()};
        model[0].initialise(1, Device.CPU);
        Runnable call = () -> Frame.run(() -> {
            try (var off = Gradients.off()) {
                var images = Tensor.ones(4, 3, 32, 32);
                model[0].featureMaps(images, indices(model[0]), true);
                model[0].observe(images, "blocks.*", "blocks.*.attn.attn_drop");
                model[0] = model[0].withImage(32, 32).model();
            }
        });
        for (int i = 0; i < 15; i++) {
            call.run();
        }
        long before = NativeHeap.bytesInUse().orElseThrow();
        for (int i = 0; i < 60; i++) {
            call.run();
        }
        assertThat(NativeHeap.bytesInUse().orElseThrow() - before).isLessThan(10L << 20);
        model[0].close();
    }

    @Test
    void namesStandForManyAndAreChecked() {
        with(Catalog.get("vit_mini_patch4_32"), (model, images) -> {
            assertThat(model.observe(images, "blocks.*").outputs().keySet()).containsExactlyElementsOf(model.blocks());
            assertThat(model.observe(images, "blocks.*.attn.attn_drop")
                            .outputs()
                            .keySet())
                    .containsExactlyElementsOf(model.attentions());
            assertThatThrownBy(() -> model.observe(images, "blocks.0.atn"))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageStartingWith("the model has nothing by the name 'blocks.0.atn' to look at")
                    .hasMessageContaining("blocks.0.attn");
            assertThatThrownBy(() -> model.featureMaps(images, List.of(99)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("found 99");
        });
    }

    @Test
    void pyramidsHaveTheStridesOfDetectors() {
        for (var name : List.of("resnet50", "convnext_tiny", "swin_tiny_patch4_window7_224", "resnetv2_50x1_bit")) {
            try (var model = Catalog.get(name).create()) {
                assertThat(model.featureInfo())
                        .extracting(FeatureInfo::strideHeight)
                        .as(name)
                        .containsExactly(4, 8, 16, 32);
            }
        }
        try (var hybrid = Catalog.get("vit_base_r50_s16_224").create()) {
            assertThat(hybrid.featureInfo())
                    .extracting(FeatureInfo::strideHeight)
                    .startsWith(4, 8, 16)
                    .hasSize(3 + 12)
                    .endsWith(16);
            assertThat(hybrid.featureInfo().get(0).module()).isEqualTo("patch_embed.backbone.stages.0");
        }
    }

    @Test
    void mapsOfADynamicSizeFollowTheImages() {
        var config = ViTConfig.of(32, 8, 24, 2, 3).withPatches(p -> p.withDynamicPad(true));
        with(new Variant("dynamic", ViTVariants.FAMILY, config), (model, images) -> assertThat(
                        model.featureMaps(Tensor.randn(1, 3, 50, 20), List.of(1))
                                .get(0)
                                .map()
                                .shape())
                .containsExactly(1, 24, 7, 3));
    }
}
