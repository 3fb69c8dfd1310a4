package dev.vitrail.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.engine.Autocast;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.NativeHeap;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Recomputation;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.cait.CaiTConfig;
import dev.vitrail.models.compact.CompactCaiT;
import dev.vitrail.models.compact.CompactTransformer;
import dev.vitrail.models.compact.CompactViT;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.VisionTransformer;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradient checkpointing changes nothing but the memory that a step takes. */
class RecomputationTest {
    private static final int CLASSES = 5;
    private static final CompactTransformer.Shape COMPACT = new CompactTransformer.Shape(32, 3, 4, 8, 64, 0.1);

    private static VisionTransformer vit() {
        return new VisionTransformer(ViTConfig.of(32, 8, 32, 3, 4)
                .withHead(new Head(CLASSES, Pool.TOKEN, 0))
                .withDropouts(new Dropouts(0, 0.1, 0.1, 0.3)));
    }

    static Stream<Arguments> models() {
        return Stream.of(
                Arguments.of("ViT", (Supplier<Model>) RecomputationTest::vit),
                Arguments.of("Swin", (Supplier<Model>)
                        () -> SwinConfig.of(SwinConfig.Version.V1, 32, 16, List.of(2, 2), List.of(2, 4), 4)
                                .withClasses(CLASSES)
                                .withDropPath(0.3)
                                .create()),
                Arguments.of("Swin V2", (Supplier<Model>)
                        () -> SwinConfig.of(SwinConfig.Version.V2, 32, 16, List.of(2, 2), List.of(2, 4), 4)
                                .withClasses(CLASSES)
                                .withDropPath(0.3)
                                .create()),
                Arguments.of("ConvNeXt", (Supplier<Model>)
                        () -> ConvNeXtConfig.of(List.of(1, 2, 1, 1), List.of(8, 8, 16, 16))
                                .withClasses(CLASSES)
                                .withDropPath(0.3)
                                .create()),
                Arguments.of("CaiT", (Supplier<Model>) () -> CaiTConfig.of(32, 8, 32, 2, 4)
                        .withClasses(CLASSES)
                        .withDropPath(0.3)
                        .create()),
                // Batch statistics, blocks that change the shape, and a stem that is frozen below.
                Arguments.of("ResNet", (Supplier<Model>) () -> ResNetConfig.of(ResNetConfig.BlockType.BASIC, 1, 1, 1, 1)
                        .withClasses(CLASSES)
                        .withDropPath(0.3)
                        .create()),
                // Blocks that append channels, and transitions between them.
                Arguments.of("T2T-ViT", (Supplier<Model>)
                        () -> Catalog.get("t2t_mini_32_dense").create()),
                Arguments.of("compact ViT", (Supplier<Model>) () -> new CompactViT(new CompactViT.Config(
                        ImageInput.square(32), Patch.square(8), COMPACT, new Head(CLASSES, Pool.TOKEN, 0), 0.1))),
                // Layers that are left out by chance.
                Arguments.of("compact CaiT", (Supplier<Model>) () -> new CompactCaiT(new CompactCaiT.Config(
                        ImageInput.square(32),
                        Patch.square(8),
                        COMPACT,
                        2,
                        new Head(CLASSES, Pool.TOKEN, 0),
                        0.1,
                        0.3))));
    }

    /** All that a step leaves behind, as bytes. */
    private static Map<String, byte[]> step(Model model, boolean recomputed, boolean half, boolean frozenStem) {
        model.initialise(7, Device.CPU);
        model.train(true);
        if (frozenStem) {
            model.parameters().forEach((name, parameter) -> {
                if (!name.matches("(head|fc|norm|blocks|layers|stages|layer\\d|\\w*transformer|mlp_head).*")) {
                    parameter.setTrainable(false);
                }
            });
        }
        var left = new LinkedHashMap<String, byte[]>();
        try (var frame = Frame.open();
                var on = Gradients.on();
                var recomputation = recomputed ? Recomputation.open() : null) {
            RandomState.seed(8);
            var images = Tensor.randn(4, 3, 32, 32);
            RandomState.seed(9);
            Tensor loss;
            try (var autocast = half ? Autocast.open(Device.Type.CPU, DType.BF16) : null) {
                loss = Functional.crossEntropy(
                        model.apply(images).to(DType.F32), Tensor.of(new long[] {0, 1, 2, 3}, 4), 0.1);
            }
            left.put("loss", loss.toBytes());
            loss.backward();
        }
        left.put("random numbers", RandomState.save());
        model.parameters().forEach((name, parameter) -> {
            if (parameter.isBuffer()) {
                left.put(name, parameter.value().toBytes());
            } else if (parameter.value().hasGradient()) {
                left.put(
                        "gradient of " + name,
                        Frame.compute(() -> parameter.value().gradient().toBytes()));
                parameter.value().clearGradient();
            }
        });
        return left;
    }

    private static void assertSame(Model model, boolean half, boolean frozenStem) {
        var plain = step(model, false, half, frozenStem);
        var recomputed = step(model, true, half, frozenStem);
        assertThat(recomputed.keySet()).isEqualTo(plain.keySet());
        assertThat(plain).hasSizeGreaterThan(20);
        plain.forEach((name, bytes) -> assertThat(recomputed.get(name)).as(name).isEqualTo(bytes));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("models")
    void everythingIsTheSameToTheLastBit(String name, Supplier<Model> make) {
        try (var model = make.get()) {
            assertSame(model, false, false);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("models")
    void everythingIsTheSameInMixedPrecision(String name, Supplier<Model> make) {
        try (var model = make.get()) {
            assertSame(model, true, false);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("models")
    void everythingIsTheSameAboveAFrozenStem(String name, Supplier<Model> make) {
        try (var model = make.get()) {
            assertSame(model, false, true);
        }
    }

    /** Bytes that the forward pass leaves for the backward pass. */
    private static long held(Model model, boolean recomputed) {
        try (var frame = Frame.open();
                var on = Gradients.on();
                var recomputation = recomputed ? Recomputation.open() : null) {
            var images = Tensor.randn(8, 3, 32, 32);
            long before = NativeHeap.bytesInUse().orElseThrow();
            var loss = model.apply(images).sum();
            long held = NativeHeap.bytesInUse().orElseThrow() - before;
            loss.backward();
            return held;
        }
    }

    @Test
    void takesAFractionOfTheMemory() {
        assumeTrue(NativeHeap.bytesInUse().isPresent(), "only glibc tells how many bytes are in use");
        try (var model = ViTConfig.of(32, 4, 64, 8, 4).withClasses(CLASSES).create()) {
            model.initialise(1, Device.CPU);
            model.train(true);
            held(model, false); // what is allocated once
            held(model, true);
            assertThat(held(model, true)).isLessThan(held(model, false) / 5);
        }
    }

    /**
     * Steps whose backward pass never comes, and collections between the passes, neither leak nor crash. A step keeps
     * 100 KiB for its backward pass, so that losing them would show as 20 MiB; the virtual machine's own compiler takes
     * one or two.
     */
    @Test
    void memoryIsFlat() {
        assumeTrue(NativeHeap.bytesInUse().isPresent(), "only glibc tells how many bytes are in use");
        try (var model = vit()) {
            model.initialise(1, Device.CPU);
            model.train(true);
            steps(model, 100);
            long before = NativeHeap.bytesInUse().orElseThrow();
            steps(model, 200);
            long after = NativeHeap.bytesInUse().orElseThrow();
            assertThat((after - before) >> 20).as("growth, MiB").isLessThan(5);
        }
    }

    /** Steps of which every other one has no backward pass. */
    private static void steps(Model model, int count) {
        for (int i = 0; i < count; i++) {
            try (var frame = Frame.open();
                    var on = Gradients.on();
                    var recomputation = Recomputation.open()) {
                var loss = model.apply(Tensor.ones(16, 3, 32, 32)).sum();
                if (i % 50 == 0) {
                    System.gc();
                }
                if (i % 2 == 0) {
                    loss.backward();
                }
            }
        }
    }

    @Test
    void aFaultInTheBackwardPassIsThrown() {
        try (var frame = Frame.open();
                var on = Gradients.on();
                var recomputation = Recomputation.open()) {
            int[] calls = {0};
            var x = Tensor.ones(2, 3).requireGradient(true);
            var y = Recomputation.segment(x.times(2), z -> {
                if (calls[0]++ > 0) {
                    throw new IllegalStateException("the second time");
                }
                return z.times(z);
            });
            assertThatThrownBy(() -> y.sum().backward()).hasMessageContaining("the second time");
            assertThat(Recomputation.repeating()).isFalse();
        }
    }
}
