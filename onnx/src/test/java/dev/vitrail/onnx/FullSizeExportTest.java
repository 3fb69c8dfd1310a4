package dev.vitrail.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.WeightInit;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Published sizes, one of each family: {@code -Dvitrail.onnx.full=true}. It takes minutes; the miniatures of
 * {@link OnnxExportTest} have the same operations.
 */
@EnabledIfSystemProperty(named = "vitrail.onnx.full", matches = "true")
class FullSizeExportTest {
    private static final List<Integer> BATCHES = List.of(1, 3, 8);
    private static final int LEAST_SIDE = 192;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    /** The smallest variant of each family for images of 192 pixels and more. */
    static Stream<Variant> smallest() {
        return Catalog.variants().stream()
                .filter(variant -> variant.config().imageHeight() >= LEAST_SIDE)
                .collect(Collectors.toMap(
                        Variant::family,
                        variant -> variant,
                        BinaryOperator.minBy(Comparator.comparingLong(FullSizeExportTest::parameters))))
                .values()
                .stream()
                .sorted(Comparator.comparing(Variant::name));
    }

    private static long parameters(Variant variant) {
        try (var shape = variant.config().create()) {
            return shape.parameterCount();
        }
    }

    @ParameterizedTest
    @MethodSource("smallest")
    void graphComputesWhatTheModelDoes(Variant variant) {
        var config = variant.config();
        var model = config.create();
        model.initialise(3, Device.CPU, WeightInit.SCALED);
        model.train(false);
        var preprocessing = Preprocessing.of(config.imageHeight(), 1, Interpolation.BICUBIC, Normalization.IMAGENET);
        try (var loaded = new LoadedModel(variant.name(), variant, model, preprocessing, List.of(), false, List.of())) {
            var file = folder.resolve("model.onnx");
            OnnxExport.write(loaded, file, OnnxExportOptions.DEFAULT);
            var size = List.of(config.imageHeight(), config.imageWidth());
            var checked = OnnxCheck.run(loaded, file, 2, BATCHES, List.of(size));
            assertThat(checked.range()).isPositive();
            assertThat(checked.difference()).isLessThanOrEqualTo(OnnxCheck.TOLERANCE * checked.range());
            System.out.printf(
                    "%s: %.1g of a range of %.2g%n",
                    variant.name(), checked.difference() / checked.range(), checked.range());
        }
    }
}
